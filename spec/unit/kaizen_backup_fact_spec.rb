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
    File.binwrite(file, content)
  end

  # The text, as a strict reader of JSON takes it.
  def raw
    out, err, status = Open3.capture3(File.join(ROOT, 'facts.d', 'kaizen_backup'), @root)
    expect([err, status.exitstatus]).to eq(['', 0])
    expect(out.force_encoding('UTF-8')).to be_valid_encoding
    expect(out).to eq('').or match(%r{\A[^\x00-\x1f\x7f]+\n\z})
    out
  end

  def fact
    out = raw
    out.empty? ? nil : JSON.parse(out).fetch('kaizen_backup')
  end

  # A snapshot as the agent publishes it, with these values in its backup.info.
  def snapshot(name, values = {})
    info = { host: 'www.kaizen.example', role: 'compute', agent_version: '0.1.0', started: '2026-11-24T01:17:00Z',
             finished: '2026-11-24T01:18:03Z', status: 'complete', files: 1234, bytes: 5_678_901, changed_files: 2,
             changed_bytes: 30, warnings: 1, skipped_path: '/etc/nova', warning: 'file has vanished: "/srv/x"' }
    write("backups/#{name}/backup.info", info.merge(values).map { |key, value| "#{key} = #{value}\n" }.join)
  end

  # How the agent remembers a run.
  def last_run(values = {})
    run = { started: '2026-11-25T01:17:00Z', finished: '2026-11-25T01:17:09Z', exit_code: 0, snapshot: '2026-11-24', problem: '' }
    write('var/lib/kaizen/last-run', run.merge(values).map { |key, value| "#{key} = #{value}\n" }.join)
  end

  it 'says nothing where there are no backups' do
    snapshot('2026-11-24')
    last_run
    expect(fact).to be_nil
  end

  it 'reads what the class renders' do
    write('etc/kaizen/node.conf', golden('node.conf'))
    write('etc/sudoers.d/kaizen-backup', golden('sudoers'))
    expect(fact).to eq('enabled' => true, 'role' => 'compute', 'user' => 'kaizen', 'backups_dir' => '/backups', 'verdict' => 'never')
  end

  it 'knows the defaults' do
    write('etc/kaizen/node.conf', "path = /etc\n")
    expect(fact).to eq('enabled' => true, 'role' => 'generic', 'backups_dir' => '/backups', 'verdict' => 'never')
  end

  it 'takes the first of a key that stands there twice, as the agent does' do
    write('etc/kaizen/node.conf', "role = first\nrole = second\n")
    expect(fact).to include('role' => 'first')
  end

  it 'names the day of the newest published snapshot' do
    write('etc/kaizen/node.conf', "backups_dir = /srv/backups\n")
    ['2026-11-23', '2026-11-24', '2026-11-24.2', '.partial-2026-11-25', '.expired-2026-11-26', '2026-11-27-old', '2026-13-01', 'nodes'].each do |name|
      FileUtils.mkdir_p(File.join(@root, 'srv/backups', name))
    end
    write('srv/backups/2026-11-28', 'a file')
    File.symlink('2026-11-24', File.join(@root, 'srv/backups/2026-11-29'))
    expect(fact).to include('backups_dir' => '/srv/backups', 'last_snapshot' => '2026-11-24')
  end

  it 'is JSON whatever a setting holds' do
    write('etc/kaizen/node.conf', %(role = a"b\\c\td\u0001e\nbackups_dir = /x "y" \\ é  \n))
    expect(fact).to include('enabled' => true, 'role' => 'a"b\\cde', 'backups_dir' => '/x "y" \\ é')
  end

  context 'with snapshots' do
    before { write('etc/kaizen/node.conf', golden('node.conf')) }

    it 'says all that it knows of a node' do
      write('etc/sudoers.d/kaizen-backup', golden('sudoers'))
      FileUtils.mkdir_p(File.join(@root, 'usr/local/sbin'))
      FileUtils.cp(File.join(ROOT, 'files/backups/kaizen-backup'), File.join(@root, 'usr/local/sbin'))
      snapshot('2026-11-24')
      last_run
      expect(fact).to eq(
        'enabled' => true, 'role' => 'compute', 'user' => 'kaizen', 'backups_dir' => '/backups',
        'agent_version' => JSON.parse(File.read(File.join(ROOT, 'metadata.json')))['version'],
        'last_snapshot' => '2026-11-24', 'last_run' => '2026-11-25T01:17:09Z', 'last_good' => '2026-11-24T01:18:03Z',
        'last_good_epoch' => Time.utc(2026, 11, 24, 1, 18, 3).to_i,
        'files' => 1234, 'bytes' => 5_678_901, 'warnings' => 1, 'verdict' => 'good'
      )
    end

    it 'reads the newest, where .10 comes after .9 and the next day after both' do
      snapshot('2026-11-24', files: 1)
      snapshot('2026-11-24.9', files: 9)
      snapshot('2026-11-24.10', files: 10)
      expect(fact).to include('files' => 10)
      snapshot('2026-11-25', files: 25)
      expect(fact).to include('files' => 25, 'last_snapshot' => '2026-11-25')
    end

    it 'says the same as time passes' do
      snapshot('2026-11-24')
      last_run
      before = raw
      Dir[File.join(@root, '**', '*')].each { |file| File.utime(0, 0, file) }
      expect(raw).to eq(before)
    end

    it 'does not run the agent to learn its version' do
      write('usr/local/sbin/kaizen-backup', "#!/bin/sh\ntouch #{@root}/ran\nreadonly VERSION=1.2.3-rc1\n")
      FileUtils.chmod(0o755, File.join(@root, 'usr/local/sbin/kaizen-backup'))
      expect(fact).to include('agent_version' => '1.2.3-rc1')
      expect(File).not_to exist(File.join(@root, 'ran'))
    end

    {
      'a last run that went well' => [0, true, 'good'],
      'no word of a last run' => [nil, true, 'good'],
      'a last run that failed' => [1, true, 'failed'],
      'a last run that was interrupted' => [130, true, 'failed'],
      'a last run that says no code' => ['', true, 'failed'],
      'a failed run and no snapshot' => [78, false, 'failed'],
      'no run and no snapshot' => [nil, false, 'never'],
      'a good run whose snapshot is gone' => [0, false, 'failed'],
    }.each do |what, (code, made, verdict)|
      it "calls it #{verdict}: #{what}" do
        snapshot('2026-11-24') if made
        last_run(exit_code: code, problem: code.to_i.positive? ? 'dump mysql: Access denied' : '') if code
        expect(fact).to include('verdict' => verdict)
        expect(fact['problem']).to eq('dump mysql: Access denied') if code.to_i.positive?
        expect(fact).not_to include('problem') unless verdict == 'failed'
        expect(fact).to include('last_good' => '2026-11-24T01:18:03Z') if made
      end
    end

    it 'names a problem of its own: a good run, and no snapshot' do
      last_run
      expect(fact).to include('problem' => 'the last run went well, and there is no snapshot in /backups')
    end

    it 'keeps a problem short, and to the last run that has one' do
      snapshot('2026-11-24')
      last_run(exit_code: 1, problem: 'ü' * 500)
      expect(fact['problem']).to eq('ü' * 100)
      last_run(exit_code: 0, problem: 'left over')
      expect(fact).not_to include('problem')
    end

    it 'reads a backup.info that lists thousands of files in no time' do
      snapshot('2026-11-24', skipped_path: (['/srv/x'] * 200_000).join("\nchanged_while_read = "))
      began = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      expect(fact).to include('files' => 1234, 'warnings' => 1)
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - began).to be < 2
    end

    ['', '-1', '007', '1e3', '0x10', ' ', '1 2', '9' * 40, 'NaN', 'true', '"x"', '1}', "12\u0000"].each do |value|
      it "takes #{value.inspect[0, 12]} for no number" do
        snapshot('2026-11-24', files: value, bytes: value, warnings: value)
        expect(fact.keys & %w[files bytes]).to eq(value == "12\u0000" ? %w[files bytes] : [])
      end
    end

    ['', 'yesterday', '2026-11-24', '2026-11-24T01:18:03', '2026-11-24T01:18:03Z"', '$(touch ran)'].each do |value|
      it "takes #{value.inspect} for no time" do
        snapshot('2026-11-24', finished: value)
        last_run(finished: value)
        expect(fact.keys & %w[last_run last_good last_good_epoch]).to eq([])
      end
    end

    it 'has no number for a time that there is not' do
      snapshot('2026-11-24', finished: '2026-13-45T01:18:03Z')
      expect(fact).not_to include('last_good_epoch')
    end

    it 'is JSON whatever bytes the files hold' do
      random = Random.new(42)
      100.times do
        noise = Array.new(40) { random.bytes(random.rand(60)).tr("\n", ' ') }
        write('etc/kaizen/node.conf', "role = #{noise[0]}\n".b + noise[1, 9].join("\n"))
        write('etc/sudoers.d/kaizen-backup', 'Defaults:'.b + noise[10].tr(' ', '_') + ' !requiretty')
        write('usr/local/sbin/kaizen-backup', 'readonly VERSION='.b + noise[11])
        write('var/lib/kaizen/last-run', 'exit_code = '.b + noise[12] + "\nproblem = ".b + noise[13, 9].join)
        write('backups/2026-11-24/backup.info', noise[22, 9].join("\n") + "\nfinished = ".b + noise[32] + "\nfiles = ".b + noise[33])
        expect(fact).to include('enabled' => true, 'last_snapshot' => '2026-11-24', 'verdict' => 'failed')
      end
    end

    it 'survives files that cannot be what they should' do
      FileUtils.mkdir_p(File.join(@root, 'var/lib/kaizen/last-run'))
      FileUtils.mkdir_p(File.join(@root, 'backups/2026-11-24/backup.info'))
      FileUtils.mkdir_p(File.join(@root, 'usr/local/sbin/kaizen-backup'))
      FileUtils.mkdir_p(File.join(@root, 'etc/sudoers.d'))
      File.mkfifo(File.join(@root, 'etc/sudoers.d/kaizen-backup'))
      expect(fact).to eq('enabled' => true, 'role' => 'compute', 'backups_dir' => '/backups', 'last_snapshot' => '2026-11-24', 'verdict' => 'good')
    end
  end
end
