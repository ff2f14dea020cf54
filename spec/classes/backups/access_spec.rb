# frozen_string_literal: true

require 'spec_helper'

describe 'quickstack::backups::access' do
  it { is_expected.to compile.and_raise_error(%r{private}) }
end

describe 'quickstack::backups' do
  # What is rendered doesn't depend on the system.
  context 'with the golden inputs' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { golden_inputs('quickstack::backups') }

    it 'has the golden files' do
      is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys').with_content(golden('authorized_keys'))
      is_expected.to contain_file('/etc/sudoers.d/kaizen-backup').with_content(golden('sudoers'))
      is_expected.to contain_file('/etc/kaizen/rsyncd.conf').with_content(golden('rsyncd.conf'))
    end
  end

  on_supported_os.each do |os, os_facts|
    context "on #{os}, the door" do
      let(:facts) { os_facts }

      it 'belongs to root' do
        is_expected.to contain_package('sudo')
        is_expected.to contain_group('kaizen').with(ensure: 'present', system: true)
        is_expected.to contain_user('kaizen').with(
          ensure: 'present', system: true, gid: 'kaizen', home: '/var/lib/kaizen', managehome: false, shell: '/bin/sh', password: '*',
        )
        is_expected.to contain_file('/var/lib/kaizen/.ssh')
          .with(ensure: 'directory', owner: 'root', group: 'kaizen', mode: '0750', seltype: 'ssh_home_t')
        is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys')
          .with(owner: 'root', group: 'kaizen', mode: '0640', seltype: 'ssh_home_t', content: '')
          .that_requires(['File[/etc/kaizen/rsyncd.conf]', 'File[/etc/sudoers.d/kaizen-backup]'])
        is_expected.to contain_file('/etc/sudoers.d/kaizen-backup')
          .with(owner: 'root', group: 'root', mode: '0440', validate_cmd: '/usr/sbin/visudo -cf %')
          .that_requires('Package[sudo]')
        is_expected.to contain_file('/etc/kaizen/rsyncd.conf').with(owner: 'root', group: 'root', mode: '0644')
      end

      context 'when it is disabled' do
        let(:params) { { enabled: false } }

        it 'is gone' do
          is_expected.to contain_file('/var/lib/kaizen/.ssh').with(ensure: 'absent', force: true)
          is_expected.to contain_file('/etc/sudoers.d/kaizen-backup').with_ensure('absent')
          is_expected.to contain_file('/etc/kaizen/rsyncd.conf').with_ensure('absent')
          is_expected.to contain_user('kaizen').with(ensure: 'absent', managehome: false).that_comes_before('Group[kaizen]')
          is_expected.to contain_group('kaizen').with_ensure('absent')
        end
      end
    end
  end

  context 'with a certificate authority, from known addresses' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { collector_authorities: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ca'], collector_hosts: ['192.0.2.1'] } }

    it 'lets in whom it has signed, for the door alone; the certificate says from where' do
      is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys')
        .with_content(%r{\Acert-authority,principals="kaizen-collector",restrict,command="sudo -n [^"]*" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ca\n\z})
    end
  end

  context 'with another user and another directory' do
    let(:facts) { on_supported_os['debian-12-x86_64'] }
    let(:params) { { user: 'reader', backups_dir: '/srv/backups', collector_keys: ['ssh-rsa AAAAB3NzaC1yc2E='] } }

    it 'names them everywhere' do
      is_expected.to contain_user('reader').with_gid('reader')
      is_expected.to contain_group('reader')
      is_expected.to contain_file('/srv/backups').with_mode('0700')
      is_expected.to contain_file('/etc/kaizen/rsyncd.conf').with_content(%r{^path = /srv/backups$})
      is_expected.to contain_file('/etc/sudoers.d/kaizen-backup')
        .with_content(%r{\ADefaults:reader [^\n]*\nreader ALL=\(root\) NOPASSWD: [^\n]*\n\z})
      is_expected.to contain_file('/var/lib/kaizen').with_group('reader')
      is_expected.to contain_file('/var/lib/kaizen/.ssh').with_group('reader')
      is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys')
        .with(group: 'reader', content: %r{\Arestrict,command="sudo -n [^"]*" ssh-rsa AAAAB3NzaC1yc2E=\n\z})
    end
  end

  context 'with keys that collectors export' do
    first = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBq3mJ5qUoO4c8mYw0l2s9yT7oZb1r6fQeXnVtKd0aLp kaizen@collector.kaizen.example'
    second = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ kaizen@second.kaizen.example'

    let(:facts) { on_supported_os['debian-12-x86_64'] }

    include_context 'with exported keys', [second, first]

    context 'and the same parameters otherwise' do
      let(:params) { golden_inputs('quickstack::backups').except(:collector_keys) }

      it 'lets each in, once, in an order that does not change' do
        is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys').with_content(golden('authorized_keys'))
      end
    end

    context 'and one in Hiera, too' do
      let(:params) { golden_inputs('quickstack::backups').merge(collector_keys: [first]) }

      it 'is the same' do
        is_expected.to contain_file('/var/lib/kaizen/.ssh/authorized_keys').with_content(golden('authorized_keys'))
      end
    end
  end

  context 'on a node whose door was for another user' do
    let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_backup: { 'enabled' => true, 'user' => 'reader' }) }

    it 'removes that user after its sudo rule and its directory' do
      is_expected.to compile.with_all_deps
      is_expected.to contain_user('kaizen').with_ensure('present')
      is_expected.to contain_user('reader').with(ensure: 'absent', managehome: false)
                                           .that_requires(['File[/etc/sudoers.d/kaizen-backup]', 'File[/var/lib/kaizen]'])
      is_expected.to contain_group('reader').with_ensure('absent').that_requires('User[reader]')
    end

    context 'when it is disabled' do
      let(:params) { { enabled: false } }

      it 'removes both' do
        ['kaizen', 'reader'].each { |name| is_expected.to contain_user(name).with_ensure('absent') }
      end
    end
  end

  ['root', "a\nb", ['nova'], 7].each do |name|
    context "on a node whose fact names #{name.inspect} as the user" do
      let(:facts) { on_supported_os['debian-12-x86_64'].merge(kaizen_backup: { 'user' => name }) }

      it 'removes nobody' do
        is_expected.to compile.with_all_deps
        is_expected.to have_user_resource_count(1)
      end
    end
  end
end
