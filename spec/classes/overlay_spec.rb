# frozen_string_literal: true

require 'spec_helper'
require 'open3'

# The module in use, with this one laid over it and the lines changed that `make overlay` names.
describe 'quickstack::compute_common' do
  in_use = File.join(ROOT, 'tests', 'contract', 'module_in_use')
  said = nil
  modules = Dir.mktmpdir('quickstack-overlay')
  at_exit { FileUtils.remove_entry(modules) }
  laid = File.join(modules, 'quickstack')

  # Does by hand what was said: replaces line N, whose text must be the one shown.
  change = lambda do |text|
    text.scan(%r{^(\S+), line (\d+):\n  - (.*)\n  \+ (.*)$}).each do |path, number, old, new|
      lines = File.readlines(File.join(laid, path), chomp: true)
      raise "#{path}, line #{number}: #{lines[number.to_i - 1]}" unless lines[number.to_i - 1] == old

      lines[number.to_i - 1] = new
      File.write(File.join(laid, path), "#{lines.join("\n")}\n")
    end
  end

  before(:all) do
    FileUtils.cp_r(in_use, laid)
    FileUtils.ln_s(File.realpath(File.join(FIXTURES, 'modules', 'stdlib')), File.join(modules, 'stdlib'))
    said, status = Open3.capture2e('make', '-s', '-C', ROOT, 'overlay', "DEST=#{laid}")
    raise said unless status.success?

    change.call(said)
  end

  around do |example|
    own = RSpec.configuration.module_path
    RSpec.configuration.module_path = modules
    example.run
    RSpec.configuration.module_path = own
  end

  let(:facts) { on_supported_os['debian-12-x86_64'] }
  let(:pre_condition) { 'class { "quickstack::params": backups_user => "ops-backups" }' }

  it 'names the declarations, and how each must read' do
    expect(said.scan(%r{^\S+, line \d+:$}))
      .to contain_exactly('manifests/controller_common.pp, line 22:', 'manifests/compute_common.pp, line 22:')
    expect(said).to include("+   class {'quickstack::backups::legacy': role => 'compute',")
  end

  it 'changes no file of the other module, and keeps the class that it replaces' do
    Dir[File.join(in_use, '**', '*')].select { |file| File.file?(file) }.each do |file|
      path = file.delete_prefix("#{in_use}/")
      kept = path == 'manifests/backups.pp' ? "#{path}.before-overlay" : path
      before, after = [file, File.join(laid, kept)].map { |name| File.readlines(name) }
      # The line that was changed by hand, as it was told to.
      change_lines = path.end_with?('_common.pp') ? [21] : []
      expect(before.each_index.reject { |i| before[i] == after[i] }).to eq(change_lines), path
    end
  end

  it 'does nothing the second time' do
    again, = Open3.capture2e('make', '-s', '-C', ROOT, 'overlay', "DEST=#{laid}")
    expect(again).to match(%r{\Alaid over #{laid}: 0 of \d+ files were new or changed\n\z})
  end

  it 'refuses to lay a file over one that was changed there, and lays nothing' do
    Dir.mktmpdir do |dir|
      other = File.join(dir, 'quickstack')
      FileUtils.cp_r(in_use, other)
      FileUtils.mkdir_p(File.join(other, 'manifests/backups'))
      File.write(File.join(other, 'manifests/backups/agent.pp'), "# mine\n")
      refused, status = Open3.capture2e(File.join(ROOT, 'scripts/overlay'), other)
      expect([refused, status.exitstatus]).to match([%r{manifests/backups/agent\.pp: is not what an earlier run laid}, 1])
      expect(Dir.exist?(File.join(other, 'types'))).to be(false)
    end
  end

  it 'compiles with the parameters that it had, and has what both have' do
    is_expected.to compile.with_all_deps
    is_expected.to contain_class('quickstack::ntp')
    is_expected.to contain_class('quickstack::backups')
      .with(role: 'compute', user: 'ops-backups', keep_days: 3, cron_hour: 1, cron_min: 5, log_file: '/var/log/backups.log')
    is_expected.to contain_user('ops-backups').with_ensure('present')
    is_expected.to contain_group('ops-backups').with_ensure('present')
    is_expected.to contain_file('/etc/ntp.conf')
    ['/etc/sudoers.d/10-ops-backups', '/home/ops-backups/.ssh/authorized_keys'].each do |path|
      is_expected.to contain_file(path).with_ensure('absent')
    end
  end

  context 'with its own parameters, in quotes' do
    let(:params) { { backups_enabled: 'false', backups_keep_days: '9', backups_verbose: 'true' } }

    it { is_expected.to contain_class('quickstack::backups').with(enabled: false, keep_days: 9, verbosity: 1) }
  end
end
