# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::controller_common' do
  on_supported_os.each do |os, os_facts|
    context "on #{os}" do
      let(:facts) { os_facts }
      let(:hiera_config) { File.join(ROOT, 'spec', 'hiera', 'hiera.yaml') }

      it 'sets the role, and leaves the rest to Hiera' do
        is_expected.to compile.with_all_deps
        is_expected.to contain_class('quickstack::backups').with(role: 'controller', keep_days: 5)
        is_expected.to contain_file('/etc/kaizen/node.conf').with_content(%r{^role = controller$})
      end
    end
  end

  context 'declared as for the module in use' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) do
      {
        backups_enabled: 'true', backups_user: 'moc-backups', backups_dir: '/srv/backups', backups_log: '/var/log/b.log',
        backups_verbose: 'true', backups_email: 'ops@example.com', backups_hour: '2', backups_min: '05', backups_keep_days: '3',
        backups_script_src: 'a', backups_script_local: 'backup.sh', backups_ssh_key: 'b', backups_sudoers_d: 'c'
      }
    end

    it 'is the same with our own parameters' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_class('quickstack::backups').with(
        role: 'controller', enabled: true, user: 'moc-backups', backups_dir: '/srv/backups', log_file: '/var/log/b.log', verbosity: 1,
        cron_email: 'ops@example.com', cron_hour: 2, cron_min: 5, keep_days: 3
      )
      is_expected.to contain_class('quickstack::backups::legacy')
        .with(script_src: 'a', script_local: 'backup.sh', ssh_key: 'b', sudoers_d: 'c')
      is_expected.to contain_file('/srv/backups/scripts/backup.sh').with_ensure('absent')
    end
  end

  context 'with the parameter that the module in use misspells' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { backpus_sudoers_d: 'NOPASSWD: ALL' } }

    it 'takes it for the same' do
      is_expected.to contain_class('quickstack::backups::legacy').with_sudoers_d('NOPASSWD: ALL')
      ['/etc/sudoers.d/10-kaizen', '/home/kaizen/.ssh/authorized_keys'].each do |path|
        is_expected.to contain_file(path).with_ensure('absent')
      end
    end
  end
end
