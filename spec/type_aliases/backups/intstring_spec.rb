# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Intstring' do
  it 'accepts' do
    [
      0,
      3,
      '3',
      '08',
      '0',
      '365',
      '999999999',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      -1,
      '-1',
      '',
      '3 ',
      '3.5',
      3.5,
      '1e3',
      '0x10',
      '1234567890',
      "3\n",
      '*',
      [3],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
