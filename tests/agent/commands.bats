#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# verify, restore, prune, status: what an operator does on the node itself.

load node

two_nights() {
    at '2026-11-23 01:00:00' && agent run
    echo newer >"$NODE/srv/data/a"
    chmod 0600 "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
}

@test "verify says that all is good, and names what is not: changed, missing, too many" {
    two_nights
    run agent verify
    assert_status 0
    assert_output_has '2026-11-23: good, 4 files'
    assert_output_has '2026-11-24: good, 4 files'
    printf X | dd of="$NODE/backups/2026-11-24/srv/data/a" conv=notrunc status=none
    rm "$NODE/backups/2026-11-24/srv/data/sub/b"
    touch "$NODE/backups/2026-11-24/srv/extra"
    run agent verify
    assert_status 65
    assert_output_has '2026-11-23: good'
    assert_output_has '2026-11-24: srv/data/a: FAILED'
    assert_output_has '2026-11-24: srv/data/sub/b: in SHA256SUMS, and not in the snapshot'
    assert_output_has '2026-11-24: srv/extra: not in SHA256SUMS'
    run agent verify 2026-11-23
    assert_status 0
    [[ $output == '2026-11-23: good, 4 files' ]]
    run agent verify 2020-01-01
    assert_status 1
    assert_output_has 'there is no snapshot 2020-01-01'
}

@test "restore brings a lost file back to where it was, as it was" {
    two_nights
    rm -r "$NODE/srv/data"
    run agent restore /srv/data/a
    assert_status 0
    assert_output_has 'restored /srv/data/a from 2026-11-24'
    [[ $(cat "$NODE/srv/data/a") == newer ]]
    [[ $(stat -c %a "$NODE/srv/data/a") == 600 ]]
    [[ $(stat -c %a "$NODE/srv/data") == "$(stat -c %a "$NODE/backups/2026-11-24/srv/data")" ]]
    [[ ! -e $NODE/srv/data/sub ]]
}

@test "restore takes a date and a directory, and leaves the directories that are there as they are" {
    two_nights
    mkdir -p "$NODE/tmp/out/srv" && chmod 0711 "$NODE/tmp/out/srv"
    run agent restore /srv/data --at 2026-11-23 --to /tmp/out
    assert_status 0
    diff -r "$NODE/tmp/out/srv/data" "$NODE/backups/2026-11-23/srv/data"
    [[ $(stat -c %a "$NODE/tmp/out/srv") == 711 ]]
}

@test "restore never overwrites a file that differs, unless told; nothing is ever deleted" {
    two_nights
    echo precious >"$NODE/srv/data/a"
    echo own >"$NODE/srv/data/own"
    rm "$NODE/srv/data/sub/b"
    run agent restore /srv/data
    assert_status 1
    assert_output_has 'there already, and differ'
    assert_output_has 'data/a'
    [[ $(cat "$NODE/srv/data/a") == precious && ! -e $NODE/srv/data/sub/b ]]
    run agent restore /srv/data --force
    assert_status 0
    [[ $(cat "$NODE/srv/data/a") == newer && $(cat "$NODE/srv/data/sub/b") == two && $(cat "$NODE/srv/data/own") == own ]]
}

@test "restore says where a path is that the snapshot does not have" {
    at '2026-11-23 01:00:00' && agent run
    rm "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
    run agent restore /srv/data/a
    assert_status 1
    [[ $output == *'/srv/data/a is not in 2026-11-24; it is in 2026-11-23' ]]
    run agent restore /srv/data/a --at 2026-11-23
    assert_status 0
    run agent restore /srv/never
    assert_status 1
    assert_output_has 'it is in no other snapshot either'
}

@test "restore refuses what does not have its sum any more" {
    two_nights
    printf X | dd of="$NODE/backups/2026-11-24/srv/data/a" conv=notrunc status=none
    rm "$NODE/srv/data/a"
    run agent restore /srv/data/a
    assert_status 65
    assert_output_has 'does not have its sum any more'
    [[ ! -e $NODE/srv/data/a ]]
    run agent restore /srv/data/sub/b --to /tmp
    assert_status 0
}

@test "restore of names with newlines, and of a symlink, which stays one" {
    printf x >"$NODE/srv/data/"$'new\nline'
    ln -s /etc/shadow "$NODE/srv/data/link"
    at '2026-11-24 01:00:00' && agent run
    rm "$NODE/srv/data/"$'new\nline' "$NODE/srv/data/link"
    agent restore /srv/data/$'new\nline'
    agent restore /srv/data/link
    [[ $(cat "$NODE/srv/data/"$'new\nline') == x ]]
    [[ $(readlink "$NODE/srv/data/link") == /etc/shadow ]]
}

@test "restore refuses a path that is none, a target that is none, a date that is none" {
    two_nights
    run agent restore srv/data
    assert_status 2
    run agent restore /srv/../etc
    assert_status 2
    run agent restore /srv/data --to /nowhere
    assert_status 1
    assert_output_has '/nowhere is not a directory'
    run agent restore /srv/data --at yesterday
    assert_status 1
    assert_output_has "there is no snapshot 'yesterday'"
}

@test "prune removes what a good run would; --dry-run only says it" {
    mkdir "$NODE"/backups/2026-11-{01,02,23,24}
    at '2026-11-24 12:00:00'
    run agent prune --dry-run
    assert_status 0
    [[ $output == $'would remove: /backups/2026-11-01\nwould remove: /backups/2026-11-02' ]]
    [[ -e $NODE/backups/2026-11-01 ]]
    agent prune
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
}

@test "status tells of the last run and the last good one" {
    run agent status
    assert_status 1
    two_nights
    run agent status
    assert_status 0
    assert_output_has 'last_run_exit_code = 0'
    assert_output_has 'last_run_snapshot = 2026-11-24'
    assert_output_has 'last_good = 2026-11-24'
    assert_output_has 'snapshots = 2'
    config 'path = /srv/nowhere'
    at '2026-11-25 01:00:00'
    run agent run
    run agent status
    assert_status 1
    assert_output_has 'last_run_exit_code = 1'
    assert_output_has 'last_run_problem = /srv/nowhere is named in /etc/kaizen/node.conf and does not exist'
    assert_output_has 'last_good = 2026-11-24'
}

@test "a run that is told to end ends at once, with 130, and leaves no rsync behind" {
    cp "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    rm "$NODE/usr/bin/rsync"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ $1 != --version ]] || exec rsync.real --version\ntouch /started; exec sleep 60\n' >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
    at '2026-11-24 01:00:00'
    end_a_run_midway
    [[ -z $(ls "$NODE/backups") ]]
    run ! kill -0 -- -"$PID"
    run agent status
    assert_output_has 'last_run_exit_code = 130'
}

@test "restore refuses a file that SHA256SUMS does not know" {
    at '2026-11-24 01:00:00' && agent run
    echo strange >"$NODE/backups/2026-11-24/srv/data/strange"
    run agent restore /srv/data --to /tmp
    assert_status 65
    assert_output_has 'not every file of /srv/data is in SHA256SUMS'
    [[ ! -e $NODE/tmp/srv ]]
}

@test "restore puts back a file that was changed under its size and time" {
    at '2026-11-24 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo BAD >"$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    run agent restore /srv/data/a
    assert_status 1
    assert_output_has 'there already, and differ'
    agent restore /srv/data/a --force
    [[ $(cat "$NODE/srv/data/a") == one ]]
}

@test "restore never goes through a symlink, in the snapshot or in the target" {
    mkdir "$NODE/srv/real" "$NODE/srv/elsewhere" && echo good >"$NODE/srv/real/f"
    ln -s /srv/real "$NODE/srv/link"
    config 'path = /srv/link' 'path = /srv/data'
    at '2026-11-24 01:00:00' && agent run
    echo broken >"$NODE/srv/real/f"
    run agent restore /srv/link/f --to /tmp
    assert_status 1
    assert_output_has '/srv/link is a symlink to /srv/real'
    agent restore /srv/real/f --to /tmp
    [[ $(cat "$NODE/tmp/srv/real/f") == good ]]
    rm -r "$NODE/srv/data" && ln -s /srv/elsewhere "$NODE/srv/data"
    run agent restore /srv/data/a
    assert_status 1
    assert_output_has '/srv/data is a symlink'
    [[ -z $(ls "$NODE/srv/elsewhere") ]]
}

@test "restore does not put a directory in a file's place, or the reverse, unless told" {
    at '2026-11-24 01:00:00' && agent run
    rm -r "$NODE/srv/data/sub" && echo precious >"$NODE/srv/data/sub"
    run agent restore /srv/data
    assert_status 1
    assert_output_has 'srv/data/sub'
    [[ $(cat "$NODE/srv/data/sub") == precious ]]
}

@test "restore and verify harm no run that is at work" {
    printf '#!/bin/sh\ntouch /started; while [ ! -e /go ]; do sleep 0.1; done; echo exported\n' >"$NODE/srv/export"
    chmod 0755 "$NODE/srv/export"
    at '2026-11-23 01:00:00' && agent run
    config 'path = /srv/data' 'dump = command:x:/srv/export'
    at '2026-11-24 01:00:00'
    spawn /usr/local/sbin/kaizen-backup run
    while [[ ! -e $NODE/started ]]; do sleep 0.05; done
    agent restore /srv/data/a --to /tmp
    agent verify
    touch "$NODE/go"
    wait "$PID"
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
}

@test "verify is not content with sums that nobody can check" {
    at '2026-11-24 01:00:00' && agent run
    printf X | dd of="$NODE/backups/2026-11-24/srv/data/a" conv=notrunc status=none
    sed -i '/srv.data.a$/s/^........//' "$NODE/backups/2026-11-24/SHA256SUMS"
    run agent verify
    assert_status 65
    assert_output_has 'not a line that sha256sum writes'
}

@test "status is not good when the configuration is bad, or the newest snapshot is old" {
    at '2026-11-23 01:00:00' && agent run
    config 'path = relative'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 78
    grep -q 'error: the configuration has 1 mistakes' "$NODE/var/log/kaizen-backup.log"
    config 'path = /srv/data'
    run agent status
    assert_status 1
    assert_output_has 'last_run_exit_code = 78'
    agent run
    agent status
    at '2026-11-27 01:00:00'
    run agent status
    assert_status 1
}
