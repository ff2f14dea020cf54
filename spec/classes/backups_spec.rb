# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups' do
  on_supported_os.each do |os, os_facts|
    context "on #{os}" do
      let(:facts) { os_facts }

      it 'declares its parts, and no collector' do
        is_expected.to compile.with_all_deps
        is_expected.to contain_class('quickstack::backups::agent').that_comes_before('Class[quickstack::backups::schedule]')
        is_expected.to contain_class('quickstack::backups::access')
        is_expected.to contain_class('quickstack::backups::schedule')
        is_expected.not_to contain_class('quickstack::backups::collector')
        is_expected.to contain_file('/etc/kaizen').with(ensure: 'directory', owner: 'root', group: 'root', mode: '0755')
        is_expected.to contain_file('/var/lib/kaizen').with(ensure: 'directory', owner: 'root', group: 'kaizen', mode: '0750')
      end

      context 'when it is disabled' do
        let(:params) { { enabled: false } }

        it 'leaves the snapshots, the log and the directories that a collector may use' do
          is_expected.to compile.with_all_deps
          is_expected.not_to contain_file('/backups')
          is_expected.not_to contain_file('/var/log/kaizen-backup.log')
          is_expected.to contain_file('/etc/kaizen').with_ensure('directory')
          is_expected.to contain_file('/var/lib/kaizen').with(ensure: 'directory', owner: 'root', group: 'root')
        end
      end
    end
  end

  context 'with a value that it refuses' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }

    {
      role: 'Compute',
      paths: ["/srv\npath = /etc"],
      excludes: ["a\nb"],
      dumps: ['oracle'],
      dump_recipients: ['AGE-SECRET-KEY-1QQQQ'],
      rsync_args: ['-x'],
      backups_dir: '/var/lib/kaizen',
      log_file: 'kaizen.log',
      metrics_dir: 'metrics',
      keep_days: 0,
      verbosity: 4,
      user: 'root',
      collector_keys: ['command="id" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5q'],
      collector_authorities: ['cert-authority ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5q'],
      collector_hosts: ['*.example.com'],
      scheduler: 'systemd',
      cron_hour: 24,
      cron_min: 60,
      cron_email: "a@example.com\n* * * * * root id",
    }.each do |name, value|
      context "#{name} #{value.inspect}" do
        let(:params) { { name => value } }

        it { is_expected.to compile.and_raise_error(%r{parameter '#{name}'}) }
      end
    end
  end

  context 'with one path for the log and the snapshots' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { backups_dir: '/srv/b', log_file: '/srv/b' } }

    it { is_expected.to compile.and_raise_error(%r{log_file and backups_dir can't both be /srv/b\.}) }
  end

  context 'with a log that others would read' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { log_file: '/etc/cron.d/kaizen-backup' } }

    it { is_expected.to compile.and_raise_error(%r{log_file can't be /etc/cron\.d/kaizen-backup: what is in /etc is read by others}) }
  end

  context 'with collector => true' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { collector: true } }

    context 'and its parameters in Hiera' do
      let(:hiera_config) { File.join(ROOT, 'spec', 'hiera', 'hiera.yaml') }

      it 'is a collector, too' do
        is_expected.to compile.with_all_deps
        is_expected.to contain_class('quickstack::backups::collector').with_jobs(3)
      end
    end

    context 'and no package_source' do
      it { is_expected.to compile.and_raise_error(%r{expects a value for parameter 'package_source'}) }
    end
  end
end
