# @summary The agent, its settings and the directory of its snapshots
#
# @example It comes with the public class
#   include quickstack::backups
#
# @api private
class quickstack::backups::agent {
  assert_private()

  $pages = {
    '/usr/local/share/man/man8/kaizen-backup.8'    => 'kaizen-backup.8',
    '/usr/local/share/man/man5/kaizen-node.conf.5' => 'kaizen-node.conf.5',
  }

  if $quickstack::backups::enabled {
    # This name is known to stdlib 8 and 9 alike.
    $age = $quickstack::backups::dump_recipients.empty ? { true => [], default => ['age'] }
    ensure_packages(['rsync', 'zstd'] + $age)

    file { $quickstack::backups::backups_dir:
      ensure => directory,
      owner  => 'root',
      group  => 'root',
      mode   => '0700',
    }
    file { '/usr/local/sbin/kaizen-backup':
      ensure => file,
      owner  => 'root',
      group  => 'root',
      mode   => '0755',
      source => 'puppet:///modules/quickstack/backups/kaizen-backup',
    }
    # The module's roles are kept as shipped; a role that a site puts beside them is left alone.
    file { '/etc/kaizen/roles':
      ensure  => directory,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      source  => 'puppet:///modules/quickstack/backups/roles',
      recurse => remote,
    }
    file { '/etc/kaizen/node.conf':
      ensure       => file,
      owner        => 'root',
      group        => 'root',
      mode         => '0640',
      content      => epp('quickstack/backups/node.conf.epp', {
        role            => $quickstack::backups::role,
        backups_dir     => $quickstack::backups::backups_dir,
        keep_days       => $quickstack::backups::keep_days,
        verbosity       => $quickstack::backups::verbosity,
        dry_run         => $quickstack::backups::dry_run,
        log_file        => $quickstack::backups::log_file,
        metrics_dir     => $quickstack::backups::metrics_dir,
        paths           => $quickstack::backups::paths,
        excludes        => $quickstack::backups::excludes,
        dumps           => $quickstack::backups::dumps,
        rsync_args      => $quickstack::backups::rsync_args,
        dump_recipients => $quickstack::backups::dump_recipients,
      }),
      # The agent is the judge of its settings: a file that it refuses is not written.
      validate_cmd => '/usr/local/sbin/kaizen-backup check-config %',
      require      => [
        File['/usr/local/sbin/kaizen-backup', '/etc/kaizen/roles', $quickstack::backups::backups_dir],
        Package[['rsync', 'zstd'] + $age],
      ],
    }
    file { '/etc/logrotate.d/kaizen-backup':
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => epp('quickstack/backups/logrotate.epp', { log_file => $quickstack::backups::log_file }),
    }
    contain quickstack::backups::manual
    $pages.each |$path, $page| {
      file { $path:
        ensure  => file,
        owner   => 'root',
        group   => 'root',
        mode    => '0644',
        source  => "puppet:///modules/quickstack/backups/man/${page}",
        require => Class['quickstack::backups::manual'],
      }
    }
  } else {
    file { $pages.keys + [
        '/usr/local/sbin/kaizen-backup',
        '/etc/kaizen/node.conf',
        '/etc/logrotate.d/kaizen-backup',
      ]:
        ensure => absent,
    }
    # Its last run is not to be reported for ever.
    if $quickstack::backups::metrics_dir {
      file { "${quickstack::backups::metrics_dir}/kaizen_backup.prom":
        ensure => absent,
      }
    }
    file { '/etc/kaizen/roles':
      ensure => absent,
      force  => true,
    }
    # What the agent remembers of its runs, and what a run that was killed has left.
    $names = ['seen.*', 'files.*', 'dumps.*', 'last-run', 'last-run.new', 'work.??????', 'restore.??????']
    $remembered = $names.map |$name| { "-name '${name}'" }.join(' -o ')
    $find = "find /var/lib/kaizen -mindepth 1 -maxdepth 1 \\( ${remembered} \\)"
    exec { 'kaizen: what the agent remembers':
      command  => "${find} -exec rm -rf {} +",
      onlyif   => "${find} | grep -q .",
      provider => shell,
      path     => ['/usr/bin', '/bin'],
      require  => File['/var/lib/kaizen', '/usr/local/sbin/kaizen-backup'],
    }
  }
}
