#!/usr/bin/env bats
# Disks that fill up, fail, or lose power, or can share blocks: on file systems of their own, ext4, XFS and btrfs.

load node

# counted TENTH FULL: how often a fault is tried.
counted() { if [[ ${KAIZEN_FAULTS:-} == full ]]; then echo "$2"; else echo "$1"; fi; }

# disk FS SIZE: a file system of its own for the snapshots, in a file on one that can copy a file in an instant.
disk() {
    DISKS=$BATS_TEST_TMPDIR/disks
    mkdir "$DISKS"
    truncate -s 1G "$DISKS.xfs"
    mkfs.xfs -q "$DISKS.xfs"
    mount -o loop "$DISKS.xfs" "$DISKS"
    truncate -s "$2" "$DISKS/disk"
    case $1 in
        xfs) mkfs.xfs -q "$DISKS/disk" ;;
        btrfs) mkfs.btrfs -q "$DISKS/disk" ;;
        *) mkfs.ext4 -q -m 0 "$DISKS/disk" ;;
    esac
    mount -o loop "$DISKS/disk" "$NODE/backups"
    rm -rf "$NODE/backups/lost+found"
}

teardown() {
    umount -l "$NODE/backups" 2>/dev/null || true
    umount -l -R "$NODE/.."
    [[ -z ${DISKS:-} ]] || umount -l "$DISKS"
}

some_files() {
    local i
    mkdir -p "$NODE/srv/data/many"
    for ((i = 0; i < 60; i++)); do head -c $((i * 997)) /dev/urandom >"$NODE/srv/data/many/$i"; done
}

change_something() {
    local i
    for ((i = RANDOM % 7; i < 60; i += 7)); do head -c $((i * 997)) /dev/urandom >"$NODE/srv/data/many/$i"; done
}

# What stands published is whole; what stood there before has not changed; a new one is what the source is.
nothing_is_harmed() {
    [[ $(picture | grep 2026-11-23) == "$before" ]] || return 1
    assert_whole || return 1
    [[ ! -e $NODE/backups/2026-11-24 ]] || diff -r "$NODE/srv" "$NODE/backups/2026-11-24/srv"
}

@test "runs into a full disk: nothing published is incomplete or changed, and the next run recovers" {
    local before i room full=0
    disk ext4 32M
    some_files
    at '2026-11-23 01:00:00' && agent run
    before=$(picture)
    at '2026-11-24 01:00:00'
    for ((i = 0; i < $(counted 10 100); i++)); do
        change_something
        room=$((RANDOM % 700))
        head -c $(($(df --output=avail -B1 "$NODE/backups" | tail -1) - room * 1024)) /dev/zero >"$NODE/backups/fill" || true
        run agent run
        if [[ $status -ne 0 ]]; then
            full=$((full + 1))
            assert_status 1
            [[ $output == *'No space left'* || $output == *'could not be written'* ]]
            [[ ! -e $NODE/backups/2026-11-24 ]]
        fi
        nothing_is_harmed
        rm "$NODE/backups/fill"
        [[ $status -eq 0 ]] || agent run
        nothing_is_harmed
        rm -r "$NODE/backups/2026-11-24"
    done
    echo "$full of $i runs met a full disk"
    [[ $full -gt $((i / 3)) ]]
}

@test "a system call that fails, anywhere: nothing published is incomplete or changed, and the next run recovers" {
    local before i call error failed=0
    local calls=(write pwrite64 rename renameat renameat2 linkat openat read syncfs mkdir mkdirat utimensat fchownat fchmodat lsetxattr getdents64)
    some_files
    at '2026-11-23 01:00:00' && agent run
    before=$(picture)
    at '2026-11-24 01:00:00'
    for ((i = 0; i < $(counted 20 200); i++)); do
        change_something
        call=${calls[i % ${#calls[@]}]}
        if ((RANDOM % 2)); then error=EIO; else error=ENOSPC; fi
        run on_node strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:error=$error:when=$((1 + RANDOM % 15))" \
            /usr/local/sbin/kaizen-backup run
        [[ $status -eq 0 ]] || failed=$((failed + 1))
        echo "$call $error: exit code $status: $output"
        nothing_is_harmed
        [[ -e $NODE/backups/2026-11-24 ]] || agent run
        nothing_is_harmed
        rm -rf "$NODE/backups/2026-11-24"
    done
    [[ $failed -ge $((i / 20)) ]]
}

@test "a sync that fails publishes nothing" {
    at '2026-11-24 01:00:00'
    run on_node strace -f -qq -o /dev/null -e trace=syncfs -e inject=syncfs:error=EIO /usr/local/sbin/kaizen-backup run
    assert_status 1
    assert_output_has 'cannot publish'
    [[ -z $(ls "$NODE/backups") ]]
}

@test "a kill at a chosen system call, of the script alone or of any of its children: the same" {
    local before i call follow killed=0
    local own=(clone wait4 write openat read pipe2 dup2 rt_sigaction rt_sigprocmask newfstatat)
    local all=("${own[@]}" rename renameat renameat2 linkat syncfs execve mkdir mkdirat unlinkat utimensat getdents64)
    some_files
    at '2026-11-23 01:00:00' && agent run
    before=$(picture)
    at '2026-11-24 01:00:00'
    for ((i = 0; i < $(counted 20 200); i++)); do
        change_something
        if ((RANDOM % 2)); then
            follow=(-f) call=${all[RANDOM % ${#all[@]}]}
        else
            follow=() call=${own[RANDOM % ${#own[@]}]}
        fi
        run on_node strace "${follow[@]}" -qq -o /dev/null -e trace="$call" \
            -e inject="$call:signal=KILL:when=$((1 + RANDOM % 40))" /usr/local/sbin/kaizen-backup run
        [[ $status -eq 0 ]] || killed=$((killed + 1))
        # What the script left running has the lock; the next run is refused until it has ended.
        until flock -n "$NODE/run/kaizen-backup.lock" true; do sleep 0.05; done
        nothing_is_harmed
        if [[ ! -e $NODE/backups/2026-11-24 ]]; then
            echo "$call: exit code $status: $output"
            agent run
        fi
        nothing_is_harmed
        rm -rf "$NODE/backups/2026-11-24"
    done
    [[ $killed -gt $((i / 5)) ]]
}

# power_cuts FS: the disk, as it is at random moments of a run, is mounted elsewhere.
power_cuts() {
    local i published=0 cut=$BATS_TEST_TMPDIR/cut
    disk "$1" 400M
    mkdir "$cut"
    some_files
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00'
    for ((i = 0; i < $(counted 3 25); i++)); do
        change_something
        spawn /usr/local/sbin/kaizen-backup run
        sleep "0.$(printf '%03d' $((RANDOM % 900)))"
        cp --reflink=always "$DISKS/disk" "$DISKS/cut"
        wait "$PID"
        if [[ $1 == xfs ]]; then mount -o loop,nouuid "$DISKS/cut" "$cut"; else mount -o loop "$DISKS/cut" "$cut"; fi
        [[ -e $cut/2026-11-23 ]]
        [[ ! -e $cut/2026-11-24 ]] || published=$((published + 1))
        for snapshot in "$cut"/2026-*/; do
            (cd "$snapshot" && sha256sum --quiet -c SHA256SUMS)
        done
        umount "$cut"
        rm -r "$NODE/backups/2026-11-24"
    done
    echo "in $published of $i cuts the night's snapshot was published already"
}

@test "a power cut on ext4: what is published is whole" { power_cuts ext4; }

@test "a power cut on XFS: what is published is whole" { power_cuts xfs; }

@test "a database dump into a full disk is named, and nothing is published" {
    disk ext4 16M
    printf '#!/bin/sh\nexec head -c 30000000 /dev/urandom\n' >"$NODE/srv/export" && chmod 0755 "$NODE/srv/export"
    config 'dump = command:export:/srv/export' 'path = /srv/data'
    run agent run
    assert_status 1
    assert_output_has 'dump command: export:'
    assert_output_has 'No space left on device'
    [[ -z $(ls "$NODE/backups") ]]
}

used() { sync -f "$NODE/backups" && df --output=used -B1 "$NODE/backups" | tail -n 1; }

# shares_blocks FS: a large file changed in place costs what changed, and the last snapshot's stays as it was.
shares_blocks() {
    local before
    disk "$1" 600M
    config 'path = /srv/data' 'keep_days = 3'
    head -c 60M /dev/urandom >"$NODE/srv/data/large"
    head -c 3M /dev/urandom >"$NODE/srv/data/other-name" && ln "$NODE/srv/data/other-name" "$NODE/srv/data/its-link"
    at '2026-11-01 01:00:00' && agent run
    before=$(picture)
    dd if=/dev/urandom of="$NODE/srv/data/large" bs=1M seek=20 count=2 conv=notrunc status=none
    chmod 0600 "$NODE/srv/data/large"
    echo x >>"$NODE/srv/data/other-name"
    used=$(used)
    at '2026-11-02 01:00:00' && agent run
    added=$(($(used) - used))
    [[ $(picture | grep -v 2026-11-02) == "$before" ]]
    cmp "$NODE/srv/data/large" "$NODE/backups/2026-11-02/srv/data/large"
    [[ $(stat -c '%a %s %y' "$NODE/backups/2026-11-02/srv/data/large") == "$(stat -c '%a %s %y' "$NODE/srv/data/large")" ]]
    [[ $(inode backups/2026-11-02/srv/data/its-link) == "$(inode backups/2026-11-02/srv/data/other-name)" ]]
    assert_whole
}

@test "on XFS a large file changed in place costs what changed" {
    shares_blocks xfs
    [[ $added -lt 20000000 ]]
}

@test "on btrfs a large file changed in place costs what changed" {
    shares_blocks btrfs
    [[ $added -lt 20000000 ]]
}

@test "on ext4, which can't share blocks, it is copied" {
    shares_blocks ext4
    [[ $added -gt 60000000 ]]
}
