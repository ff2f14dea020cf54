# @summary The door to a collector's store, for offsite machines: as a node's door, with another user and another rsyncd.conf
#
# `kaizen-onboard store` makes the same on a collector without Puppet. Without readers all of it is removed.
#
# @example It comes with the collector
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     store_readers  => { 'offsite.example' => 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ' },
#   }
#
# @param store
#   The collector's store.
# @param readers
#   The public keys that open the door, by the offsite machines' names.
#
# @api private
class quickstack::backups::store_door (
  Quickstack::Backups::Plainpath                                      $store,
  Hash[Quickstack::Backups::Nodename, Quickstack::Backups::Publickey] $readers,
) {
  assert_private()

  $user = 'kaizen-store'
  $home = "/var/lib/${user}"

  if $readers.empty {
    # The home is last: by its mark the next run knows that there is something to close, if one of these fails. The key opens
    # nothing without the rule; who is inside by it is sent away, since no user can go that has a process.
    file { ["/etc/sudoers.d/${user}", '/etc/kaizen/rsyncd-store.conf']:
      ensure => absent,
      force  => true,
      backup => false,
    }
    -> exec { 'kaizen: who reads the store':
      command   => "pkill -KILL -u ${user}",
      onlyif    => "pgrep -u ${user}",
      # Until there is nobody left to kill.
      returns   => 1,
      tries     => 50,
      try_sleep => 0.1,
      provider  => shell,
      path      => ['/usr/bin', '/bin'],
    }
    -> user { $user:
      ensure     => absent,
      managehome => false,
    }
    -> group { $user:
      ensure => absent,
    }
    -> file { $home:
      ensure => absent,
      force  => true,
      backup => false,
    }
  } else {
    ensure_packages(['rsync', 'sudo'])

    group { $user:
      ensure => present,
      system => true,
    }
    # As a node's: no password fits '*', and unlike '!' it doesn't lock the account for keys.
    user { $user:
      ensure     => present,
      comment    => 'a door to kept backups',
      system     => true,
      gid        => $user,
      home       => $home,
      managehome => false,
      shell      => '/bin/sh',
      password   => '*',
    }
    file {
      default:
        ensure => file,
        owner  => 'root',
        group  => 'root',
        mode   => '0644',
        ;
      '/etc/kaizen/rsyncd-store.conf':
        content => epp('quickstack/backups/rsyncd-store.conf.epp', { store => $store }),
        require => Package['rsync'],
        ;
      "/etc/sudoers.d/${user}":
        mode         => '0440',
        content      => epp('quickstack/backups/sudoers-store.epp', { user => $user }),
        validate_cmd => '/usr/sbin/visudo -cf %',
        require      => Package['sudo'],
        ;
      $home:
        ensure => directory,
        mode   => '0755',
        ;
      "${home}/.ssh":
        ensure  => directory,
        mode    => '0755',
        seltype => 'ssh_home_t',
        ;
      "${home}/.ssh/authorized_keys":
        content => epp('quickstack/backups/authorized_keys-store.epp', { keys => $readers.values }),
        seltype => 'ssh_home_t',
        require => [User[$user], File['/etc/kaizen/rsyncd-store.conf', "/etc/sudoers.d/${user}"]],
        ;
    }
  }
}
