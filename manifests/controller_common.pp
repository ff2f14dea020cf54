# @summary What every controller has in common: here, its backups
#
# The parameters are those that the module in use has for its backups, numbers and Booleans in quotes included. What is left out
# comes from Hiera (`quickstack::backups::keep_days` and so on) or has its default.
#
# @example
#   include quickstack::controller_common
#
# @example A declaration that was written for the module in use
#   class { 'quickstack::controller_common':
#     backups_user       => 'moc-backups',
#     backups_script_src => 'puppet:///modules/quickstack/controller_backup.sh',
#     backups_dir        => '/backups',
#     backups_email      => 'ops@example.com',
#     backups_hour       => '1',
#     backups_min        => '30',
#     backups_keep_days  => '3',
#   }
#
# @param backups_enabled
#   As `enabled` of `quickstack::backups`.
# @param backups_user
#   As `user` of `quickstack::backups`.
# @param backups_dir
#   As `backups_dir` of `quickstack::backups`.
# @param backups_log
#   As `log_file` of `quickstack::backups`.
# @param backups_verbose
#   True is `verbosity` 1 of `quickstack::backups`, false is 0.
# @param backups_email
#   As `cron_email` of `quickstack::backups`; the empty string is none.
# @param backups_hour
#   As `cron_hour` of `quickstack::backups`.
# @param backups_min
#   As `cron_min` of `quickstack::backups`.
# @param backups_keep_days
#   As `keep_days` of `quickstack::backups`.
# @param backups_script_src
#   Ignored, with a warning; see `quickstack::backups::legacy`.
# @param backups_script_local
#   Ignored, with a warning; see `quickstack::backups::legacy`.
# @param backups_ssh_key
#   Ignored, with a warning; see `quickstack::backups::legacy`.
# @param backups_sudoers_d
#   Ignored, with a warning; see `quickstack::backups::legacy`.
# @param backpus_sudoers_d
#   The same, as the module in use spells it here.
class quickstack::controller_common (
  Optional[Quickstack::Backups::Boolstring] $backups_enabled      = undef,
  Optional[Quickstack::Backups::User]       $backups_user         = undef,
  Optional[Quickstack::Backups::Plainpath]  $backups_dir          = undef,
  Optional[Quickstack::Backups::Plainpath]  $backups_log          = undef,
  Optional[Quickstack::Backups::Boolstring] $backups_verbose      = undef,
  Optional[Variant[Enum[''], Quickstack::Backups::Mailto]] $backups_email = undef,
  Optional[Quickstack::Backups::Intstring]  $backups_hour         = undef,
  Optional[Quickstack::Backups::Intstring]  $backups_min          = undef,
  Optional[Quickstack::Backups::Intstring]  $backups_keep_days    = undef,
  Any                                       $backups_script_src   = undef,
  Any                                       $backups_script_local = undef,
  Any                                       $backups_ssh_key      = undef,
  Any                                       $backups_sudoers_d    = undef,
  Any                                       $backpus_sudoers_d    = undef,
) {
  class { 'quickstack::backups::legacy':
    role         => 'controller',
    enabled      => $backups_enabled,
    user         => $backups_user,
    backups_dir  => $backups_dir,
    log_file     => $backups_log,
    verbose      => $backups_verbose,
    cron_email   => $backups_email,
    cron_hour    => $backups_hour,
    cron_min     => $backups_min,
    keep_days    => $backups_keep_days,
    script_src   => $backups_script_src,
    script_local => $backups_script_local,
    ssh_key      => $backups_ssh_key,
    sudoers_d    => [$backups_sudoers_d, $backpus_sudoers_d].filter |$value| { $value =~ NotUndef }[0],
  }
}
