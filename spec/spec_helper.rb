# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'
require 'yaml'

ROOT = File.expand_path('..', __dir__)
GOLDEN = File.join(ROOT, 'tests', 'golden')

# Every system of metadata.json has its facts in spec/facts: facterdb's own lack half of them and take long to search.
# One that has none is an error, not a test left out.
ENV['SPEC_FACTS_STRICT'] = 'yes'
ENV['FACTERDB_SKIP_DEFAULTDB'] = 'yes'
ENV['FACTERDB_SEARCH_PATHS'] = File.join(ROOT, 'spec', 'facts')

require 'rspec-puppet'
require 'rspec-puppet-facts'
require_relative 'once'
include RspecPuppetFacts

# All systems, or a few that differ from each other, for the quick loop.
def on_supported_os(...)
  few = ENV.fetch('SPEC_SYSTEMS', '').split
  few.empty? ? super : super.slice(*few)
end

# Several files look at the same catalogues; compiling them takes most of the time.
RSpec::Puppet::Cache.send(:remove_const, :MAX_ENTRIES)
RSpec::Puppet::Cache.const_set(:MAX_ENTRIES, 200)

# The module path stands outside the checkout, so that the checkout may have any name and nothing is left in it.
FIXTURES = Dir.mktmpdir('quickstack-spec')
at_exit { FileUtils.remove_entry(FIXTURES) }

stdlib = ENV.fetch('STDLIB') do
  ['/usr/share/puppet/modules/stdlib', '/usr/share/puppet/modules.available/puppetlabs-stdlib'].find { |dir| Dir.exist?(dir) }
end
abort 'spec: no stdlib: install puppet-module-puppetlabs-stdlib, or name its directory in STDLIB' unless stdlib

FileUtils.mkdir_p([File.join(FIXTURES, 'modules'), File.join(FIXTURES, 'manifests')])
FileUtils.ln_s(ROOT, File.join(FIXTURES, 'modules', 'quickstack'))
FileUtils.ln_s(stdlib, File.join(FIXTURES, 'modules', 'stdlib'))

RSpec.configure do |config|
  config.mock_with :rspec
  config.setup_fixtures = false
  config.environmentpath = FIXTURES
  config.module_path = File.join(FIXTURES, 'modules')
  config.manifest_dir = File.join(FIXTURES, 'manifests')
  config.default_facter_version = '4.2.0'
  config.strict_variables = true
  # As Puppet 8 is.
  config.before { Puppet[:strict] = :error }
  config.trusted_node_data = true
  # A catalogue is compiled for every example: one example may look at many things, and says all that is wrong.
  config.define_derived_metadata { |metadata| metadata[:aggregate_failures] = true }
  # Every resource is tested; that can be said only when every file has been run.
  config.after(:suite) do
    whole = config.files_to_run.length >= Dir[File.join(ROOT, 'spec', '**', '*_spec.rb')].length
    RSpec::Puppet::Coverage.report!(whole ? 100 : 0)
  end
end

# A rendered file that every program which writes one is compared with.
def golden(name)
  File.read(File.join(GOLDEN, name))
end

# The parameters that the golden files are rendered with.
def golden_inputs(class_name)
  YAML.safe_load(golden('inputs.yaml')).fetch(class_name).transform_keys(&:to_sym)
end

# A Puppet that has a PuppetDB, in which collectors have exported these keys. The query itself is tried on a real one: tests/e2e.
RSpec.shared_context 'with exported keys' do |keys|
  before do
    Puppet[:storeconfigs_backend] = 'puppetdb'
    Puppet[:storeconfigs] = true
    # The catalogue is not sent there.
    [Puppet::Resource::Catalog, Puppet::Node::Facts].each { |kind| kind.indirection.cache_class = nil }
  end

  let(:pre_condition) do
    found = keys.map { |key| "{ 'parameters' => { 'key' => '#{key}' } }" }.join(', ')
    "function puppetdb_query(String $query) { [#{found}] }"
  end
end
