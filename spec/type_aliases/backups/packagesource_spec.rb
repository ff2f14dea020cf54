# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Packagesource' do
  it 'accepts' do
    [
      "kaizen-backups==0.1.0",
      "/srv/packages/kaizen_backups-0.1.0-py3-none-any.whl",
      "https://packages.example/kaizen_backups-0.1.0-py3-none-any.whl",
      "./x.whl",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "-r/etc/passwd",
      "--index-url=https://example.com",
      " x",
      "x\n",
      "a\nb",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
