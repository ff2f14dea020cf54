# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Plainpath' do
  it 'accepts' do
    [
      "/backups",
      "/srv/backups-1/a_b",
      "/srv/.snapshots",
      "/var/log/kaizen-backup.log",
      "/a+b",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "/",
      "backups",
      "/backups/",
      "/a//b",
      "/a/../b",
      "/a/.",
      "/..",
      "/back ups",
      "/a*",
      "/a:b",
      "/a\#b",
      "/a\"b",
      "/a'b",
      "/%b",
      "/a\n",
      "/a\nb",
      "/a\u0000b",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
