# @summary What every controller has in common: here, its backups
#
# Parameters of `quickstack::backups` other than the role come from Hiera.
#
# @example
#   include quickstack::controller_common
class quickstack::controller_common {
  class { 'quickstack::backups':
    role => 'controller',
  }
}
