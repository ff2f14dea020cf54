# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::User' do
  it 'accepts' do
    [
      "kaizen",
      "_backup",
      "backups",
      "mysqld",
      "backup-reader",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "root",
      "backup",
      "mysql",
      "systemd-network",
      "www-data",
      "Kaizen",
      "1st",
      "-a",
      "%wheel",
      "ALL=",
      "\#0",
      "a b",
      "a,b",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
      "kaizen\n",
      "a\nroot",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
