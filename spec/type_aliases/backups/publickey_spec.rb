# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Publickey' do
  it 'accepts' do
    [
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ",
      "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@backup (the second)",
      "ssh-rsa AAAAB3NzaC1yc2E= a",
      "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=",
      "sk-ssh-ed25519@openssh.com AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29t",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "ssh-ed25519",
      "AAAAC3NzaC1lZDI1NTE5",
      "ssh-dss AAAAB3NzaC1kc3M=",
      "command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
      "no-pty ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
      " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
      "ssh-ed25519  AAAAC3NzaC1lZDI1NTE5",
      "ssh-ed25519 AAAA====",
      "ssh-ed25519 AAAAC3Nz a\n",
      "ssh-ed25519 AAAAC3Nz\n",
      "ssh-ed25519 AAAAC3Nz a\nssh-ed25519 AAAAC3Nz b",
      "ssh-ed25519 AAAAC3Nz a\rb",
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
