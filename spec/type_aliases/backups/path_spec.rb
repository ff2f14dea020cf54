# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Path' do
  it 'accepts' do
    [
      "/etc",
      "/etc/",
      "/srv/with blank",
      "/srv/\# = \"odd\"",
      "/srv/..hidden",
      "/srv/a..",
      "/srv/.x",
      "/srv/näh",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "/",
      "etc",
      "./etc",
      "/etc/..",
      "/../etc",
      "/srv/../etc",
      "/srv/./etc",
      "/srv//etc",
      "/srv ",
      "/srv\t",
      "/a\nb",
      "/a\n",
      "/a\rb",
      "/a\u0000b",
      "/a\u007fb",
      "/srv/../a\n",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
