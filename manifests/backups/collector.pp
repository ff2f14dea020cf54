# @summary Collects the snapshots of all nodes
#
# It comes with `quickstack::backups` and `collector => true`, and then has its parameters from Hiera, or is declared by itself
# after `quickstack::backups`. A collector is a node like any other: it is backed up, and the store below `backups_dir` can't be
# read through its door.
#
# The key pair is made on the collector; its public half, `/etc/kaizen/ssh/id_ed25519.pub`, goes into the nodes' `collector_keys`.
#
# @example Next to the backups of the collector itself
#   class { 'quickstack::backups': }
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#   }
#
# @param package_source
#   What pip installs: a path or URL of a wheel, or a requirement. It must be the version of this module. There is no default,
#   because pip runs as root and takes a bare name from whoever has it on the index in use.
# @param packages
#   The system's packages that a collector needs.
# @param python
#   A Python interpreter of version 3.11 or newer. Systems that ship one have it as the default.
# @param store
#   Where the snapshots of all nodes go, `<store>/<node>/<date>`. Its parent directory must exist.
# @param keep_days
#   How many days' snapshots of each node are kept.
# @param jobs
#   How many nodes are collected at a time.
# @param facts_dir
#   A directory of Puppet fact files, one a node, that says which nodes there are; it is created, and names none while it is empty.
# @param cron_hour
#   The hour of the nightly collection; late enough for the nodes to be done.
# @param cron_min
#   The minute of the nightly collection. Each host has one of its own by default.
# @param cron_email
#   Whom cron mails what the collection says. Without it cron mails root.
class quickstack::backups::collector (
  Quickstack::Backups::Packagesource       $package_source,
  Array[String[1]]                         $packages   = [],
  Optional[Quickstack::Backups::Plainpath] $python     = undef,
  Quickstack::Backups::Plainpath           $store      = '/backups/nodes',
  Integer[1]                               $keep_days  = 8,
  Integer[1]                               $jobs       = 8,
  Quickstack::Backups::Plainpath           $facts_dir  = '/var/lib/kaizen/facts',
  Integer[0, 23]                           $cron_hour  = 3,
  Integer[0, 59]                           $cron_min   = fqdn_rand(60, 'kaizen-collect'),
  Optional[Quickstack::Backups::Mailto]    $cron_email = undef,
) {
  include quickstack::backups

  unless $python {
    $os = "${facts['os']['name']} ${facts['os']['release']['major']}"
    fail("A collector needs Python 3.11, and ${os} has no package of it: set quickstack::backups::collector::python to one's path.")
  }
  if $store == $quickstack::backups::backups_dir {
    fail("The store can't be ${store} itself, where this node's own snapshots are: choose a directory below it, or another.")
  }

  $ssh = '/etc/kaizen/ssh'
  $kaizen = '/opt/kaizen/bin/kaizen'
  $version = load_module_metadata('quickstack')['version']

  ensure_packages($packages)

  exec { 'kaizen: virtual environment':
    command => [$python, '-m', 'venv', '/opt/kaizen'],
    # pip comes last: without it the environment was left half made.
    creates => '/opt/kaizen/bin/pip',
    require => Package[$packages],
  }
  # The package has the module's version, so an upgrade of the module upgrades it.
  -> exec { 'kaizen: package':
    command     => ['/opt/kaizen/bin/python', '-m', 'pip', 'install', '--quiet', '--upgrade', '--', $package_source],
    unless      => "/usr/bin/test \"$(${kaizen} --version)\" = 'kaizen ${version}'",
    environment => ['PIP_DISABLE_PIP_VERSION_CHECK=1', 'PIP_NO_INPUT=1'],
    logoutput   => on_failure,
    timeout     => 600,
  }
  -> file { '/usr/local/bin/kaizen':
    ensure => link,
    target => $kaizen,
  }

  file { [$store, $ssh]:
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0700',
  }
  file { ['/etc/kaizen/nodes.d', $facts_dir]:
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  exec { 'kaizen: key pair':
    command => ['/usr/bin/ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', "kaizen@${trusted['certname']}", '-f', "${ssh}/id_ed25519"],
    creates => "${ssh}/id_ed25519",
    require => [File[$ssh], Package[$packages]],
  }

  file { '/etc/kaizen/collector.yaml':
    ensure       => file,
    owner        => 'root',
    group        => 'root',
    mode         => '0640',
    content      => epp('quickstack/backups/collector.yaml.epp', {
      store     => $store,
      facts_dir => $facts_dir,
      keep_days => $keep_days,
      jobs      => $jobs,
    }),
    validate_cmd => '/usr/local/bin/kaizen config check %',
    require      => [File['/usr/local/bin/kaizen', '/etc/kaizen/nodes.d', $store], Exec['kaizen: key pair']],
  }
  -> file { '/etc/cron.d/kaizen-collect':
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => epp('quickstack/backups/cron.epp', {
      class_name => 'quickstack::backups::collector',
      minute     => $cron_min,
      hour       => $cron_hour,
      command    => '/usr/local/bin/kaizen collect',
      email      => $cron_email,
    }),
  }
}
