# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Nodename' do
  it 'accepts' do
    [
      'compute01.kaizen.example',
      'a',
      'node_1',
      '10.0.0.1',
      'a-b.c-d',
      ('a' * 63),
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '',
      'Compute01',
      '-a',
      'a-',
      'a..b',
      '.a',
      'a.',
      'a b',
      '../etc',
      "a\nb",
      "a\n",
      ('a' * 64),
      (['abcdefgh'] * 29).join('.'),
      1,
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
