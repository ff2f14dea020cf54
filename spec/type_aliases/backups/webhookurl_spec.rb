# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Webhookurl' do
  it 'accepts' do
    [
      'https://hooks.example',
      'https://hooks.example:8443/services/T0/B0?tpl=yes&t={{.title}}',
      'https://[2001:db8::1]/x',
      'http://localhost:8080/x',
      'http://127.0.0.1/',
      'http://[::1]:80',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      'http://hooks.example/x',
      'http://localhost.example/x',
      'https://user:secret@hooks.example/x',
      "https://hooks.example/x\nfoo: bar",
      'https://hooks.example/x"',
      'https://hooks.example/a b',
      'https://hooks.example/a\\b',
      'https:///x',
      'ftp://hooks.example/x',
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
