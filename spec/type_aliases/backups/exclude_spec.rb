# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Exclude' do
  it 'accepts' do
    [
      "*.tmp",
      "/srv/www/cache",
      "cache/",
      "\#*\#",
      "**/a b",
      "!keep",
      "-x",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "!",
      "- x",
      "+ /etc/shadow",
      " x",
      "x ",
      "x\t",
      "a\nb",
      "a\n",
      "a\rb",
      "a\u0000b",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
