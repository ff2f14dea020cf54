# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Datadir' do
  it 'accepts' do
    [
      '/backups',
      '/backups/nodes',
      '/srv/backups',
      '/var/backups/kaizen',
      '/mnt/disk',
      '/home/backups',
      '/etcetera',
      '/opt/kaizen-store',
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      '/',
      '/etc',
      '/etc/kaizen',
      '/etc/kaizen/ssh',
      '/var',
      '/var/log',
      '/var/lib/kaizen',
      '/var/lib/kaizen/facts',
      '/home',
      '/usr',
      '/usr/local/bin',
      '/run/backups',
      '/srv',
      '/back ups',
      '/a/../etc',
      'backups',
      "/backups\n",
      42,
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
