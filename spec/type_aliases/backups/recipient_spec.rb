# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Recipient' do
  age = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p'
  ed25519 = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ'
  rsa = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQAB#{'A' * 340}"

  it 'accepts' do
    [age, ed25519, "#{ed25519} the safe's, 2026", rsa, "#{rsa}= ops@example.com"].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '',
      age.upcase,
      age.chop,
      "#{age}q",
      age.sub('q', 'b'),
      "#{age} a comment",
      "#{age}\n#{age}",
      "#{age}\n",
      'AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ',
      '-----BEGIN OPENSSH PRIVATE KEY-----',
      ed25519.chop,
      "#{ed25519}=",
      "#{ed25519}\ndump = mysql",
      "restrict #{ed25519}",
      'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7',
      'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=',
      'sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t',
      42,
      [age],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
