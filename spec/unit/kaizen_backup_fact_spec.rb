# frozen_string_literal: true

require 'spec_helper'
require 'json'
require 'open3'

describe 'facts.d/kaizen_backup' do
  around do |example|
    Dir.mktmpdir('kaizen-fact') do |dir|
      @root = dir
      example.run
    end
  end

  def write(path, content)
    file = File.join(@root, path)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, content)
  end

  def fact
    out, err, status = Open3.capture3(File.join(ROOT, 'facts.d', 'kaizen_backup'), @root)
    expect([err, status.exitstatus]).to eq(['', 0])
    out.empty? ? nil : JSON.parse(out).fetch('kaizen_backup')
  end

  it 'says nothing where there are no backups' do
    expect(fact).to be_nil
  end

  it 'reads what the class renders' do
    write('etc/kaizen/node.conf', golden('node.conf'))
    write('etc/sudoers.d/kaizen-backup', golden('sudoers'))
    expect(fact).to eq('enabled' => true, 'role' => 'compute', 'user' => 'kaizen', 'backups_dir' => '/backups')
  end

  it 'knows the defaults' do
    write('etc/kaizen/node.conf', "path = /etc\n")
    expect(fact).to eq('enabled' => true, 'role' => 'generic', 'backups_dir' => '/backups')
  end

  it 'names the day of the newest published snapshot' do
    write('etc/kaizen/node.conf', "backups_dir = /srv/backups\n")
    ['2026-11-23', '2026-11-24', '2026-11-24.2', '.partial-2026-11-25', '.expired-2026-11-26', '2026-11-27-old', 'nodes'].each do |name|
      FileUtils.mkdir_p(File.join(@root, 'srv/backups', name))
    end
    write('srv/backups/2026-11-28', 'a file')
    File.symlink('2026-11-24', File.join(@root, 'srv/backups/2026-11-29'))
    expect(fact).to include('backups_dir' => '/srv/backups', 'last_snapshot' => '2026-11-24')
  end

  it 'is JSON whatever a setting holds' do
    write('etc/kaizen/node.conf', %(role = a"b\\c\td\u0001e\nbackups_dir = /x "y" \\ é  \n))
    expect(fact).to eq('enabled' => true, 'role' => 'a"b\\cde', 'backups_dir' => '/x "y" \\ é')
  end
end
