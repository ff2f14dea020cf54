# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Timeofday' do
  it 'accepts' do
    [
      '06:00',
      '00:00',
      '23:59',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '6:00',
      '24:00',
      '06:60',
      '0600',
      '06:00:00',
      '',
      "06:00\n",
      600,
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
