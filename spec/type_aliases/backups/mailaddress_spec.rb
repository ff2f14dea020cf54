# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Mailaddress' do
  it 'accepts' do
    ['root', 'ops@example.com', 'a.b+c@example.com'].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '',
      'a@example.com,root',
      '-oQ/tmp@example.com',
      "a@example.com\nBcc: b@example.com",
      'A <a@example.com>',
      'a@',
      42,
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
