# frozen_string_literal: true

require 'spec_helper'

describe 'Quickstack::Backups::Offsite' do
  place = { 'repository' => 'ssh://kaizen-offsite@offsite.example' }

  it 'accepts' do
    [
      {},
      { 'cluster' => place },
      { 'a' => { 'repository' => '/srv/offsite' }, 'b-2' => place },
      { 'a' => { 'repository' => 'sftp://u@a.example:2222/srv/x' } },
      { 'a' => { 'repository' => 's3:https://rgw.example:7480/bucket', 'environment_file' => '/etc/kaizen/offsite/a.environment' } },
      { 'a' => place.merge('rate' => '20m', 'jobs' => 4, 'key' => '/etc/kaizen/ssh/o', 'password_file' => '/etc/kaizen/p') },
    ].each { |value| is_expected.to allow_value(value) }
  end

  it 'refuses' do
    [
      { 'A' => place },
      { 'a' => {} },
      { 'a' => { 'repository' => 'offsite' } },
      { 'a' => { 'repository' => 'ssh://u:secret@a' } },
      { 'a' => { 'repository' => 'ssh://-oProxyCommand=x@a' } },
      { 'a' => { 'repository' => "/srv/a\nb" } },
      { 'a' => place.merge('password' => 'secret') },
      { 'a' => place.merge('rate' => 'fast') },
    ].each { |value| is_expected.not_to allow_value(value) }
  end
end
