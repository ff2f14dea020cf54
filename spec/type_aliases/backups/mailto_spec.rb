# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Mailto' do
  it 'accepts' do
    [
      "root",
      "ops@example.com",
      "a.b+c@example.com,root",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "-oQ/tmp@example.com",
      "@example.com",
      "a b@example.com",
      "a@b@c",
      "a@example.com,",
      "a@example.com\n",
      "a@example.com\n* * * * * root id",
      "\"a\"@example.com",
      "a;id",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
