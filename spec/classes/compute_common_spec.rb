# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::compute_common' do
  on_supported_os.each do |os, os_facts|
    context "on #{os}" do
      let(:facts) { os_facts }
      let(:hiera_config) { File.join(ROOT, 'spec', 'hiera', 'hiera.yaml') }

      it 'sets the role, and leaves the rest to Hiera' do
        is_expected.to compile.with_all_deps
        is_expected.to contain_class('quickstack::backups').with(role: 'compute', keep_days: 5)
        is_expected.to contain_file('/etc/kaizen/node.conf').with_content(%r{^role = compute$})
      end
    end
  end
end
