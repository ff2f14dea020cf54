# @summary Collects the snapshots of all nodes
#
# It comes with `quickstack::backups` and `collector => true`, and then has its parameters from Hiera, or is declared by itself
# after `quickstack::backups`. A collector is a node like any other: it is backed up, and the store below `backups_dir` can't be
# read through its door.
#
# With `metrics_dir` of `quickstack::backups` the collector writes `kaizen.prom` there, too, for Prometheus.
#
# Six hours after the nightly collection has begun, a 28th of what is stored is read again and held against its sums. Three hours
# later `drill_nodes` nodes, those drilled longest ago, are brought back on trial, if that is not 0.
#
# The key pair is made on the collector in its first Puppet run. In the second its public half is known as a fact, and where there
# is a PuppetDB it is exported: each node lets the collector in at its own next run, and a collector that PuppetDB has forgotten
# (`puppet node deactivate`) is locked out in the same way. Without PuppetDB the public half, `/etc/kaizen/ssh/id_ed25519.pub`,
# goes into the nodes' `collector_keys`.
#
# @example A collector that learns from PuppetDB which nodes there are
#   class { 'quickstack::backups': }
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     puppetdb_url   => 'https://puppetdb.example.com:8081',
#   }
#
# @example A collector that fetches the running configuration of two switches, too
#   class { 'quickstack::backups': }
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     switches       => {
#       'defaults' => { 'user' => 'backup', 'password' => { 'file' => '/etc/kaizen/switches.password' } },
#       'switches' => {
#         'icx1.example' => { 'address' => '10.0.0.11', 'family' => 'fastiron' },
#         'leaf1.example' => { 'address' => '10.0.0.12', 'family' => 'nxos' },
#       },
#     },
#   }
#
# @example One of two collectors, each of which takes its share of the nodes
#   class { 'quickstack::backups': }
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     puppetdb_url   => 'https://puppetdb.example.com:8081',
#     collectors     => [$trusted['certname'], 'backup2.example.com'],
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
# @param keep_weeks
#   For how many weeks the newest snapshot of each week is kept.
# @param keep_months
#   For how many months the newest snapshot of each month is kept.
# @param jobs
#   How many nodes are collected at a time.
# @param puppetdb_url
#   The PuppetDB that knows the nodes. It is asked over TLS with the certificates of this node's Puppet agent.
# @param ssldir
#   Where the Puppet agent has its certificates, as `puppet config print ssldir` says; with Debian's own package that is
#   `/var/lib/puppet/ssl`.
# @param collectors
#   The certnames of all collectors that share the fleet, this one included; empty means that this one takes every node.
# @param facts_dir
#   A directory of Puppet fact files, one a node, that says which nodes there are; it is created, and names none while it is empty.
# @param scheduler
#   Who runs the collection: `cron`, or a hardened systemd `timer`.
# @param cron_hour
#   The hour of the nightly collection, of cron and timer alike; late enough for the nodes to be done.
# @param cron_min
#   The minute of the nightly collection. Each host has one of its own by default.
# @param cron_email
#   Whom cron mails what the collection says. Without it cron mails root. A timer mails nobody.
# @param deadline
#   The time of day by which every node must be in: until then the collection asks again for what is missing, and what is missing
#   then is late.
# @param drill_nodes
#   How many nodes are drilled each day; 0 is none.
# @param drill_packages
#   The packages with the programs of MariaDB's and PostgreSQL's servers, into which a drill loads dumps. They are installed where
#   nodes are drilled; `[]` leaves that to you. Of their services nothing is declared: a drill starts servers of its own, and neither
#   needs nor touches those of the system. Debian and Ubuntu start them on installation; stop and disable those that nobody uses.
# @param mail
#   Who gets a digest after the nightly collection, when something is wrong: `{ to => ['ops@example.com'] }`. A timer's service may
#   not gain rights, as the sendmail of some mail servers must: with `scheduler => 'timer'` give `smtp`.
# @param webhook
#   A URL that is called with JSON when it changes whether all nodes are safe. Where it is a secret, give it as `Sensitive`.
# @param report_dir
#   Where every collection leaves the status page, a small static site. It is replaced as a whole each time; its parent directory
#   must exist, and a timer's collection may write there. Without it no page is written.
# @param report_group
#   The group that may read the status page beside root, that of a web server for example. Whoever reads it knows the name, the
#   sizes and the troubles of every node.
# @param switches
#   The switches whose running configuration the nightly collection fetches: the content of `/etc/kaizen/switches.yaml`, or `true` where
#   you keep that file by hand. With either netmiko is installed beside the program, from the index that pip uses. The passwords, and
#   the switches' host keys, `/etc/kaizen/switches.known_hosts`, are for you to put there.
# @param offsite
#   Restic repositories elsewhere, by name, to which everything is sent four hours after the nightly collection has begun, encrypted.
#   Each is made once, by `kaizen offsite init` on the collector, which shows its password for the safe.
# @param source_collector
#   Another collector whose store is collected: this one is then its offsite machine. Without `puppetdb_url` beside it no node is to
#   let this one in, and its key is not exported.
# @param store_readers
#   The offsite machines that may collect this collector's store: their public keys, `/etc/kaizen/ssh/id_ed25519.pub` there, by their
#   names. `{}` closes that door. Without a value Puppet closes the door that it opened, and leaves alone what
#   `kaizen-onboard store` opened.
#
# @example With a copy of everything on another host, which can't be read there and not be deleted from here
#   class { 'quickstack::backups::collector':
#     package_source => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     offsite        => { 'cluster' => { 'repository' => 'ssh://kaizen-offsite@offsite.example' } },
#   }
#
# @example The offsite machine of another collector, which names this one's key in its `store_readers`
#   class { 'quickstack::backups::collector':
#     package_source   => '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl',
#     keep_days        => 30,
#     cron_hour        => 7,
#     deadline         => '10:00',
#     source_collector => {
#       'name'      => 'backup.example',
#       'address'   => '192.0.2.10',
#       'host_keys' => ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ'],
#     },
#   }
class quickstack::backups::collector (
  Quickstack::Backups::Packagesource        $package_source,
  Array[String[1]]                          $packages       = [],
  Optional[Quickstack::Backups::Plainpath]  $python         = undef,
  Quickstack::Backups::Datadir              $store          = '/backups/nodes',
  Integer[1]                                $keep_days      = 8,
  Integer[0]                                $keep_weeks     = 0,
  Integer[0]                                $keep_months    = 0,
  Integer[1]                                $jobs           = 8,
  Optional[Quickstack::Backups::Serverurl]  $puppetdb_url   = undef,
  Quickstack::Backups::Plainpath            $ssldir         = '/etc/puppetlabs/puppet/ssl',
  Array[Quickstack::Backups::Nodename]      $collectors     = [],
  Quickstack::Backups::Plainpath            $facts_dir      = '/var/lib/kaizen/facts',
  Enum['cron', 'timer']                     $scheduler      = 'cron',
  Integer[0, 23]                            $cron_hour      = 3,
  Integer[0, 59]                            $cron_min       = fqdn_rand(60, 'kaizen-collect'),
  Optional[Quickstack::Backups::Mailto]     $cron_email     = undef,
  Quickstack::Backups::Timeofday            $deadline       = '06:00',
  Integer[0]                                $drill_nodes    = 0,
  Array[String[1]]                          $drill_packages = [],
  Optional[Quickstack::Backups::Mail]       $mail           = undef,
  Optional[Quickstack::Backups::Webhook]    $webhook        = undef,
  Optional[Quickstack::Backups::Plainpath]  $report_dir     = undef,
  Optional[Quickstack::Backups::Groupname]  $report_group   = undef,
  Quickstack::Backups::Switches             $switches       = false,
  Quickstack::Backups::Offsite              $offsite        = {},

  Optional[Quickstack::Backups::Sourcecollector]                                $source_collector = undef,
  Optional[Hash[Quickstack::Backups::Nodename, Quickstack::Backups::Publickey]] $store_readers    = undef,
) {
  include quickstack::backups

  unless $python {
    $os = "${facts['os']['name']} ${facts['os']['release']['major']}"
    fail("A collector needs Python 3.11, and ${os} has no package of it: set quickstack::backups::collector::python to one's path.")
  }
  if $store == $quickstack::backups::backups_dir {
    fail("The store can't be ${store} itself, where this node's own snapshots are: choose a directory below it, or another.")
  }

  if regsubst($store, "^${quickstack::backups::backups_dir}/", '') =~ /\A[0-9]{4}-[0-9]{2}-[0-9]{2}/ {
    fail("The store can't be ${store}, which is inside a snapshot: choose another directory.")
  }
  if $facts_dir in [$store, $quickstack::backups::backups_dir] or $facts_dir =~ /\A\/etc\/kaizen(\/|\z)/ {
    fail("facts_dir can't be ${facts_dir}, which is used for something else: choose a directory of its own.")
  }
  unless $collectors.empty or $trusted['certname'] in $collectors {
    fail("This collector, ${trusted['certname']}, is missing in quickstack::backups::collector::collectors.")
  }

  # One node_exporter reads what the agent and the collector write.
  $metrics_dir = $quickstack::backups::metrics_dir
  $metrics_dirs = $metrics_dir ? { undef => [], default => [$metrics_dir] }
  if $report_dir {
    if dirname($report_dir) == '/' {
      fail("report_dir can't be ${report_dir}: the page's parent directory is written to as well, so choose one below another.")
    }
    $used = [$store, $facts_dir, $quickstack::backups::backups_dir, '/etc/kaizen', '/var/lib/kaizen/history.sqlite']
    if $used.any |$place| { "${report_dir}/".stdlib::start_with("${place}/") or "${place}/".stdlib::start_with("${report_dir}/") } {
      fail("report_dir can't be ${report_dir}, which is used for something else: choose a directory of its own.")
    }
  }
  # The status page takes its place by a rename.
  $writable = $report_dir ? { undef => [$store], default => [$store, dirname($report_dir)] }

  contain quickstack::backups::collector::program

  $ssh = '/etc/kaizen/ssh'
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
    require => [File[$ssh], Class['quickstack::backups::collector::program']],
  }
  # The fact is there from the second run on.
  $public_key = $facts.get('kaizen_collector.public_key')
  # Who reads another collector's store alone needs no node's door.
  $reads_nodes = $puppetdb_url or !$source_collector
  if $settings::storeconfigs and $reads_nodes and $public_key =~ Quickstack::Backups::Publickey {
    @@quickstack::backups::collector_key { $trusted['certname']:
      key => $public_key,
    }
  }

  if $switches =~ Hash {
    file { '/etc/kaizen/switches.yaml':
      ensure       => file,
      owner        => 'root',
      group        => 'root',
      mode         => '0600',
      content      => "# Managed by Puppet, class quickstack::backups::collector: a change made here does not last.\n${to_yaml($switches)}",
      validate_cmd => '/usr/local/bin/kaizen switches check %',
      require      => Class['quickstack::backups::collector::program'],
      before       => File['/etc/kaizen/collector.yaml'],
    }
  }

  $webhook_plain = $webhook ? { Sensitive => $webhook.unwrap, default => $webhook }
  $settings_text = epp('quickstack/backups/collector.yaml.epp', {
    certname     => $trusted['certname'],
    store        => $store,
    facts_dir    => $facts_dir,
    puppetdb_url => $puppetdb_url,
    ssldir       => $ssldir,
    collectors   => $collectors,
    keep_days    => $keep_days,
    keep_weeks   => $keep_weeks,
    keep_months  => $keep_months,
    jobs         => $jobs,
    deadline     => $deadline,
    metrics_dir  => $metrics_dir,
    mail         => $mail,
    webhook      => $webhook_plain,
    report_dir   => $report_dir,
    report_group => $report_group,
    switches     => $switches != false,
    offsite      => $offsite,

    source_collector => $source_collector,
  })
  # What is sensitive is in no log and no report.
  $content = $webhook ? { undef => $settings_text, default => Sensitive($settings_text) }
  file { '/etc/kaizen/collector.yaml':
    ensure       => file,
    owner        => 'root',
    group        => 'root',
    mode         => '0640',
    content      => $content,
    validate_cmd => '/usr/local/bin/kaizen config check %',
    require      => [File['/etc/kaizen/nodes.d', $facts_dir, $store], Exec['kaizen: key pair']],
  }
  -> quickstack::backups::nightly { 'kaizen-collect':
    scheduler   => $scheduler,
    class_name  => 'quickstack::backups::collector',
    description => "Nightly collection of all nodes' snapshots",
    command     => '/usr/local/bin/kaizen collect --until deadline',
    hour        => $cron_hour,
    minute      => $cron_min,
    email       => $cron_email,
    writable    => $writable + $metrics_dirs,
  }
  # When the night's work is over; in 28 days everything has been read again.
  -> quickstack::backups::nightly { 'kaizen-verify':
    scheduler   => $scheduler,
    class_name  => 'quickstack::backups::collector',
    description => 'Daily verification of a share of what is stored',
    command     => '/usr/local/bin/kaizen verify --share 1/28',
    hour        => ($cron_hour + 6) % 24,
    minute      => $cron_min,
    email       => $cron_email,
    writable    => $metrics_dirs,
  }

  if $drill_nodes > 0 {
    ensure_packages($drill_packages)
    $drill_scheduler = $scheduler
  } else {
    $drill_scheduler = 'none'
  }
  quickstack::backups::nightly { 'kaizen-drill':
    scheduler   => $drill_scheduler,
    class_name  => 'quickstack::backups::collector',
    description => 'Daily trial restore of the nodes drilled longest ago',
    command     => "/usr/local/bin/kaizen drill --nodes ${drill_nodes}",
    hour        => ($cron_hour + 9) % 24,
    minute      => $cron_min,
    email       => $cron_email,
    writable    => $metrics_dirs,
    environment => { 'NODES' => $drill_nodes },
    require     => File['/etc/kaizen/collector.yaml'],
  }

  # Taken back, it closes the door that Puppet opened; one that was opened by hand stays.
  if $store_readers or $facts.get('kaizen_collector.store_door') == 'puppet' {
    class { 'quickstack::backups::store_door':
      store   => $store,
      readers => pick($store_readers, {}),
      require => File[$store],
    }
    contain quickstack::backups::store_door
  }

  if $offsite.empty {
    $offsite_scheduler = 'none'
  } else {
    ensure_packages(['restic'])
    $offsite_scheduler = $scheduler
  }
  $directories = $offsite.map |$name, $stated| { $stated['repository'] }.filter |$place| { $place[0] == '/' }
  quickstack::backups::nightly { 'kaizen-offsite':
    scheduler   => $offsite_scheduler,
    class_name  => 'quickstack::backups::collector',
    description => 'Daily copies of all snapshots to repositories elsewhere',
    command     => '/usr/local/bin/kaizen offsite push --check',
    hour        => ($cron_hour + 4) % 24,
    minute      => $cron_min,
    email       => $cron_email,
    writable    => $metrics_dirs + $directories,
    require     => File['/etc/kaizen/collector.yaml'],
  }
}
