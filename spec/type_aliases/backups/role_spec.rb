# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Role' do
  it 'accepts' do
    [
      "generic",
      "controller",
      "web-2",
      "a_b",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "Compute",
      "2nd",
      "-a",
      "../etc",
      "a/b",
      "a.conf",
      "a b",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "a\nb",
      "generic\n",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
