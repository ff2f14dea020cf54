# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::exported_keys' do
  first = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp kaizen@backup.example'

  it 'is empty without PuppetDB, and asks for nothing' do
    is_expected.to run.and_return([])
  end

  context 'with PuppetDB' do
    include_context 'with exported keys', [first]

    it 'is what active nodes export' do
      is_expected.to run.and_return([first])
    end
  end

  context 'with something in PuppetDB that is no key' do
    include_context 'with exported keys', ["command=\"id\" #{first}", first]

    it 'leaves it out' do
      is_expected.to run.and_return([first])
    end
  end
end
