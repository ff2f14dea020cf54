# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::agent' do
  it { is_expected.to compile.and_raise_error(%r{private}) }
end

describe 'quickstack::backups::manual' do
  it { is_expected.to compile.and_raise_error(%r{private}) }
end

describe 'quickstack::backups' do
  # What is rendered doesn't depend on the system.
  context 'with the golden inputs' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { golden_inputs('quickstack::backups') }

    it 'has the golden files' do
      is_expected.to contain_file('/etc/kaizen/node.conf').with_content(golden('node.conf'))
      is_expected.to contain_file('/etc/logrotate.d/kaizen-backup').with_content(golden('logrotate'))
    end

    it 'has age, which encrypts the dumps, before the settings that name whom for' do
      is_expected.to contain_package('age').that_comes_before('File[/etc/kaizen/node.conf]')
    end
  end

  on_supported_os.each do |os, os_facts|
    context "on #{os}, the agent" do
      let(:facts) { os_facts }

      it 'is there before its settings, and judges them' do
        is_expected.to contain_package('rsync')
        is_expected.to contain_package('zstd')
        is_expected.not_to contain_package('age')
        is_expected.to contain_file('/backups').with(ensure: 'directory', owner: 'root', group: 'root', mode: '0700')
        is_expected.to contain_file('/usr/local/sbin/kaizen-backup')
          .with(owner: 'root', group: 'root', mode: '0755', source: 'puppet:///modules/quickstack/backups/kaizen-backup')
        is_expected.to contain_file('/etc/kaizen/roles').with(
          ensure: 'directory', owner: 'root', group: 'root', mode: '0644',
          source: 'puppet:///modules/quickstack/backups/roles', recurse: 'remote', purge: nil
        )
        is_expected.to contain_file('/etc/kaizen/node.conf')
          .with(owner: 'root', group: 'root', mode: '0640', validate_cmd: '/usr/local/sbin/kaizen-backup check-config %')
          .that_requires(['File[/usr/local/sbin/kaizen-backup]', 'File[/etc/kaizen/roles]', 'File[/backups]'])
          .that_requires(['Package[rsync]', 'Package[zstd]'])
        is_expected.to contain_file('/etc/logrotate.d/kaizen-backup')
          .with(owner: 'root', group: 'root', mode: '0644', content: %r{^/var/log/kaizen-backup\.log \{$})
      end

      it 'has its man pages, in directories that another module may manage' do
        is_expected.to contain_class('quickstack::backups::manual')
        is_expected.to contain_exec('kaizen: directories of man pages').with(
          command: 'mkdir -p /usr/local/share/man/man5 /usr/local/share/man/man8', umask: '0022',
          unless: 'test -d /usr/local/share/man/man5 -a -d /usr/local/share/man/man8'
        )
        { 'man8' => 'kaizen-backup.8', 'man5' => 'kaizen-node.conf.5' }.each do |section, page|
          is_expected.not_to contain_file("/usr/local/share/man/#{section}")
          is_expected.to contain_file("/usr/local/share/man/#{section}/#{page}")
            .with(owner: 'root', group: 'root', mode: '0644', source: "puppet:///modules/quickstack/backups/man/#{page}")
            .that_requires('Exec[kaizen: directories of man pages]')
        end
      end

      context 'when it is disabled' do
        let(:params) { { enabled: false } }

        it 'is gone' do
          [
            '/usr/local/sbin/kaizen-backup', '/etc/kaizen/node.conf', '/etc/logrotate.d/kaizen-backup',
            '/usr/local/share/man/man8/kaizen-backup.8', '/usr/local/share/man/man5/kaizen-node.conf.5'
          ].each do |path|
            is_expected.to contain_file(path).with_ensure('absent')
          end
          is_expected.to contain_file('/etc/kaizen/roles').with(ensure: 'absent', force: true)
          is_expected.not_to contain_file('/var/lib/node_exporter/kaizen_backup.prom')
          is_expected.to contain_exec('kaizen: what the agent remembers').with_command(%r{^find /var/lib/kaizen .* -maxdepth 1 .* rm -rf})
        end

        context 'with metrics' do
          let(:params) { super().merge(metrics_dir: '/var/lib/node_exporter') }

          it { is_expected.to contain_file('/var/lib/node_exporter/kaizen_backup.prom').with_ensure('absent') }
        end
      end
    end
  end
end
