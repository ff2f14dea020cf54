# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Boolstring' do
  it 'accepts' do
    [
      true,
      false,
      'true',
      'FALSE',
      'Yes',
      'no',
      'y',
      'N',
      't',
      'f',
      '1',
      '0',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '',
      'on',
      'truely',
      '2',
      1,
      0,
      "true\n",
      ['true'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
