# @summary The door: one read-only ssh command for collectors
#
# The key, the user's home and everything in it belong to root, so that the user can't let anybody else in.
#
# @example It comes with the public class
#   include quickstack::backups
#
# @api private
class quickstack::backups::access {
  assert_private()

  $user = $quickstack::backups::user

  if $quickstack::backups::enabled {
    ensure_packages(['rsync', 'sudo'])

    group { $user:
      ensure => present,
      system => true,
    }
    # No password fits '*', and unlike '!' it doesn't lock the account for keys. The forced command runs through the shell.
    user { $user:
      ensure     => present,
      comment    => 'reads the backups of this node',
      system     => true,
      gid        => $user,
      home       => '/var/lib/kaizen',
      managehome => false,
      shell      => '/bin/sh',
      password   => '*',
    }
    # sshd reads these as the user. Under SELinux it reads keys of this type only.
    file { '/var/lib/kaizen/.ssh':
      ensure  => directory,
      owner   => 'root',
      group   => $user,
      mode    => '0750',
      seltype => 'ssh_home_t',
      require => User[$user],
    }
    file { '/var/lib/kaizen/.ssh/authorized_keys':
      ensure  => file,
      owner   => 'root',
      group   => $user,
      mode    => '0640',
      seltype => 'ssh_home_t',
      content => epp('quickstack/backups/authorized_keys.epp', {
        keys        => $quickstack::backups::collector_keys + quickstack::backups::exported_keys(),
        hosts       => $quickstack::backups::collector_hosts,
        authorities => $quickstack::backups::collector_authorities,
      }),
      require => File['/etc/kaizen/rsyncd.conf', '/etc/sudoers.d/kaizen-backup'],
    }
    file { '/etc/sudoers.d/kaizen-backup':
      ensure       => file,
      owner        => 'root',
      group        => 'root',
      mode         => '0440',
      content      => epp('quickstack/backups/sudoers.epp', { user => $user }),
      validate_cmd => '/usr/sbin/visudo -cf %',
      require      => Package['sudo'],
    }
    file { '/etc/kaizen/rsyncd.conf':
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('quickstack/backups/rsyncd.conf.epp', { backups_dir => $quickstack::backups::backups_dir }),
      require => Package['rsync'],
    }
  } else {
    file { ['/etc/sudoers.d/kaizen-backup', '/etc/kaizen/rsyncd.conf']:
      ensure => absent,
    }
    file { '/var/lib/kaizen/.ssh':
      ensure => absent,
      force  => true,
    }
  }

  # Users that were the door's and are not: the one of before a change of name, or all of them. The node's fact knows whom the
  # sudo rule lets in.
  $present = $quickstack::backups::enabled ? { true => [$user], default => [] }
  $known = [$user, $facts.get('kaizen_backup.user', $user)].filter |$name| { $name =~ Quickstack::Backups::User }
  ($known.unique - $present).each |$former| {
    user { $former:
      ensure     => absent,
      managehome => false,
      require    => File['/etc/sudoers.d/kaizen-backup', '/var/lib/kaizen'],
    }
    # A group can't go while it is somebody's own.
    group { $former:
      ensure  => absent,
      require => User[$former],
    }
  }
}
