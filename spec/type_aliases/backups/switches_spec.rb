# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Switches' do
  one = { 'leaf1.example' => { 'address' => '10.0.0.1', 'family' => 'nxos' } }

  it { is_expected.to allow_value(true) }
  it { is_expected.to allow_value(false) }
  it { is_expected.to allow_value('switches' => one) }
  it { is_expected.to allow_value('jobs' => 5, 'known_hosts' => '/etc/kaizen/keys', 'defaults' => { 'user' => 'backup' }, 'switches' => one) }
  it { is_expected.not_to allow_value('/etc/kaizen/switches.yaml') }
  it { is_expected.not_to allow_value({}) }
  it { is_expected.not_to allow_value('switches' => one, 'other' => 1) }
  it { is_expected.not_to allow_value('switches' => { 'Leaf 1' => {} }) }
  it { is_expected.not_to allow_value('switches' => one, 'jobs' => 0) }
end
