# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups' do
  collector = "class { 'quickstack::backups::collector': package_source => '/srv/packages/kaizen.whl' }"
  gone = [
    '/etc/kaizen/ssh', '/etc/kaizen/ca', '/etc/kaizen/hiera.yaml', '/var/lib/kaizen/onboard.lock',
    '/etc/kaizen/collector.yaml', '/opt/kaizen', '/usr/local/bin/kaizen', '/usr/local/bin/kaizen-onboard',
    '/usr/local/share/man/man8/kaizen.8', '/usr/local/share/man/man8/kaizen-onboard.8',
    '/usr/local/share/man/man5/kaizen-collector.yaml.5', '/var/lib/kaizen/nodes.yaml',
    '/var/lib/kaizen/nodes.memory.json', '/var/lib/kaizen/peers.json', '/var/lib/kaizen/told', '/var/lib/kaizen/known_hosts',
    '/var/lib/kaizen/collect.lock', '/var/lib/kaizen/drill.lock', '/var/lib/kaizen/drill', '/var/lib/kaizen/offsite'
  ]

  # The same everywhere; a collector is looked at on every system elsewhere.
  on_supported_os.slice('debian-12-x86_64', 'rocky-9-x86_64').each do |os, os_facts|
    context "on #{os}, which was a collector" do
      let(:facts) { os_facts.merge(kaizen_collector: { 'installed' => true }) }

      it 'removes what a collector has, and copies nothing of it into the file bucket' do
        is_expected.to compile.with_all_deps
        gone.each { |path| is_expected.to contain_file(path).with(ensure: 'absent', force: true, backup: false) }
        is_expected.to contain_quickstack__backups__former_collector('kaizen')
        ['kaizen-collect', 'kaizen-verify', 'kaizen-drill', 'kaizen-offsite'].each do |job|
          is_expected.to contain_file("/etc/cron.d/#{job}").with_ensure('absent')
          is_expected.to contain_quickstack__backups__nightly(job).with_scheduler('none')
          is_expected.to contain_quickstack__backups__timer(job).with_ensure('absent')
        end
        is_expected.to contain_file('/var/lib/kaizen-store').with_ensure('absent')
        # By these the next run knows that there is something to remove.
        ['/etc/kaizen/ssh', '/etc/kaizen/collector.yaml'].each do |path|
          is_expected.to contain_user('kaizen-store').with_ensure('absent').that_comes_before("File[#{path}]")
        end
      end

      it 'keeps the store, the history and what an administrator wrote' do
        ['/backups/nodes', '/etc/kaizen/offsite', '/var/lib/kaizen/history.sqlite', '/etc/kaizen/nodes.d', '/var/lib/kaizen/facts'].each do |path|
          is_expected.not_to contain_file(path)
        end
      end
    end
  end

  context 'which was a collector with metrics' do
    let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'installed' => true }) }
    let(:params) { { metrics_dir: '/var/lib/node_exporter' } }

    it { is_expected.to contain_file('/var/lib/node_exporter/kaizen.prom').with_ensure('absent') }
  end

  context 'on a node that never was one' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }

    it { gone.each { |path| is_expected.not_to contain_file(path) } }
  end

  # Whatever the order of the declarations.
  { 'after' => ['', collector], 'before' => [collector, ''] }.each do |order, (before, after)|
    context "where the collector is declared by itself, #{order} this class" do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'installed' => true }) }
      let(:pre_condition) { before }
      let(:post_condition) { after }

      it 'removes nothing' do
        is_expected.to compile.with_all_deps
        is_expected.to contain_file('/etc/kaizen/collector.yaml').with_ensure('file')
        is_expected.not_to contain_file('/opt/kaizen')
      end
    end
  end
end
