# @summary Removes what a collector had where there is none any more; the store, its history, nodes.d and access.yaml stay
#
# A defined type, because those are evaluated last: only then it is known whether somebody else declares the collector.
#
# @example It comes with the public class
#   include quickstack::backups
#
# @api private
define quickstack::backups::former_collector {
  assert_private()

  unless defined(Class['quickstack::backups::collector']) {
    $state = '/var/lib/kaizen'

    # Nothing goes into the file bucket: one of these is a private key, and another has thousands of files.
    $metrics = $quickstack::backups::metrics_dir ? { undef => [], default => ["${quickstack::backups::metrics_dir}/kaizen.prom"] }
    file { $metrics + [
        '/etc/kaizen/ssh',
        '/etc/kaizen/ca',
        '/etc/kaizen/collector.yaml',
        '/etc/kaizen/hiera.yaml',
        '/opt/kaizen',
        '/usr/local/bin/kaizen',
        '/usr/local/bin/kaizen-onboard',
        '/usr/local/share/man/man8/kaizen.8',
        '/usr/local/share/man/man8/kaizen-onboard.8',
        '/usr/local/share/man/man5/kaizen-collector.yaml.5',
        "${state}/nodes.yaml",
        "${state}/nodes.memory.json",
        "${state}/peers.json",
        "${state}/known_hosts",
        "${state}/collect.lock",
        "${state}/onboard.lock",
        "${state}/drill.lock",
        "${state}/drill",
        "${state}/offsite",
        "${state}/told",
      ]:
        ensure => absent,
        force  => true,
        backup => false,
    }
    # By these the next run knows that there was a collector, if the door can't be closed.
    class { 'quickstack::backups::store_door':
      store   => '/backups/nodes',
      readers => {},
      before  => File['/etc/kaizen/ssh', '/etc/kaizen/collector.yaml'],
    }
    quickstack::backups::nightly { ['kaizen-collect', 'kaizen-verify', 'kaizen-drill', 'kaizen-offsite']:
      scheduler   => 'none',
      class_name  => 'quickstack::backups::collector',
      description => 'A former collector',
      command     => '/usr/local/bin/kaizen',
    }
  }
}
