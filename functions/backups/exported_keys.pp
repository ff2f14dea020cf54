# @summary The public keys that collectors export; none where Puppet has no PuppetDB
#
# A collector that was deactivated or has expired in PuppetDB exports nothing more. When PuppetDB can't be asked the compilation
# fails, and a node keeps the keys that it has. What is no public key is left out: it can only come from another release.
#
# @return The keys, in no order
#
# @api private
function quickstack::backups::exported_keys() >> Array[Quickstack::Backups::Publickey] {
  if $settings::storeconfigs and $settings::storeconfigs_backend == 'puppetdb' {
    # A query and not <<| |>>: all keys are lines of one file, which an exported resource can't be.
    puppetdb_query('resources[parameters] {
      type = "Quickstack::Backups::Collector_key" and exported = true
        and nodes { deactivated is null and expired is null }
    }').map |$resource| { $resource['parameters']['key'] }.filter |$key| { $key =~ Quickstack::Backups::Publickey }
  } else {
    []
  }
}
