# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Sourcecollector' do
  key = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ'
  good = { 'name' => 'backup.example', 'address' => '192.0.2.10', 'host_keys' => [key] }

  it 'accepts' do
    [
      good,
      good.merge('address' => 'backup.example'),
      good.merge('address' => '2001:db8::10', 'port' => 2222, 'user' => 'kaizen-store'),
      good.merge('host_keys' => [key, 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=']),
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      {},
      good.reject { |name, _| name == 'host_keys' },
      good.merge('host_keys' => []),
      good.merge('host_keys' => ["#{key} a comment"]),
      good.merge('host_keys' => ["#{key}\"\nkey: /x"]),
      good.merge('address' => '192.0.2.0/24'),
      good.merge('address' => 'a"b'),
      good.merge('name' => 'Backup'),
      good.merge('port' => 0),
      good.merge('user' => 'root'),
      good.merge('key' => '/x'),
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
