# frozen_string_literal: true

require 'spec_helper'

# Every @example of the manifests, as it stands there.
describe 'backup.example.com', type: :host do
  examples = Dir[File.join(ROOT, 'manifests', '**', '*.pp')].sort.flat_map do |file|
    File.read(file).scan(%r{^# @example ?(.*)\n((?:#(?:   .*)?\n)*?)(?=#\n# @|# @|class |define )}).map do |title, text|
      ["#{file.delete_prefix("#{ROOT}/manifests/")}: #{title}", text.gsub(%r{^#(?:   )?}, '')]
    end
  end

  it 'finds one in each manifest' do
    found = examples.map { |title, _| title[%r{\A[^:]*}] }.uniq
    expect(found).to match_array(Dir[File.join(ROOT, 'manifests', '**', '*.pp')].map { |file| file.delete_prefix("#{ROOT}/manifests/") })
  end

  it 'finds all of their text' do
    expect(examples.map { |_, code| code }).to all(match(%r{\A *\S}))
  end

  key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp kaizen@backup.example.com'

  examples.each do |title, code|
    context title do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_collector: { 'public_key' => key }) }
      let(:hiera_config) { File.join(ROOT, 'spec', 'hiera', 'hiera.yaml') }
      let(:pre_condition) { code }

      it { is_expected.to compile.with_all_deps }
    end
  end
end
