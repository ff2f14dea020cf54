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
    text.scan(%r{^(\S+), line (\d+):\n  - (.*)\n((?:  \+ .*\n)+)}).each do |path, number, old, new|
      lines = File.readlines(File.join(laid, path), chomp: true)
      raise "#{path}, line #{number}: #{lines[number.to_i - 1]}" unless lines[number.to_i - 1] == old

      lines[number.to_i - 1] = new.gsub(%r{^  \+ }, '').chomp
      File.write(File.join(laid, path), "#{lines.join("\n")}\n")
    end
  end

  before(:all) do
    FileUtils.cp_r(in_use, laid)
    FileUtils.ln_s(File.realpath(File.join(FIXTURES, 'modules', 'stdlib')), File.join(modules, 'stdlib'))
    said, status = Open3.capture2e({ 'MAKEFLAGS' => nil, 'MAKELEVEL' => nil }, 'make', '-s', '-C', ROOT, 'overlay', "DEST=#{laid}")
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
  # Defaults of the former class that compute_common hands on nowhere: they must not be ours from one day to the next.
  let(:pre_condition) { 'class { "quickstack::params": backups_user => "ops-backups", backups_keep_days => "9", backups_enabled => "true" }' }

  it 'names the declarations, and how each must read' do
    expect(said.scan(%r{^\S+, line \d+:$}))
      .to contain_exactly('manifests/controller_common.pp, line 22:', 'manifests/compute_common.pp, line 19:')
    expect(said).to include("+   class {'quickstack::backups::legacy': role => 'compute',")
  end

  it 'changes no file of the other module, and keeps the class that it replaces' do
    Dir[File.join(in_use, '**', '*')].select { |file| File.file?(file) }.each do |file|
      path = file.delete_prefix("#{in_use}/")
      kept = path == 'manifests/backups.pp' ? "#{path}.before-overlay" : path
      gone = File.readlines(file, chomp: true) - File.readlines(File.join(laid, kept), chomp: true)
      # The line that was changed by hand, as it was told to.
      expect(gone).to eq(path.end_with?('_common.pp') ? ["  class {'backups':"] : []), path
    end
  end

  it 'does nothing the second time' do
    again, = Open3.capture2e({ 'MAKEFLAGS' => nil, 'MAKELEVEL' => nil }, 'make', '-s', '-C', ROOT, 'overlay', "DEST=#{laid}")
    expect(again).to match(%r{\Alaid over #{laid}: 0 files of \d+\n\z})
  end

  it 'only says what it would do, with DRY_RUN' do
    Dir.mktmpdir do |dir|
      other = File.join(dir, 'quickstack')
      FileUtils.cp_r(in_use, other)
      would, = Open3.capture2e({ 'MAKEFLAGS' => nil, 'MAKELEVEL' => nil }, 'make', '-s', '-C', ROOT, 'overlay', "DEST=#{other}", 'DRY_RUN=1')
      expect(would).to include('would be kept as manifests/backups.pp.before-overlay', 'would be laid over', '+   class {')
      expect(system('diff', '-r', in_use, other, out: File::NULL)).to be(true)
    end
  end

  it 'names every other use of the class, and levels that Hiera lacks' do
    Dir.mktmpdir do |dir|
      other = File.join(dir, 'quickstack')
      FileUtils.cp_r(in_use, other)
      uses = ['include ::backups', "Class['backups'] -> Package['x']", '# class {"backups": }', 'class { "quickstack::backups": }']
      File.write(File.join(other, 'manifests/odd.pp'), "#{uses.join("\n")}\nclass {\n  'backups':\n    enabled => true,\n}\n")
      File.write(File.join(other, 'hiera.yaml'), %(hierarchy: [{name: x, path: "os/%{facts.os.family}.yaml", datadir: hieradata}]\n))
      out, = Open3.capture2e(File.join(ROOT, 'scripts/overlay'), other)
      expect(out.scan(%r{^manifests/odd\.pp, line (\d+)}).flatten).to contain_exactly('1', '2', '6')
      expect(out).to include("+   'quickstack::backups::legacy': role => 'generic',", '+     keep_days => $quickstack::params::backups_keep_days,')
      expect(out.scan(%r{\+ - \{name: }).length).to eq(2)
    end
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
      .with(role: 'compute', user: 'ops-backups', keep_days: 9, cron_hour: 1, cron_min: 5, log_file: '/var/log/backups.log')
    is_expected.to contain_user('ops-backups').with_ensure('present')
    is_expected.to contain_group('ops-backups').with_ensure('present')
    is_expected.to contain_file('/etc/ntp.conf')
    is_expected.to contain_file('/etc/sudoers.d/10-ops-backups').with_ensure('absent')
  end

  context 'with its own parameters, in quotes, and backups off in the defaults' do
    let(:params) { { backups_hour: '4' } }
    let(:pre_condition) { 'class { "quickstack::params": backups_user => "ops-backups", backups_enabled => "false", backups_verbose => "true" }' }

    it { is_expected.to contain_class('quickstack::backups').with(enabled: false, cron_hour: 4, verbosity: 1) }
  end
end
