# @summary The public key of a collector, exported for all nodes
#
# `quickstack::backups::collector` exports one under the collector's certname. The nodes find it in PuppetDB
# (`quickstack::backups::exported_keys`) and put it into their authorized_keys; by itself it manages nothing.
#
# @example What a collector exports
#   @@quickstack::backups::collector_key { $trusted['certname']:
#     key => $facts['kaizen_collector']['public_key'],
#   }
#
# @param key
#   The public half of the collector's key pair.
define quickstack::backups::collector_key (
  Quickstack::Backups::Publickey $key,
) {
}
