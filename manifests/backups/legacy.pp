# @summary Takes the parameters of the class `backups` that this module replaces, and declares `quickstack::backups`
#
# Numbers and Booleans may be strings, as they are there. What has lost its meaning is accepted, and the compilation warns of it.
# Where one of those is given, the former class was here: its cron job, script, sudo rule, log rotation and authorized_keys are
# removed. What is left out comes from Hiera or has the default of `quickstack::backups`.
#
# @example In place of `class { 'backups': ... }`
#   class { 'quickstack::backups::legacy':
#     role         => 'compute',
#     enabled      => 'true',
#     user         => 'moc-backups',
#     script_src   => 'puppet:///modules/quickstack/compute_backup.sh',
#     script_local => 'backup.sh',
#     backups_dir  => '/backups',
#     log_file     => '/var/log/backups.log',
#     verbose      => 'false',
#     cron_email   => 'ops@example.com',
#     cron_hour    => '1',
#     cron_min     => '05',
#     keep_days    => '3',
#   }
#
# @param role
#   As `role` of `quickstack::backups`; the former class had a script instead.
# @param enabled
#   As `enabled` of `quickstack::backups`.
# @param user
#   As `user` of `quickstack::backups`.
# @param backups_dir
#   As `backups_dir` of `quickstack::backups`.
# @param log_file
#   As `log_file` of `quickstack::backups`.
# @param verbose
#   True is `verbosity` 1 of `quickstack::backups`, false is 0.
# @param cron_email
#   As `cron_email` of `quickstack::backups`; the empty string is none.
# @param cron_hour
#   As `cron_hour` of `quickstack::backups`.
# @param cron_min
#   As `cron_min` of `quickstack::backups`.
# @param keep_days
#   As `keep_days` of `quickstack::backups`.
# @param script_src
#   Ignored: the agent is the module's own, and what it saves is said by `role`, `paths`, `excludes` and `dumps`.
# @param script_local
#   Ignored: the agent is `/usr/local/sbin/kaizen-backup`. The former script of that name is removed.
# @param ssh_key
#   Ignored: collectors export their keys, or they stand in `collector_keys`.
# @param sudoers_d
#   Ignored: the door has a sudo rule of its own, for one exact command.
class quickstack::backups::legacy (
  Optional[Quickstack::Backups::Role]       $role         = undef,
  Optional[Quickstack::Backups::Boolstring] $enabled      = undef,
  Optional[Quickstack::Backups::User]       $user         = undef,
  Optional[Quickstack::Backups::Plainpath]  $backups_dir  = undef,
  Optional[Quickstack::Backups::Plainpath]  $log_file     = undef,
  Optional[Quickstack::Backups::Boolstring] $verbose      = undef,
  Optional[Variant[Enum[''], Quickstack::Backups::Mailto]] $cron_email = undef,
  Optional[Quickstack::Backups::Intstring]  $cron_hour    = undef,
  Optional[Quickstack::Backups::Intstring]  $cron_min     = undef,
  Optional[Quickstack::Backups::Intstring]  $keep_days    = undef,
  Any                                       $script_src   = undef,
  Any                                       $script_local = undef,
  Any                                       $ssh_key      = undef,
  Any                                       $sudoers_d    = undef,
) {
  $email = $cron_email ? { '' => undef, default => $cron_email }
  class { 'quickstack::backups':
    role        => $role,
    enabled     => $enabled.then |$value| { str2bool(String($value).downcase) },
    user        => $user,
    backups_dir => $backups_dir,
    log_file    => $log_file,
    verbosity   => $verbose.then |$value| { Integer(str2bool(String($value).downcase)) },
    cron_email  => $email,
    cron_hour   => $cron_hour.then |$value| { Integer($value, 10) },
    cron_min    => $cron_min.then |$value| { Integer($value, 10) },
    keep_days   => $keep_days.then |$value| { Integer($value, 10) },
  }

  $lost = {
    'script_src'   => [$script_src, "what is saved is said by quickstack::backups' role, paths, excludes and dumps"],
    'script_local' => [$script_local, 'the agent is always /usr/local/sbin/kaizen-backup'],
    'ssh_key'      => [$ssh_key, 'collectors export their keys through PuppetDB, or they stand in collector_keys'],
    'sudoers_d'    => [$sudoers_d, 'the door has a sudo rule of its own, for one exact command'],
  }.filter |$_name, $value| { $value[0] =~ NotUndef }

  $lost.each |$name, $value| {
    warning("backups: ${name} (backups_${name}) has lost its meaning and can go: ${value[1]}.")
  }

  # Only the former class has these parameters, so only where they are given do these names belong to it.
  unless $lost.empty {
    $former_user = $quickstack::backups::user
    file { [
        '/etc/cron.d/backups',
        '/etc/logrotate.d/backups',
        "/etc/sudoers.d/10-${former_user}",
        "/home/${former_user}/.ssh/authorized_keys",
      ]:
        ensure => absent,
    }
    if $script_local =~ Pattern[/\A[A-Za-z0-9_][A-Za-z0-9._-]*\z/] {
      file { "${quickstack::backups::backups_dir}/scripts/${script_local}":
        ensure => absent,
      }
    }
  }
}
