# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Rsyncarg' do
  it 'accepts' do
    [
      "--bwlimit=20m",
      "--one-file-system",
      "--checksum",
      "--max-size=1.5G",
      "--timeout=60",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "-x",
      "--",
      "bwlimit=20m",
      "---x",
      "--bwlimit",
      "--bwlimit=",
      "--inplace",
      "--delete",
      "--remove-source-files",
      "--version",
      "--exclude=*",
      "--Bwlimit",
      "--a b",
      "--bwlimit=20m ",
      "--a\n",
      "--a=b\nc",
      "--a=\u0000",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
