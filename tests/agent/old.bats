#!/usr/bin/env bats
# Old machines: rsync 3.1.2, coreutils without sync -f, no zstd. Stand-ins say and refuse what those would.

load node

old_rsync() { # VERSION
    cp "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    rm "$NODE/usr/bin/rsync"
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/bash' \
        "[[ \$1 != --version ]] || { echo 'rsync  version $1  protocol version 31'; exit; }" \
        '[[ "$*" != *--modify-window=-1* ]] || { echo "rsync: --modify-window=-1: invalid" >&2; exit 1; }' \
        'exec rsync.real "$@"' >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
}

@test "rsync 3.1.2 makes a right snapshot, links what is unchanged, and finds edits within one second" {
    old_rsync 3.1.2
    at '2026-11-23 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    [[ $(inode backups/2026-11-23/srv/data/sub/b) == "$(inode backups/2026-11-24/srv/data/sub/b)" ]]
    assert_whole
}

@test "an rsync with known holes is warned about once a run, in backup.info and the log, and mails nobody" {
    old_rsync 3.2.7
    sed -i 's/--modify-window=-1/--never/' "$NODE/usr/bin/rsync"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    [[ $(grep -c '^warning = rsync 3.2.7 has holes' "$NODE/backups/2026-11-24/backup.info") == 1 ]]
    [[ $(grep -c 'rsync 3.2.7 has holes' "$NODE/var/log/kaizen-backup.log") == 1 ]]
}

@test "this machine's rsync is warned about only when it is older than 3.5.0" {
    local version
    version=$(rsync --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p')
    at '2026-11-24 01:00:00' && agent run
    if [[ $(printf '%s\n' "$version" 3.5.0 | sort -V | head -n 1) == 3.5.0 ]]; then
        grep -qx 'warnings = 0' "$NODE/backups/2026-11-24/backup.info"
    else
        grep -q 'has holes' "$NODE/backups/2026-11-24/backup.info"
    fi
}

@test "where sync knows no -f, everything is synced" {
    mv "$NODE/usr/bin/sync" "$NODE/usr/bin/sync.real"
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/bash' '[[ $1 != --help ]] || { echo "Usage: sync"; exit; }' \
        '[[ $# -eq 0 ]] || { echo "sync: extra operand" >&2; exit 1; }' 'echo x >>/synced; exec sync.real' >"$NODE/usr/bin/sync"
    chmod 0755 "$NODE/usr/bin/sync"
    at '2026-11-24 01:00:00' && agent run
    [[ $(snapshots) == 2026-11-24 ]]
    [[ $(wc -l <"$NODE/synced") == 2 ]]
}

@test "where awk is mawk, as Debian has it, it is all the same" {
    local name
    ln -sf /usr/bin/mawk "$NODE/etc/alternatives/awk"
    [[ $(on_node readlink -f /usr/bin/awk) == /usr/bin/mawk ]]
    for name in 'a b' $'new\nline' 'back\slash' $'carriage\rreturn' $'latin\xe9' -n '*'; do touch "$NODE/srv/data/$name"; done
    at '2026-11-23 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    echo 'not so new' >"$NODE/srv/data/"$'new\nline'
    at '2026-11-24 01:00:00' && agent run
    diff -r "$NODE/srv/data" "$NODE/backups/2026-11-24/srv/data"
    grep -qx 'changed_files = 2' "$NODE/backups/2026-11-24/backup.info"
    assert_whole
    agent verify
    config 'path = /srv/data' 'keep_days = 1'
    at '2026-11-25 01:00:00' && agent run
    [[ $(snapshots) == 2026-11-25 ]]
}
