# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::legacy' do
  let(:facts) { on_supported_os['debian-12-x86_64'] }

  # What a compilation warned of.
  def warnings
    logs = []
    Puppet::Util::Log.newdestination(Puppet::Test::LogCollector.new(logs))
    catalogue
    logs.select { |log| log.level == :warning }.map(&:message).grep(%r{\Abackups: }).uniq
  end

  context 'with the parameters of the module in use, as it has them' do
    let(:params) do
      {
        enabled: 'true', user: 'moc-backups', backups_dir: '/srv/backups', log_file: '/var/log/backups.log', verbose: 'True',
        cron_email: 'ops@example.com', cron_hour: '08', cron_min: '5', keep_days: '3'
      }
    end

    it 'declares quickstack::backups with what they mean' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_class('quickstack::backups').with(
        enabled: true, role: 'generic', user: 'moc-backups', backups_dir: '/srv/backups', log_file: '/var/log/backups.log',
        verbosity: 1, cron_email: 'ops@example.com', cron_hour: 8, cron_min: 5, keep_days: 3
      )
    end

    it 'gives the door to its user' do
      is_expected.to contain_user('moc-backups').with_home('/var/lib/kaizen')
      is_expected.to contain_group('moc-backups').with_ensure('present')
      is_expected.to contain_file('/srv/backups').with_mode('0700')
    end

    it 'removes nothing that it does not know to be of the former class' do
      is_expected.not_to contain_file('/etc/cron.d/backups')
    end
  end

  [['false', false], ['NO', false], ['0', false], [false, false], ['yes', true], ['1', true], [true, true]].each do |value, meant|
    context "with enabled and verbose #{value.inspect}" do
      let(:params) { { enabled: value, verbose: value } }

      it { is_expected.to contain_class('quickstack::backups').with(enabled: meant, verbosity: meant ? 1 : 0) }
    end
  end

  context 'with numbers, and an empty address' do
    let(:params) { { cron_hour: 2, cron_min: 0, keep_days: 9, cron_email: '' } }

    it { is_expected.to contain_class('quickstack::backups').with(cron_hour: 2, cron_min: 0, keep_days: 9, cron_email: nil) }
  end

  context 'with nothing' do
    let(:hiera_config) { File.join(ROOT, 'spec', 'hiera', 'hiera.yaml') }

    it 'leaves all to Hiera and the defaults' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_class('quickstack::backups').with(enabled: true, keep_days: 5, cron_hour: 1, verbosity: 0, user: 'kaizen')
    end
  end

  context 'with what has lost its meaning' do
    let(:params) do
      { user: 'moc-backups', script_src: 'puppet:///modules/quickstack/x.sh', script_local: 'backup.sh', ssh_key: 'x', sudoers_d: 'NOPASSWD: ALL' }
    end

    it 'says of each what to use instead' do
      expect(warnings).to contain_exactly(
        %r{script_src \(backups_script_src\) .* role, paths, excludes and dumps\.},
        %r{script_local \(backups_script_local\) .* /usr/local/sbin/kaizen-backup\.},
        %r{ssh_key \(backups_ssh_key\) .* collector_keys\.},
        %r{sudoers_d \(backups_sudoers_d\) .* sudo rule of its own},
      )
    end

    it 'removes what the former class had' do
      is_expected.to compile.with_all_deps
      [
        '/etc/cron.d/backups', '/etc/logrotate.d/backups', '/etc/sudoers.d/10-moc-backups', '/home/moc-backups/.ssh/authorized_keys',
        '/backups/scripts/backup.sh'
      ].each { |path| is_expected.to contain_file(path).with_ensure('absent') }
    end
  end

  context 'with a script whose name leads elsewhere' do
    let(:params) { { script_local: '../../etc/passwd' } }

    it { is_expected.not_to contain_file('/backups/scripts/../../etc/passwd') }
  end

  { enabled: 'maybe', keep_days: 'three', cron_hour: '25', cron_min: '99', user: 'root', backups_dir: 'backups' }.each do |name, value|
    context "with #{name} #{value.inspect}, which it refuses" do
      let(:params) { { name => value } }

      it { is_expected.to compile.and_raise_error(%r{parameter '#{name}'}) }
    end
  end
end
