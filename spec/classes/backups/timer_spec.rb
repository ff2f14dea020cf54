# frozen_string_literal: true

require 'spec_helper'

# All jobs, by cron and by systemd; the verification comes six hours after the collection, the drill nine, and the copies four.
collector = { package_source: '/srv/packages/kaizen.whl', python: '/usr/bin/python3.11' }
{
  'kaizen-backup' => ['quickstack::backups', {}, '23:07'],
  'kaizen-collect' => ['quickstack::backups::collector', collector, '23:07'],
  'kaizen-verify' => ['quickstack::backups::collector', collector, '05:07'],
  'kaizen-drill' => ['quickstack::backups::collector', collector.merge(drill_nodes: 3), '08:07'],
  'kaizen-offsite' => ['quickstack::backups::collector', collector.merge(offsite: { 'a' => { 'repository' => '/srv/a' } }), '03:07'],
}.each do |job, (class_name, required, time)|
  describe class_name do
    timer = "/etc/systemd/system/#{job}.timer"
    service = "/etc/systemd/system/#{job}.service"
    paths = "#{service}.d/paths.conf"

    # Units and cron's files are the same everywhere; the rest of a catalogue is looked at on every system elsewhere.
    on_supported_os.slice('debian-12-x86_64', 'rocky-9-x86_64').each do |os, os_facts|
      context "on #{os}, with scheduler => 'timer'" do
        let(:facts) { os_facts }
        let(:params) { required.merge(scheduler: 'timer', cron_hour: 23, cron_min: 7) }

        it 'has a timer, and no cron job' do
          is_expected.to compile.with_all_deps
          is_expected.to contain_file(timer).with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
                                            .with_content(%r{^OnCalendar=\*-\*-\* #{time}:00$})
                                            .that_notifies("Exec[#{job}: systemctl daemon-reload]")
          is_expected.to contain_file(service).with(ensure: 'file', source: "puppet:///modules/quickstack/backups/systemd/#{job}.service")
          is_expected.to contain_file("#{service}.d").with_ensure('directory')
          is_expected.to contain_file(paths).with_ensure('file')
          is_expected.to contain_service("#{job}.timer").with(ensure: 'running', enable: true).that_subscribes_to("File[#{timer}]")
          is_expected.to contain_exec("#{job}: systemctl daemon-reload").with_refreshonly(true).that_comes_before("Service[#{job}.timer]")
          is_expected.to contain_file("/etc/cron.d/#{job}").with_ensure('absent')
          is_expected.to contain_quickstack__backups__nightly(job).with_scheduler('timer')
          is_expected.to contain_quickstack__backups__timer(job).with_ensure('present')
        end
      end

      context "on #{os}, with cron" do
        let(:facts) { os_facts }
        let(:params) { required }

        it 'has a cron job, and stops and removes a timer that is there' do
          is_expected.to contain_file("/etc/cron.d/#{job}").with_ensure('file')
          is_expected.to contain_exec("#{job}: stop the timer")
            .with(command: ['systemctl', 'disable', '--now', "#{job}.timer"], onlyif: "test -e #{timer}").that_comes_before("File[#{timer}]")
          [timer, service, "#{service}.d"].each do |path|
            is_expected.to contain_file(path).with(ensure: 'absent', force: true).that_notifies("Exec[#{job}: systemctl daemon-reload]")
          end
          is_expected.to contain_file("/var/lib/systemd/timers/stamp-#{job}.timer").with_ensure('absent')
          is_expected.not_to contain_service("#{job}.timer")
        end
      end
    end

    context 'with the golden inputs and a timer' do
      let(:facts) { on_supported_os['debian-12-x86_64'] }
      let(:node) { 'collector.kaizen.example' }
      let(:params) { golden_inputs(class_name).except(:cron_email).merge(scheduler: 'timer') }
      unless class_name == 'quickstack::backups'
        let(:pre_condition) { "class { 'quickstack::backups': metrics_dir => '#{golden_inputs('quickstack::backups')[:metrics_dir]}' }" }
      end

      it { is_expected.to contain_file(timer).with_content(golden("#{job}.timer")) }
      it { is_expected.to contain_file(paths).with_content(golden("#{job}.paths.conf")) }
    end

    context 'with a timer that is to mail' do
      let(:facts) { on_supported_os['debian-12-x86_64'] }
      let(:params) { required.merge(scheduler: 'timer', cron_email: 'ops@example.com') }

      it { is_expected.to compile.and_raise_error(%r{#{class_name}: a timer mails nobody: leave out cron_email, or keep scheduler => 'cron'\.}) }
    end

    context 'with a timer where another init runs' do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(service_provider: 'debian') }
      let(:params) { required.merge(scheduler: 'timer') }

      it { is_expected.to compile.and_raise_error(%r{#{class_name}: scheduler => 'timer' needs systemd, and this node runs debian\.}) }
    end
  end
end
