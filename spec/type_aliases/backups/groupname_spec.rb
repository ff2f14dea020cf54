# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Groupname' do
  it 'accepts' do
    [
      'www-data',
      'nginx',
      '_web',
      'a' * 32,
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '',
      'WWW',
      '-web',
      '33',
      'a b',
      'a"b',
      "web\n",
      'a' * 33,
      33,
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
