# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Dump' do
  it 'accepts' do
    [
      "mysql",
      "postgresql",
      "mongodb",
      "rabbitmq",
      "packages",
      "hil",
      "libvirt",
      "ceph",
      "sqlite:/var/lib/a b/x.db",
      "command:ldap:/usr/local/sbin/dump-ldap",
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      "",
      "oracle",
      "MySQL",
      "mysql\n",
      "mysql\ndump = x",
      "sqlite:",
      "sqlite:x.db",
      "sqlite:/a/../b",
      "sqlite:/a\nb",
      "command:/usr/bin/id",
      "command:a:",
      "command:a.gz:/usr/bin/id",
      "command:a b:/usr/bin/id",
      "command:../a:/usr/bin/id",
      "command:a:/usr/bin/id\n",
      "command:a:/x/../y",
      42,
      ['a'],
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
