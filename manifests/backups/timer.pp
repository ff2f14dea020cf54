# @summary A systemd timer and the hardened service that it starts
#
# @example It comes with the public class
#   include quickstack::backups
#
# @param ensure
#   Whether it is there.
# @param manager
#   Who writes these files, for whoever reads them.
# @param description
#   What it does.
# @param hour
#   The hour of the run.
# @param minute
#   The minute of the run.
# @param writable
#   Directories that the service may write to, beside the usual ones.
# @param environment
#   Variables of the service.
#
# @api private
define quickstack::backups::timer (
  Enum['present', 'absent'] $ensure,
  String[1]                 $manager,
  String[1]                 $description,
  Integer[0, 23]            $hour,
  Integer[0, 59]            $minute,
  Array[Stdlib::Unixpath]   $writable,
  Hash[String[1], Integer]  $environment,
) {
  assert_private()

  $units = '/etc/systemd/system'
  $timer = "${units}/${title}.timer"
  $service = "${units}/${title}.service"
  $settings = "${service}.d"
  $present = $ensure == 'present'

  exec { "${title}: systemctl daemon-reload":
    command     => ['systemctl', 'daemon-reload'],
    refreshonly => true,
    path        => ['/usr/bin', '/bin'],
  }

  if $ensure == 'present' {
    file {
      default:
        ensure => file,
        owner  => 'root',
        group  => 'root',
        mode   => '0644',
        notify => Exec["${title}: systemctl daemon-reload"],
        ;
      $service:
        source => "puppet:///modules/quickstack/backups/systemd/${title}.service",
        ;
      $settings:
        ensure => directory,
        mode   => '0755',
        ;
      "${settings}/paths.conf":
        content => epp('quickstack/backups/paths.conf.epp', { manager => $manager, paths => $writable }),
        ;
      $timer:
        content => epp('quickstack/backups/timer.epp', {
          manager     => $manager,
          description => $description,
          hour        => $hour,
          minute      => $minute,
        }),
        ;
    }
    unless $environment.empty {
      file { "${settings}/environment.conf":
        ensure  => file,
        owner   => 'root',
        group   => 'root',
        mode    => '0644',
        content => epp('quickstack/backups/environment.conf.epp', { manager => $manager, environment => $environment }),
        notify  => Exec["${title}: systemctl daemon-reload"],
      }
    }
    service { "${title}.timer":
      ensure    => running,
      enable    => true,
      subscribe => File[$timer],
      require   => Exec["${title}: systemctl daemon-reload"],
    }
  } else {
    # A run that is under way is left to end.
    exec { "${title}: stop the timer":
      command => ['systemctl', 'disable', '--now', "${title}.timer"],
      onlyif  => "test -e ${timer}",
      path    => ['/usr/bin', '/bin'],
    }
    # A stamp that stayed would make the next timer run at once.
    -> file { "/var/lib/systemd/timers/stamp-${title}.timer":
      ensure => absent,
    }
    -> file { [$timer, $service, $settings]:
      ensure => absent,
      force  => true,
      notify => Exec["${title}: systemctl daemon-reload"],
    }
  }
}
