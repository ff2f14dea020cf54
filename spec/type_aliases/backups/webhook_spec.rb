# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Webhook' do
  it { is_expected.to allow_value('https://hooks.example/x') }
  it { is_expected.to allow_value(sensitive('https://hooks.example/x')) }
  it { is_expected.not_to allow_value('http://hooks.example/x') }
  it { is_expected.not_to allow_value(sensitive('http://hooks.example/x')) }
end
