# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::collector' do
  source = '/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl'
  version = JSON.parse(File.read(File.join(ROOT, 'metadata.json')))['version']
  packages = {
    'Debian' => ['bubblewrap', 'openssh-client', 'python3-venv', 'rsync'],
    'RedHat' => ['bubblewrap', 'openssh-clients', 'python3.11', 'rsync'],
  }
  servers = {
    'Debian' => ['mariadb-server', 'postgresql'],
    'RedHat' => ['mariadb-server', 'postgresql-server'],
  }
  # Debian 11 and Ubuntu 22.04 have no Python that is new enough.
  python = { 'debian-11-x86_64' => nil, 'ubuntu-22.04-x86_64' => nil, 'debian-12-x86_64' => '/usr/bin/python3', 'ubuntu-24.04-x86_64' => '/usr/bin/python3' }
  python.default = '/usr/bin/python3.11'

  on_supported_os.each do |os, os_facts|
    context "on #{os}" do
      let(:facts) { os_facts }
      let(:node) { 'foo.example.com' }

      required = { package_source: source, python: python[os] ? nil : '/usr/local/bin/python3.11' }.compact
      unless python[os]
        context 'without the path of a Python' do
          let(:params) { { package_source: source } }

          it { is_expected.to compile.and_raise_error(%r{A collector needs Python 3\.11, and #{os_facts[:os]['name']} [0-9.]+ has no package of it}) }
        end
      end

      context 'by itself' do
        let(:params) { required }

        it 'is backed up like any node' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_class('quickstack::backups').with_enabled(true)
        end

        it 'installs the package of its own version' do
          is_expected.to contain_class('quickstack::backups::collector::program')
          packages[os_facts[:os]['family']].each do |package|
            is_expected.to contain_package(package).that_comes_before('Exec[kaizen: virtual environment]')
          end
          is_expected.to contain_exec('kaizen: virtual environment')
            .with(command: [python[os] || '/usr/local/bin/python3.11', '-m', 'venv', '/opt/kaizen'], creates: '/opt/kaizen/bin/pip')
            .that_comes_before('Exec[kaizen: package]')
          is_expected.to contain_exec('kaizen: package').with(
            command: ['/opt/kaizen/bin/python', '-m', 'pip', 'install', '--quiet', '--upgrade', '--', source],
            unless: "/usr/bin/test \"$(/opt/kaizen/bin/kaizen --version)\" = 'kaizen #{version}'",
            logoutput: 'on_failure', timeout: 600
          ).that_comes_before('File[/usr/local/bin/kaizen]')
          is_expected.to contain_file('/usr/local/bin/kaizen').with(ensure: 'link', target: '/opt/kaizen/bin/kaizen')
          is_expected.to contain_file('/usr/local/bin/kaizen-onboard').with(ensure: 'link', target: '/opt/kaizen/bin/kaizen-onboard')
          ['man8/kaizen.8', 'man8/kaizen-onboard.8', 'man5/kaizen-collector.yaml.5'].each do |page|
            is_expected.to contain_file("/usr/local/share/man/#{page}").with(ensure: 'link', target: "/opt/kaizen/share/man/#{page}")
              .that_requires(['Exec[kaizen: directories of man pages]', 'Exec[kaizen: package]'])
          end
        end

        it 'has a key pair, a store and settings before it has a schedule' do
          ['/etc/kaizen/ssh', '/backups/nodes'].each do |dir|
            is_expected.to contain_file(dir).with(ensure: 'directory', owner: 'root', group: 'root', mode: '0700')
          end
          ['/etc/kaizen/nodes.d', '/var/lib/kaizen/facts'].each do |dir|
            is_expected.to contain_file(dir).with(ensure: 'directory', owner: 'root', group: 'root', mode: '0755')
          end
          is_expected.to contain_exec('kaizen: key pair').with(
            command: ['/usr/bin/ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'kaizen@foo.example.com', '-f', '/etc/kaizen/ssh/id_ed25519'],
            creates: '/etc/kaizen/ssh/id_ed25519',
          ).that_requires('File[/etc/kaizen/ssh]')
          is_expected.to contain_file('/etc/kaizen/collector.yaml')
            .with(owner: 'root', group: 'root', mode: '0640', validate_cmd: '/usr/local/bin/kaizen config check %')
            .that_requires(['File[/usr/local/bin/kaizen]', 'Exec[kaizen: key pair]', 'File[/backups/nodes]'])
            .that_comes_before('File[/etc/cron.d/kaizen-collect]')
          is_expected.to contain_file('/etc/cron.d/kaizen-collect')
            .with(owner: 'root', group: 'root', mode: '0644')
            .with_content(%r{^[1-5]?[0-9] 3 \* \* \* root /usr/local/bin/kaizen collect --until deadline$})
          is_expected.to contain_file('/etc/cron.d/kaizen-verify')
            .with_content(%r{^[1-5]?[0-9] 9 \* \* \* root /usr/local/bin/kaizen verify --share 1/28$})
        end

        it 'sends nothing elsewhere' do
          is_expected.to contain_file('/etc/cron.d/kaizen-offsite').with_ensure('absent')
          is_expected.not_to contain_package('restic')
        end

        it 'drills nothing, and installs no servers' do
          is_expected.to contain_file('/etc/cron.d/kaizen-drill').with_ensure('absent')
          is_expected.to contain_quickstack__backups__timer('kaizen-drill').with_ensure('absent')
          servers[os_facts[:os]['family']].each { |package| is_expected.not_to contain_package(package) }
        end
      end

      context 'with a repository elsewhere' do
        let(:params) { required.merge(offsite: { 'cluster' => { 'repository' => 'ssh://kaizen-offsite@offsite.example', 'jobs' => 3 } }) }

        it 'sends everything there when the collection is over' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_package('restic')
          is_expected.to contain_file('/etc/cron.d/kaizen-offsite').with_ensure('file')
            .with_content(%r{^[1-5]?[0-9] 7 \* \* \* root /usr/local/bin/kaizen offsite push --check$})
          is_expected.to contain_file('/etc/kaizen/collector.yaml').with_content(
            %r{^offsite:\n  "cluster":\n    repository: "ssh://kaizen-offsite@offsite.example"\n    jobs: 3\n},
          )
        end
      end

      context 'with nodes to drill' do
        let(:params) { required.merge(drill_nodes: 2) }

        it 'drills them nine hours after the collection, with servers that it leaves to themselves' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_file('/etc/cron.d/kaizen-drill').with_ensure('file')
            .with_content(%r{^[1-5]?[0-9] 12 \* \* \* root /usr/local/bin/kaizen drill --nodes 2$})
            .that_requires('File[/etc/kaizen/collector.yaml]')
          servers[os_facts[:os]['family']].each { |package| is_expected.to contain_package(package) }
          ['mariadb', 'postgresql'].each { |service| is_expected.not_to contain_service(service) }
        end
      end

      context 'with nodes to drill, and servers that come from elsewhere' do
        let(:params) { required.merge(drill_nodes: 2, drill_packages: []) }

        it 'installs none' do
          is_expected.to contain_file('/etc/cron.d/kaizen-drill').with_ensure('file')
          servers[os_facts[:os]['family']].each { |package| is_expected.not_to contain_package(package) }
        end
      end

      context 'with nodes to drill by a timer' do
        let(:params) { required.merge(drill_nodes: 2, scheduler: 'timer') }

        it 'tells the unit how many' do
          is_expected.to contain_file('/etc/systemd/system/kaizen-drill.service.d/environment.conf')
            .with_content(%r{^Environment=NODES=2$}).that_notifies('Exec[kaizen-drill: systemctl daemon-reload]')
          is_expected.not_to contain_file('/etc/systemd/system/kaizen-verify.service.d/environment.conf')
        end
      end
    end
  end

  context 'with the golden inputs, beside quickstack::backups' do
    let(:node) { 'collector.kaizen.example' }
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:pre_condition) { "class { 'quickstack::backups': backups_dir => '/backups', metrics_dir => '/var/lib/prometheus/node-exporter' }" }
    let(:params) { golden_inputs('quickstack::backups::collector') }

    it 'has the golden files' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_file('/etc/kaizen/collector.yaml').with_content(golden('collector.yaml'))
      is_expected.to contain_file('/etc/cron.d/kaizen-collect').with_content(golden('cron-collect'))
      is_expected.to contain_file('/etc/cron.d/kaizen-verify').with_content(golden('cron-verify'))
      is_expected.to contain_file('/etc/cron.d/kaizen-drill').with_content(golden('cron-drill'))
      is_expected.to contain_file('/etc/cron.d/kaizen-offsite').with_content(golden('cron-offsite'))
      # Nothing but snapshots can be read through any door, so this one needs nothing of its own to hide the store.
      is_expected.to contain_file('/etc/kaizen/rsyncd.conf').with_content(golden('rsyncd.conf'))
    end

    it 'opens the door to its store as kaizen-onboard does' do
      home = '/var/lib/kaizen-store'
      puppets = "# Managed by Puppet, class quickstack::backups::collector: a change made here does not last.\n"
      is_expected.to contain_file('/etc/kaizen/rsyncd-store.conf').with_content(golden('store-rsyncd.conf'))
      is_expected.to contain_file('/etc/sudoers.d/kaizen-store')
        .with(content: golden('store-sudoers'), mode: '0440', validate_cmd: '/usr/sbin/visudo -cf %')
      is_expected.to contain_file("#{home}/.ssh/authorized_keys")
        .with(content: "#{puppets}#{golden('store-authorized_keys')}", owner: 'root', group: 'root', mode: '0644')
        .that_requires(['File[/etc/kaizen/rsyncd-store.conf]', 'File[/etc/sudoers.d/kaizen-store]', 'User[kaizen-store]'])
      is_expected.to contain_class('quickstack::backups::store_door').that_requires('File[/backups/nodes]')
      is_expected.to contain_file(home).with(owner: 'root', mode: '0755')
      is_expected.to contain_file("#{home}/.ssh").with(owner: 'root', mode: '0755', seltype: 'ssh_home_t')
      is_expected.to contain_user('kaizen-store').with(home: home, shell: '/bin/sh', password: '*', system: true)
    end
  end

  # The second was open when Puppet came: the fact knows the mark in authorized_keys.
  {
    'with nobody to read its store' => [{ store_readers: {} }, {}],
    'whose readers of the store were taken back' => [{}, { kaizen_collector: { 'installed' => true, 'store_door' => 'puppet' } }],
  }.each do |what, (stated, known)|
    context what do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(known) }
      let(:params) { { package_source: source }.merge(stated) }

      it 'closes the door, sends away who is inside, and forgets that it was open only then' do
        is_expected.to compile.with_all_deps
        ['/etc/kaizen/rsyncd-store.conf', '/etc/sudoers.d/kaizen-store'].each do |path|
          is_expected.to contain_file(path).with_ensure('absent').that_comes_before('Exec[kaizen: who reads the store]')
        end
        is_expected.to contain_exec('kaizen: who reads the store')
          .with(command: 'pkill -KILL -u kaizen-store', onlyif: 'pgrep -u kaizen-store', returns: 1)
          .that_comes_before('User[kaizen-store]')
        is_expected.to contain_user('kaizen-store').with_ensure('absent').that_comes_before('Group[kaizen-store]')
        is_expected.to contain_group('kaizen-store').with_ensure('absent').that_comes_before('File[/var/lib/kaizen-store]')
        is_expected.to contain_file('/var/lib/kaizen-store').with(ensure: 'absent', force: true, backup: false)
      end
    end
  end

  context 'without a word of who reads its store' do
    let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'installed' => true }) }
    let(:params) { { package_source: source } }

    it 'leaves that door to kaizen-onboard' do
      is_expected.not_to contain_class('quickstack::backups::store_door')
      is_expected.not_to contain_user('kaizen-store')
    end
  end

  context 'with the golden inputs and a timer' do
    let(:node) { 'collector.kaizen.example' }
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { golden_inputs('quickstack::backups::collector').except(:cron_email).merge(scheduler: 'timer') }

    it do
      is_expected.to contain_file('/etc/systemd/system/kaizen-drill.service.d/environment.conf')
        .with_content(golden('kaizen-drill.environment.conf'))
    end
  end

  context 'with nothing but what it must have' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { package_source: source } }

    it 'has no line for what is not set' do
      is_expected.to contain_file('/etc/kaizen/collector.yaml').without_content(%r{puppetdb|collectors|name|metrics|mail|notify|report|switches})
    end
  end

  context 'with a webhook' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }

    plain = 'https://hooks.example/services/secret?a=b'
    { 'plain' => plain, 'sensitive' => RSpec::Puppet::Sensitive.new(plain) }.each do |how, url|
      context "that is #{how}" do
        let(:params) { { package_source: source, webhook: url } }

        it 'has it in the settings, which no report shows' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_file('/etc/kaizen/collector.yaml').with_content(sensitive(%r{^notify:\n  url: "#{Regexp.escape(plain)}"$}))
          expect(catalogue.resource('File', '/etc/kaizen/collector.yaml').sensitive_parameters).to eq([:content])
        end
      end
    end
  end

  context 'with a status page' do
    let(:facts) { on_supported_os['debian-12-x86_64'].merge(service_provider: 'systemd') }
    let(:params) { { package_source: source, scheduler: 'timer', report_dir: '/srv/www/backups' } }

    it 'says where, and lets the timer write beside it' do
      is_expected.to contain_file('/etc/kaizen/collector.yaml').with_content(%r{^report:\n  directory: /srv/www/backups\n\z})
      is_expected.to contain_file('/etc/systemd/system/kaizen-collect.service.d/paths.conf')
        .with_content(%r{^ReadWritePaths="-/backups/nodes"\nReadWritePaths="-/srv/www"\n\z})
      is_expected.to contain_file('/etc/systemd/system/kaizen-verify.service.d/paths.conf').without_content(%r{/srv/www})
    end
  end

  context 'with switches' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }

    inventory = {
      'defaults' => { 'user' => 'backup', 'password' => { 'file' => '/etc/kaizen/switches.password' } },
      'switches' => { 'icx1.example' => { 'address' => '10.0.0.11', 'family' => 'fastiron' } },
    }

    { 'from Puppet' => inventory, 'by hand' => true }.each do |how, switches|
      context "whose file is written #{how}" do
        let(:params) { { package_source: source, switches: switches } }

        it 'names the file in the settings, and installs what speaks to switches, in the version that is there' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_file('/etc/kaizen/collector.yaml').with_content(%r{^  switches: /etc/kaizen/switches\.yaml$})
          is_expected.to contain_exec('kaizen: netmiko').with(
            command: ['/opt/kaizen/bin/python', '-m', 'pip', 'install', '--quiet', '--', "kaizen-backups[switches]==#{version}"],
            unless: "/opt/kaizen/bin/python -c 'import netmiko'",
          ).that_requires('Exec[kaizen: package]')
        end
      end
    end

    context 'that Puppet knows' do
      let(:params) { { package_source: source, switches: inventory } }

      it 'writes the file for root alone, checked, before the settings name it' do
        is_expected.to contain_file('/etc/kaizen/switches.yaml')
          .with(owner: 'root', group: 'root', mode: '0600', validate_cmd: '/usr/local/bin/kaizen switches check %')
          .that_comes_before('File[/etc/kaizen/collector.yaml]')
        expect(YAML.safe_load(catalogue.resource('File', '/etc/kaizen/switches.yaml')[:content])).to eq(inventory)
      end
    end

    context 'that somebody keeps by hand' do
      let(:params) { { package_source: source, switches: true } }

      it { is_expected.not_to contain_file('/etc/kaizen/switches.yaml') }
    end
  end

  context 'whose public key is known' do
    key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp kaizen@foo.example.com'

    let(:node) { 'foo.example.com' }
    let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'installed' => true, 'public_key' => key }) }
    let(:params) { { package_source: source } }

    it 'exports nothing without PuppetDB' do
      expect(exported_resources).not_to contain_quickstack__backups__collector_key('foo.example.com')
    end

    context 'where there is a PuppetDB' do
      include_context 'with exported keys', []

      it 'exports it under its own certname' do
        expect(exported_resources).to contain_quickstack__backups__collector_key('foo.example.com').with_key(key)
      end

      context 'and its only source is another collector' do
        let(:params) do
          first = { 'name' => 'backup.example', 'address' => '192.0.2.10', 'host_keys' => [key.split[0, 2].join(' ')] }
          super().merge(source_collector: first)
        end

        it 'asks no node to let it in' do
          is_expected.to compile.with_all_deps
          expect(exported_resources).not_to contain_quickstack__backups__collector_key('foo.example.com')
        end

        context 'beside PuppetDB' do
          let(:params) { super().merge(puppetdb_url: 'https://puppetdb.example.com:8081') }

          it { expect(exported_resources).to contain_quickstack__backups__collector_key('foo.example.com') }
        end
      end
    end
  end

  ['command="id" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3', nil, ['a']].each do |key|
    context "whose fact has #{key.inspect} as the public key, where there is a PuppetDB" do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'installed' => true, 'public_key' => key }) }
      let(:params) { { package_source: source } }

      include_context 'with exported keys', []

      it 'exports nothing' do
        is_expected.to compile.with_all_deps
        expect(exported_resources).not_to have_quickstack__backups__collector_key_resource_count(1)
      end
    end
  end

  context 'where the node itself is not backed up' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:pre_condition) { "class { 'quickstack::backups': enabled => false }" }
    let(:params) { { package_source: source, store: '/srv/nodes' } }

    it 'goes on collecting' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_file('/srv/nodes').with_mode('0700')
    end
  end

  context 'with a value that it refuses' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }

    {
      package_source: '--index-url=https://example.com',
      packages: [''],
      python: 'python3',
      store: '/etc/kaizen/ssh',
      keep_days: 0,
      jobs: 0,
      facts_dir: 'facts',
      cron_hour: -1,
      cron_min: 60,
      cron_email: '-oQ/tmp',
      keep_weeks: -1,
      keep_months: -1,
      puppetdb_url: 'http://puppetdb',
      ssldir: 'ssl',
      collectors: ['Foo'],
      scheduler: 'at',
      deadline: '25:00',
      drill_nodes: -1,
      drill_packages: [''],
      mail: { 'to' => [] },
      webhook: 'http://hooks.example/x',
      report_dir: 'report',
      report_group: 'A b',
      switches: '/etc/kaizen/switches.yaml',
    }.each do |name, value|
      context "#{name} #{value.inspect}" do
        let(:params) { { package_source: source, name => value } }

        it { is_expected.to compile.and_raise_error(%r{parameter '#{name}'}) }
      end
    end

    context 'a store in the very place of its own snapshots' do
      let(:params) { { package_source: source, store: '/backups' } }

      it { is_expected.to compile.and_raise_error(%r{The store can't be /backups itself}) }
    end

    ['/backups/2026-11-24', '/backups/2026-11-24/nodes'].each do |store|
      context "a store #{store}, inside a snapshot" do
        let(:params) { { package_source: source, store: store } }

        it { is_expected.to compile.and_raise_error(%r{The store can't be #{store}, which is inside a snapshot}) }
      end
    end

    ['/backups', '/backups/nodes', '/etc/kaizen/nodes.d'].each do |dir|
      context "facts in #{dir}" do
        let(:params) { { package_source: source, facts_dir: dir } }

        it { is_expected.to compile.and_raise_error(%r{facts_dir can't be #{dir}, which is used for something else}) }
      end
    end

    context 'a status page in the root directory' do
      let(:params) { { package_source: source, report_dir: '/report' } }

      it { is_expected.to compile.and_raise_error(%r{report_dir can't be /report: the page's parent directory is written to as well}) }
    end

    ['/etc/kaizen/report', '/backups/report', '/backups/nodes/report', '/var/lib/kaizen/facts', '/var/lib/kaizen'].each do |dir|
      context "a status page in #{dir}" do
        let(:params) { { package_source: source, report_dir: dir } }

        it { is_expected.to compile.and_raise_error(%r{report_dir can't be #{dir}, which is used for something else}) }
      end
    end

    context 'a list of collectors without this one' do
      let(:node) { 'foo.example.com' }
      let(:params) { { package_source: source, collectors: ['bar.example.com'] } }

      it { is_expected.to compile.and_raise_error(%r{This collector, foo\.example\.com, is missing in .*::collectors}) }
    end
  end
end
