# frozen_string_literal: true

require 'spec_helper'
require 'json'
require 'open3'

describe 'facts.d/kaizen_collector' do
  around do |example|
    Dir.mktmpdir('kaizen-fact') do |dir|
      @root = dir
      FileUtils.mkdir_p(File.join(@root, 'etc/kaizen/ssh'))
      example.run
    end
  end

  let(:private_key) { File.join(@root, 'etc/kaizen/ssh/id_ed25519') }
  let(:public_key) { "#{private_key}.pub" }

  # As the class makes it; returns the public half.
  def make_key(comment: 'kaizen@backup.kaizen.example', type: 'ed25519')
    out, status = Open3.capture2e('ssh-keygen', '-q', '-t', type, '-N', '', '-C', comment, '-f', private_key)
    expect([out, status.exitstatus]).to eq(['', 0])
    File.read(public_key).chomp
  end

  def install
    File.write(File.join(@root, 'etc/kaizen/collector.yaml'), golden('collector.yaml'))
  end

  def raw
    out, err, status = Open3.capture3(File.join(ROOT, 'facts.d', 'kaizen_collector'), @root)
    expect([err, status.exitstatus]).to eq(['', 0])
    out
  end

  def fact
    out = raw
    out.empty? ? nil : JSON.parse(out).fetch('kaizen_collector')
  end

  it 'says nothing where there is no collector' do
    expect(fact).to be_nil
  end

  it 'has the public key, as the class takes it' do
    key = make_key
    install
    expect(fact).to eq('installed' => true, 'public_key' => key)
    expect(key).to match(%r{\Assh-ed25519 [A-Za-z0-9+/]{68} kaizen@backup\.kaizen\.example\z})
  end

  it 'has the key alone, and what is installed alone' do
    key = make_key
    expect(fact).to eq('public_key' => key)
    FileUtils.rm(public_key)
    install
    expect(fact).to eq('installed' => true)
  end

  it "says whose the door to the store is, where it is Puppet's, and nothing of one that was opened by hand" do
    home = File.join(@root, 'var/lib/kaizen-store/.ssh')
    FileUtils.mkdir_p(home)
    keys = File.join(home, 'authorized_keys')
    File.write(keys, golden('store-authorized_keys'))
    expect(fact).to be_nil
    File.write(keys, "# Managed by Puppet, class quickstack::backups::collector: a change made here does not last.\n#{File.read(keys)}")
    expect(fact).to eq('store_door' => 'puppet')
    key = make_key
    install
    expect(fact).to eq('installed' => true, 'store_door' => 'puppet', 'public_key' => key)
  end

  it 'needs neither a comment nor a newline at the end' do
    key = make_key(comment: '')
    File.write(public_key, key)
    expect(fact).to eq('public_key' => key.strip)
  end

  it 'takes the first line' do
    key = make_key
    File.write(public_key, "#{key}\n#{File.read(private_key)}")
    expect(raw).to eq(%({"kaizen_collector": {"public_key": "#{key}"}}\n))
  end

  # Nothing of these may be said, and least of all a line of the private key.
  {
    'the private key' => ->(_key, secret) { secret },
    'the private key without its first line' => ->(_key, secret) { secret.lines.drop(1).join },
    'the private key in one line' => ->(_key, secret) { "ssh-ed25519 #{secret.lines[1..-2].join.delete("\n")}" },
    'the private key behind the public one' => ->(key, secret) { "#{key.split.first(2).join(' ')}#{secret.lines[1]}" },
    'the private key as its comment' => ->(key, secret) { "#{key.split.first(2).join(' ')} #{secret.lines[1..-2].join.delete("\n")}" },
    'nothing' => ->(*) { '' },
    'an option before the key' => ->(key, _secret) { "command=\"id\" #{key}" },
    'a key of another type' => ->(*) { "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQ#{'A' * 360} x" },
    'a key that was cut short' => ->(key, _secret) { key[0, 60] },
    'a quote' => ->(key, _secret) { "#{key}\"" },
    'a backslash' => ->(key, _secret) { "#{key}\\" },
    'a control character' => ->(key, _secret) { "#{key}\t\u0001" },
    'bytes that are no text' => ->(key, _secret) { "#{key.b}\xe9".b },
    'a comment without end' => ->(key, _secret) { "#{key}#{'x' * 100_000}" },
  }.each do |what, content|
    it "prints nothing of a public key's file that holds #{what}" do
      key = make_key
      File.binwrite(public_key, content.call(key, File.read(private_key)))
      expect(fact).to be_nil
      install
      expect(raw).to eq(%({"kaizen_collector": {"installed": true}}\n))
    end
  end

  it 'prints nothing of the private key where the public one is a link to it, or is not there' do
    make_key
    FileUtils.rm(public_key)
    expect(raw).to eq('')
    File.symlink('id_ed25519', public_key)
    expect(raw).to eq('')
  end

  it 'does not open the private key' do
    make_key
    FileUtils.rm(private_key)
    File.mkfifo(private_key) # whoever opens it waits for ever
    expect(fact).to include('public_key')
  end

  it 'survives a directory in the place of the key' do
    FileUtils.mkdir_p(public_key)
    expect(fact).to be_nil
  end
end
