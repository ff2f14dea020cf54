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
end
