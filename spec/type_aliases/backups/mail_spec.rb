# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Mail' do
  to = { 'to' => ['ops@example.com'] }

  it 'accepts' do
    [
      to,
      to.merge('from' => 'root', 'always' => true),
      to.merge('smtp' => { 'host' => 'localhost' }),
      to.merge('smtp' => { 'host' => '2001:db8::1', 'port' => 587, 'starttls' => true, 'user' => 'a@b', 'password_file' => '/etc/kaizen/p' }),
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      {},
      { 'to' => [] },
      { 'to' => 'ops@example.com' },
      to.merge('cc' => ['root']),
      to.merge('from' => "root\nBcc: a"),
      to.merge('smtp' => {}),
      to.merge('smtp' => { 'host' => 'a b' }),
      to.merge('smtp' => { 'host' => 'localhost', 'port' => 0 }),
      to.merge('smtp' => { 'host' => 'localhost', 'user' => "a\"b" }),
      to.merge('smtp' => { 'host' => 'localhost', 'password' => 'secret' }),
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
