# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::schedule' do
  let(:facts) { on_supported_os['debian-12-x86_64'] }

  it { is_expected.to compile.and_raise_error(%r{private}) }
end

describe 'quickstack::backups' do
  # What is rendered doesn't depend on the system.
  context 'with the golden inputs' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { golden_inputs('quickstack::backups') }

    it { is_expected.to contain_file('/etc/cron.d/kaizen-backup').with_content(golden('cron')) }
  end

  on_supported_os.each do |os, os_facts|
    context "on #{os}, the schedule" do
      let(:facts) { os_facts }

      it 'runs the agent after one at night, and mails root' do
        is_expected.to contain_package(os_facts[:os]['family'] == 'RedHat' ? 'cronie' : 'cron')
        is_expected.to contain_file('/etc/cron.d/kaizen-backup')
          .with(ensure: 'file', owner: 'root', group: 'root', mode: '0644')
          .with_content(%r{^[1-5]?[0-9] 1 \* \* \* root /usr/local/sbin/kaizen-backup run >/dev/null$})
          .without_content(%r{MAILTO})
      end

      context 'when it is disabled' do
        let(:params) { { enabled: false } }

        it 'is gone' do
          is_expected.to contain_file('/etc/cron.d/kaizen-backup').with_ensure('absent')
          is_expected.to contain_quickstack__backups__timer('kaizen-backup').with_ensure('absent')
        end
      end
    end
  end

  # Another formula would move the run of every host there is.
  { 'one' => 58, 'two' => 47, 'three' => 9 }.each do |host, minute|
    context "on host #{host}" do
      let(:node) { "#{host}.example.com" }
      let(:facts) { on_supported_os['debian-12-x86_64'] }

      it { is_expected.to contain_file('/etc/cron.d/kaizen-backup').with_content(%r{^#{minute} 1 }) }
    end
  end
end
