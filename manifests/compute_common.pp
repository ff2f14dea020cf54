# @summary What every compute has in common: here, its backups
#
# Parameters of `quickstack::backups` other than the role come from Hiera.
#
# @example
#   include quickstack::compute_common
class quickstack::compute_common {
  class { 'quickstack::backups':
    role => 'compute',
  }
}
