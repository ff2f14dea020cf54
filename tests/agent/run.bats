#!/usr/bin/env bats
# The snapshot itself: complete or absent, linked to the one before, and never changed afterwards.

load node

@test "a run publishes today's snapshot, whole, and nothing else" {
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    [[ $(ls -A "$NODE/backups") == 2026-11-24 ]]
    diff -r "$NODE/srv" "$NODE/backups/2026-11-24/srv"
    assert_whole
    [[ $(stat -c '%a %U:%G' "$NODE/backups") == '700 root:root' ]]
}

@test "backup.info says what was saved" {
    at '2026-11-24 01:00:00'
    agent run
    run cat "$NODE/backups/2026-11-24/backup.info"
    assert_output_has 'role = empty'
    assert_output_has 'agent_version = '
    assert_output_has 'started = 2026-11-24T01:00:0'
    assert_output_has 'finished = 2026-11-24T01:00:'
    assert_output_has 'status = complete'
    assert_output_has $'files = 3\nbytes = 14\nchanged_files = 3\nchanged_bytes = 14\nwarnings = 0'
}

@test "an unchanged file is a hard link to the last snapshot's, however old; a changed one is a file of its own" {
    at '2026-11-20 01:00:00' && agent run
    echo changed >"$NODE/srv/data/a"
    at '2026-11-24 01:00:00'
    config 'path = /srv/data' 'path = /srv/other' 'keep_days = 9'
    agent run
    [[ $(inode backups/2026-11-20/srv/data/sub/b) == "$(inode backups/2026-11-24/srv/data/sub/b)" ]]
    [[ $(inode backups/2026-11-20/srv/data/a) != "$(inode backups/2026-11-24/srv/data/a)" ]]
    [[ $(cat "$NODE/backups/2026-11-20/srv/data/a") == one ]]
    grep -q '^changed_files = 1$' "$NODE/backups/2026-11-24/backup.info"
    assert_whole
}

@test "an edit of the same size within the same second is caught" {
    touch -d '2026-11-20 00:00:00.100' "$NODE/srv/data/a"
    at '2026-11-23 01:00:00' && agent run
    echo two >"$NODE/srv/data/a"
    touch -d '2026-11-20 00:00:00.200' "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
}

@test "a change of mode, owner, ACL or xattr never reaches into an older snapshot" {
    at '2026-11-23 01:00:00' && agent run
    local before
    before=$(picture)
    chmod 0600 "$NODE/srv/data/a"
    chown 1234 "$NODE/srv/data/sub/b"
    setfacl -m u:1234:r "$NODE/srv/other/c"
    at '2026-11-24 01:00:00' && agent run
    [[ $(picture | grep 2026-11-23) == "$(grep 2026-11-23 <<<"$before")" ]]
    [[ -z $(getfacl -cs --skip-base "$NODE/backups/2026-11-23/srv/other/c") ]]
    getfacl -cn "$NODE/backups/2026-11-24/srv/other/c" | grep -q 'user:1234:r--'
    [[ $(stat -c %u "$NODE/backups/2026-11-24/srv/data/sub/b") == 1234 ]]
    assert_whole
}

@test "names with spaces, newlines, backslashes, carriage returns and other bytes are saved and summed" {
    local name
    for name in 'a b' ' lead' $'new\nline' 'back\slash' $'carriage\rreturn' $'latin\xe9' -n '*'; do
        touch "$NODE/srv/data/$name"
    done
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    diff -r "$NODE/srv" "$NODE/backups/2026-11-24/srv"
    grep -q '^changed_files = 0$' "$NODE/backups/2026-11-24/backup.info"
    assert_whole
}

@test "a second run on the same day says so and changes nothing; --again makes .2 and .3" {
    at '2026-11-24 01:00:00' && agent run
    local before
    before=$(picture)
    echo later >"$NODE/srv/data/a"
    run agent run
    assert_status 0
    assert_output_has "today's snapshot is there already: /backups/2026-11-24"
    [[ $(picture) == "$before" ]]
    agent run --again
    agent run --again
    [[ $(snapshots) == $'2026-11-24\n2026-11-24.2\n2026-11-24.3' ]]
    [[ $(cat "$NODE/backups/2026-11-24.2/srv/data/a") == later ]]
}

@test "excludes leave out what they say and nothing more" {
    mkdir -p "$NODE/srv/data/cache" "$NODE/srv/other/cache"
    touch "$NODE/srv/data/cache/x" "$NODE/srv/other/cache/y" "$NODE/srv/data/z.tmp" "$NODE/srv/data/z.tmpl"
    config 'path = /srv/data' 'path = /srv/other' 'exclude = /srv/data/cache' 'exclude = *.tmp'
    at '2026-11-24 01:00:00' && agent run
    run bash -c "cd $NODE/backups/2026-11-24 && find srv ! -type d | sort | tr '\n' ' '"
    [[ $output == 'srv/data/a srv/data/sub/b srv/data/z.tmpl srv/other/c srv/other/cache/y ' ]]
}

@test "backups_dir is never part of a snapshot" {
    mkdir "$NODE/srv/backups"
    config 'path = /srv' 'backups_dir = /srv/backups'
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ ! -e $NODE/srv/backups/2026-11-24/srv/backups ]]
    [[ -e $NODE/srv/backups/2026-11-24/srv/data/a ]]
}

@test "a role's path that this node lacks is skipped and listed" {
    printf 'path = /srv/data\npath = /etc/heat\n' >"$NODE/etc/kaizen/roles/empty.conf"
    config
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    grep -qx 'skipped_path = /etc/heat' "$NODE/backups/2026-11-24/backup.info"
}

@test "a path of node.conf that does not exist is named, and nothing is published" {
    config 'path = /srv/data' 'path = /srv/nowhere'
    run agent run
    assert_status 1
    assert_output_has '/srv/nowhere is named in /etc/kaizen/node.conf and does not exist'
    [[ -z $(ls "$NODE/backups") ]]
}

@test "a path that held files and is now empty fails the run, until it is said to be meant" {
    at '2026-11-23 01:00:00' && agent run
    rm -r "$NODE/srv/data/a" "$NODE/srv/data/sub"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has '/srv/data held files in 2026-11-23 and is now missing or empty'
    [[ $(snapshots) == 2026-11-23 ]]
    agent run --accept-empty /srv/data
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
}

@test "--dry-run changes nothing at all and lists what a run would do" {
    at '2026-11-20 01:00:00' && agent run
    echo more >"$NODE/srv/data/more"
    rm -f "$NODE/run/kaizen-backup.lock"
    local before after
    before=$(cd "$NODE" && find etc/kaizen backups var/lib/kaizen var/log run srv -printf '%p %T@ %C@ %s\n' | sort)
    at '2026-11-24 01:00:00'
    run agent run --dry-run
    assert_status 0
    assert_output_has 'srv/data/more'
    [[ $output != *srv/data/sub/b* ]]
    after=$(cd "$NODE" && find etc/kaizen backups var/lib/kaizen var/log run srv -printf '%p %T@ %C@ %s\n' | sort)
    diff <(echo "$before") <(echo "$after")
}

@test "dry_run = true in node.conf makes every run say only what it would do" {
    config 'path = /srv/data' 'dry_run = true'
    run agent run
    assert_status 0
    assert_output_has 'srv/data/a'
    [[ -z $(ls -A "$NODE/backups") ]]
    grep -q 'srv/data/a' "$NODE/var/log/kaizen-backup.log"
}

@test "what went right is in the log alone; what went wrong is on stderr too" {
    at '2026-11-24 01:00:00'
    run agent run
    [[ -z $output ]]
    grep -q 'published /backups/2026-11-24: files = 3' "$NODE/var/log/kaizen-backup.log"
    config 'path = /srv/nowhere'
    run bash -c "$(declare -f agent on_node); NODE=$NODE; agent run --again 2>/dev/null"
    [[ -z $output ]]
    grep -q 'error: /srv/nowhere is named' "$NODE/var/log/kaizen-backup.log"
}

@test "verbosity reaches rsync, and what it says the log" {
    config 'path = /srv/data' 'verbosity = 1'
    agent run
    grep -qx '/\?srv/data/a' "$NODE/var/log/kaizen-backup.log"
}

@test "list shows every snapshot with what it holds" {
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    run agent list
    assert_status 0
    [[ ${lines[1]} =~ ^2026-11-23\ +3\ +14\ +3\ +14\ +0$ ]]
    [[ ${lines[2]} =~ ^2026-11-24\ +3\ +14\ +0\ +0\ +0$ ]]
}

@test "a path that is a symlink is saved with what it leads to, and with its excludes" {
    mkdir -p "$NODE/data/nova/instances"
    echo state >"$NODE/data/nova/state"
    echo disk >"$NODE/data/nova/instances/disk"
    ln -s /data/nova "$NODE/srv/nova"
    config 'path = /srv/nova' 'exclude = /srv/nova/instances'
    at '2026-11-23 01:00:00' && agent run
    [[ $(readlink "$NODE/backups/2026-11-23/srv/nova") == /data/nova ]]
    [[ $(cat "$NODE/backups/2026-11-23/data/nova/state") == state ]]
    [[ ! -e $NODE/backups/2026-11-23/data/nova/instances ]]
    assert_whole
}

@test "a directory that became a symlink to nothing much is not taken for what it was" {
    at '2026-11-23 01:00:00' && agent run
    rm -r "$NODE/srv/data"
    mkdir "$NODE/empty"
    ln -s /empty "$NODE/srv/data"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has '/srv/data held files in 2026-11-23 and is now missing or empty'
}

@test "a backups_dir that is a symlink is known by its real name, and never part of a snapshot" {
    mkdir -p "$NODE/srv/store"
    ln -s /srv/store "$NODE/bk"
    config 'path = /srv' 'backups_dir = /bk'
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ ! -e $NODE/srv/store/2026-11-24/srv/store ]]
    config 'path = /srv/store/x' 'backups_dir = /bk'
    run agent check-config
    assert_status 78
    assert_output_has "path: '/srv/store/x' is in backups_dir, /srv/store"
}

@test "a path in which only excluded files are left is a lost one" {
    mkdir "$NODE/srv/data/instances" && echo disk >"$NODE/srv/data/instances/disk"
    config 'path = /srv/data' 'exclude = /srv/data/instances'
    at '2026-11-23 01:00:00' && agent run
    rm -r "$NODE/srv/data/a" "$NODE/srv/data/sub"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has '/srv/data held files in 2026-11-23 and is now missing or empty'
}

@test "a path that is a symlink to nothing, or to an empty directory, is the same on every night" {
    mkdir "$NODE/empty" && ln -s /empty "$NODE/srv/one" && ln -s /nowhere "$NODE/srv/two"
    config 'path = /srv/one' 'path = /srv/two' 'path = /srv/data'
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
}

@test "the website role leaves out caches and no program" {
    local site=$NODE/var/www/site
    mkdir -p "$site"/{vendor/symfony/cache,var/cache/prod,wp-content/cache,tmp}
    touch "$site"/{vendor/symfony/cache/Adapter.php,var/cache/prod/x,wp-content/cache/x,tmp/x}
    rm -rf "$NODE/etc/kaizen/roles/tiny.conf"
    sed '/^dump/d; /^path/{/www/!d}' "$REPO/files/backups/roles/website.conf" >"$NODE/etc/kaizen/roles/empty.conf"
    config
    at '2026-11-24 01:00:00' && agent run
    run bash -c "cd $NODE/backups/2026-11-24/var/www/site && find . -type f | sort | tr '\n' ' '"
    [[ $output == './tmp/x ./vendor/symfony/cache/Adapter.php ' ]]
}

@test "the keys that open other nodes' doors, and what opens their copies, are in no snapshot" {
    mkdir -p "$NODE"/etc/kaizen/{ssh,ca,offsite}
    echo hunter2 | tee "$NODE"/etc/kaizen/{ssh/id_ed25519,ca/ca} >"$NODE/etc/kaizen/offsite/cluster.password"
    config 'path = /etc/kaizen'
    agent run
    [[ -e $(echo "$NODE"/backups/*/etc/kaizen/node.conf) ]]
    ! grep -rq hunter2 "$NODE/backups"
}
