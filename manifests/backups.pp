# @summary Backs up a node: a dated snapshot every night, and a door through which a collector reads it
#
# The agent makes one snapshot a night, `/backups/YYYY-MM-DD`. Collectors may read the published snapshots over ssh, and do nothing
# else. Where Puppet has a PuppetDB, the keys of all collectors come from it. With `enabled => false` the user, the door, the sudo
# rule, the schedule, the agent, its settings and what it remembers are removed; the snapshots, the log and the packages stay.
#
# @example Any node
#   include quickstack::backups
#
# @example A web server that a collector reads, where there is no PuppetDB
#   class { 'quickstack::backups':
#     paths          => ['/srv/www'],
#     excludes       => ['/srv/www/cache', '*.tmp'],
#     collector_keys => ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@backup.example'],
#   }
#
# @example The collector; the keys of `quickstack::backups::collector` come from Hiera
#   class { 'quickstack::backups':
#     collector => true,
#   }
#
# @param enabled
#   Whether this node is backed up.
# @param role
#   The role whose paths, excludes and dumps are added to those given here. The module ships `controller`, `compute`, `website`,
#   `hil`, `foreman`, `puppet`, `ceph-mon` and `generic`.
#   A site's own role is a file `/etc/kaizen/roles/<role>.conf` that is there before `/etc/kaizen/node.conf`, such as a `file`
#   resource with `before => File['/etc/kaizen/node.conf']`; a role without a file is refused when node.conf is written.
# @param paths
#   Absolute paths to back up. Each must exist on the node.
# @param excludes
#   What to leave out: rsync patterns, or absolute paths below a path.
# @param dumps
#   What to dump: `mysql`, `postgresql`, `mongodb`, `rabbitmq`, `packages` (the list of what is installed), `hil` (the databases
#   that the settings of HIL and OBMd name), `libvirt` (domains and networks), `ceph` (keys, maps and settings of a cluster),
#   `sqlite:/path`, or `command:NAME:/path/to/executable`.
# @param dump_recipients
#   Whom every dump of this node is encrypted for, on the node and with age, so that nobody else can read it, the collector neither:
#   public keys of age (`age1...`) or SSH (`ssh-ed25519`, `ssh-rsa`). Each private key alone opens all dumps; keep one away from the
#   node and the collector, and another in a safe: without one the dumps are lost.
# @param backups_dir
#   Where the snapshots are.
# @param log_file
#   The agent's log; it is rotated weekly.
# @param metrics_dir
#   The directory in which node_exporter's textfile collector looks for files: `/var/lib/prometheus/node-exporter` with Debian's
#   package, `/var/lib/node_exporter` with others. The agent writes `kaizen_backup.prom` into it after every run. Without it no
#   metrics are written; with `enabled => false` the file is removed.
# @param keep_days
#   How many days' snapshots this node keeps.
# @param verbosity
#   How much rsync and the agent say, from 0 to 3.
# @param dry_run
#   Whether scheduled runs only say what they would do.
# @param rsync_args
#   More long options for rsync, such as `--bwlimit=20m`.
# @param user
#   The unprivileged user that collectors log in as. The class creates it, and after a change of name removes the former one.
# @param collector_keys
#   Public keys of the collectors that may read this node's snapshots, together with those that collectors export to PuppetDB.
# @param collector_authorities
#   Public keys of SSH certificate authorities (`kaizen-onboard ca`). Whoever has a key that one of them signed for the principal
#   `kaizen-collector` may read this node's snapshots, too, as long as the certificate is valid.
# @param collector_hosts
#   Addresses or networks (`192.0.2.0/28`; no host bits) that the keys are valid from. Empty means from anywhere. A certificate
#   has its own.
# @param scheduler
#   Who runs the agent: `cron`, or a hardened systemd `timer`, which makes up for a run that was missed while the node was off. In
#   a time zone whose clocks skip the hour of the run in spring, a timer leaves out that night.
# @param cron_hour
#   The hour of the nightly run, of cron and timer alike.
# @param cron_min
#   The minute of the nightly run, of cron and timer alike. Each host has one of its own by default.
# @param cron_email
#   Whom cron mails when a run has something to report. Without it cron mails root. A timer mails nobody: what went wrong is in
#   the journal.
# @param collector
#   Whether this node is a collector too; declares `quickstack::backups::collector`, whose parameters then come from Hiera. Where
#   a collector was and is no more, its program, settings, schedule and key are removed; the store and its history stay.
class quickstack::backups (
  Boolean                                  $enabled               = true,
  Quickstack::Backups::Role                $role                  = 'generic',
  Array[Quickstack::Backups::Path]         $paths                 = [],
  Array[Quickstack::Backups::Exclude]      $excludes              = [],
  Array[Quickstack::Backups::Dump]         $dumps                 = [],
  Array[Quickstack::Backups::Recipient]    $dump_recipients       = [],
  Quickstack::Backups::Datadir             $backups_dir           = '/backups',
  Quickstack::Backups::Plainpath           $log_file              = '/var/log/kaizen-backup.log',
  Optional[Quickstack::Backups::Plainpath] $metrics_dir           = undef,
  Integer[1]                               $keep_days             = 2,
  Integer[0, 3]                            $verbosity             = 0,
  Boolean                                  $dry_run               = false,
  Array[Quickstack::Backups::Rsyncarg]     $rsync_args            = [],
  Quickstack::Backups::User                $user                  = 'kaizen',
  Array[Quickstack::Backups::Publickey]    $collector_keys        = [],
  Array[Quickstack::Backups::Publickey]    $collector_authorities = [],
  Array[Stdlib::IP::Address]               $collector_hosts       = [],
  Enum['cron', 'timer']                    $scheduler             = 'cron',
  Integer[0, 23]                           $cron_hour             = 1,
  Integer[0, 59]                           $cron_min              = fqdn_rand(60, 'kaizen-backup'),
  Optional[Quickstack::Backups::Mailto]    $cron_email            = undef,
  Boolean                                  $collector             = false,
) {
  if $log_file == $backups_dir {
    fail("log_file and backups_dir can't both be ${log_file}.")
  }
  if $log_file =~ /\A\/etc\// {
    fail("log_file can't be ${log_file}: what is in /etc is read by others, so choose a place such as /var/log.")
  }

  # Both stay when backups are switched off: a collector keeps its own files there.
  file { '/etc/kaizen':
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }
  $home_group = $enabled ? { true => $user, default => 'root' }
  file { '/var/lib/kaizen':
    ensure => directory,
    owner  => 'root',
    group  => $home_group,
    mode   => '0750',
  }

  contain quickstack::backups::agent
  contain quickstack::backups::access
  contain quickstack::backups::schedule

  Class['quickstack::backups::agent'] -> Class['quickstack::backups::schedule']

  if $collector {
    contain quickstack::backups::collector
  } elsif $facts['kaizen_collector'] {
    quickstack::backups::former_collector { 'kaizen': }
  }
}
