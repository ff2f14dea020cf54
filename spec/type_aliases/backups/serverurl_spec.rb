# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Serverurl' do
  it 'accepts' do
    [
      'https://puppetdb.example:8081',
      'https://puppetdb',
      'https://10.0.0.1:8081/',
      'https://[2001:db8::1]:8081',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      'http://puppetdb.example:8080',
      'https://',
      'https://user:secret@puppetdb',
      'https://a/b',
      'https://a b',
      "https://a\n",
      'https://a:123456',
      'https://a"',
      'puppetdb',
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
