#!/usr/bin/env bats
# What goes wrong: nothing that counts as a snapshot comes of it, none is harmed, and the next run recovers by itself.

load node

# stand_in BODY: rsync, replaced; the real one is /usr/bin/rsync.real.
stand_in() {
    cp "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    rm "$NODE/usr/bin/rsync"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ $1 != --version ]] || exec rsync.real --version\n%s\n' "$1" >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
}

many_files() {
    local i
    mkdir -p "$NODE/srv/data/many"
    for ((i = 0; i < 300; i++)); do head -c $((i * 37)) /dev/zero >"$NODE/srv/data/many/$i"; done
}

# Kills by -9, each in a process group of its own: the agent and all its children at once.
@test "a run that is killed never looks complete, harms nothing, and the next one succeeds by itself" {
    local i before kills caught=0
    if [[ ${KAIZEN_FAULTS:-} == full ]]; then kills=300; else kills=30; fi
    many_files
    at '2026-11-23 01:00:00' && agent run
    before=$(picture)
    at '2026-11-24 01:00:00'
    for ((i = 0; i < kills; i++)); do
        echo "$i" >"$NODE/srv/data/a"
        head -c 3000000 /dev/urandom >"$NODE/srv/data/large"
        spawn /usr/local/sbin/kaizen-backup run
        sleep "0.$(printf '%03d' $((RANDOM % 400)))"
        if kill -9 -- -"$PID" 2>/dev/null; then caught=$((caught + 1)); fi
        wait "$PID" 2>/dev/null || true
        rm -f "$NODE"/dev/shm/*faketime*
        [[ $(picture | grep 2026-11-23) == "$before" ]]
        assert_whole
        if [[ -e $NODE/backups/2026-11-24 ]]; then
            rm -r "$NODE/backups/2026-11-24"
        fi
    done
    echo "$caught of $kills runs were killed before they ended"
    [[ $caught -gt $((kills / 3)) ]]
    agent run
    [[ $(ls -A "$NODE/backups" | tr '\n' ' ') == '2026-11-23 2026-11-24 ' ]]
    diff -r "$NODE/srv" "$NODE/backups/2026-11-24/srv"
    assert_whole
}

@test "of rsync's exit codes only 0 and 24 publish" {
    local code step=9
    [[ ${KAIZEN_FAULTS:-} != full ]] || step=1
    stand_in 'shopt -s nullglob; rsync.real "$@"; exit "$(cat /code)"'
    for code in $(seq 0 "$step" 255) 20 23 24 25 30 255; do
        echo "$code" >"$NODE/code"
        rm -rf "$NODE"/backups/{*,.partial*}
        at '2026-11-24 01:00:00'
        run agent run
        if [[ $code == 0 || $code == 24 ]]; then
            [[ $status -eq 0 && $(snapshots) == 2026-11-24 ]]
        else
            assert_status 1
            assert_output_has "rsync failed with code $code"
            [[ -z $(ls "$NODE/backups") ]]
        fi
    done
}

@test "a file that vanishes is a warning, listed in backup.info, and mails nobody" {
    stand_in 'rsync.real "$@"; echo "file has vanished: \"/srv/data/gone\"" >&2; exit 24'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    grep -qx 'warnings = 1' "$NODE/backups/2026-11-24/backup.info"
    grep -qx 'warning = file has vanished: "/srv/data/gone"' "$NODE/backups/2026-11-24/backup.info"
}

@test "a failed run keeps what it copied as a basis for the next, and expires nothing" {
    at '2026-11-20 01:00:00' && agent run
    head -c 1000000 /dev/urandom >"$NODE/srv/data/large"
    config 'path = /srv/data' 'path = /srv/nowhere'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    [[ $(snapshots) == 2026-11-20 ]]
    local copied
    copied=$(stat -c %i "$NODE"/backups/.partial-*/srv/data/large)
    config 'path = /srv/data'
    agent run
    [[ $(snapshots) == 2026-11-24 ]]
    [[ $(inode backups/2026-11-24/srv/data/large) == "$copied" ]]
    assert_whole
}

@test "a full disk fails the run by name and harms nothing" {
    at '2026-11-23 01:00:00' && agent run
    local before
    before=$(picture)
    mount -t tmpfs -o size=200k small "$NODE/backups"
    cp -a "$NODE/../backups/." "$NODE/backups/"
    head -c 3000000 /dev/urandom >"$NODE/srv/data/large"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'No space left on device'
    [[ $(picture) == "$before" ]]
}

@test "two runs at once: the second says so and exits 75" {
    stand_in 'sleep 2; exec rsync.real "$@"'
    at '2026-11-24 01:00:00'
    spawn /usr/local/sbin/kaizen-backup run
    sleep 0.7
    run agent run
    assert_status 75
    assert_output_has 'holds /run/kaizen-backup.lock'
    wait "$PID"
    [[ $(snapshots) == 2026-11-24 ]]
}

@test "ten runs started together: one works, nine exit 75" {
    local i pids=() codes=''
    at '2026-11-24 01:00:00'
    stand_in 'sleep 1; exec rsync.real "$@"'
    for ((i = 0; i < 10; i++)); do
        spawn /usr/local/sbin/kaizen-backup run 2>/dev/null
        pids+=("$PID")
    done
    for i in "${pids[@]}"; do
        status=0
        wait "$i" || status=$?
        codes+="$status "
    done
    [[ $(tr ' ' '\n' <<<"$codes" | sort | uniq -c | tr -s ' ' | tr '\n' ';') == *' 1 0; 9 75;'* ]]
    [[ $(snapshots) == 2026-11-24 ]]
    assert_whole
}

@test "an rsync that outlives its killed script keeps the lock" {
    stand_in 'touch /started; sleep 2; exec rsync.real "$@"'
    at '2026-11-24 01:00:00'
    spawn /usr/local/sbin/kaizen-backup run
    while [[ ! -e $NODE/started ]]; do sleep 0.05; done
    kill -9 "$PID"
    run agent run
    assert_status 75
    while kill -0 -- -"$PID" 2>/dev/null; do sleep 0.1; done
    agent run
    assert_whole
}

@test "a log that cannot be written stops the run before it begins" {
    config 'path = /srv/data' 'log_file = /nowhere/log'
    run agent run
    assert_status 1
    assert_output_has 'cannot write the log /nowhere/log'
    [[ -z $(ls -A "$NODE/backups") ]]
}

@test "runs that can't publish pile up nothing in /var/lib/kaizen" {
    local day
    at '2026-11-20 01:00:00' && agent run
    printf '#!/bin/sh\ncase "$*" in *" /backups/2"*) exit 1 ;; esac\nexec /usr/bin/mv "$@"\n' >"$NODE/usr/local/bin/mv"
    chmod 0755 "$NODE/usr/local/bin/mv"
    for day in 21 22 23; do
        at "2026-11-$day 01:00:00"
        run agent run
        assert_status 1
    done
    [[ $(cd "$NODE/var/lib/kaizen" && ls -d {seen,files}.* | tr '\n' ' ') == 'files.2026-11-20 files.2026-11-23 seen.2026-11-20 seen.2026-11-23 ' ]]
    rm "$NODE/usr/local/bin/mv"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cd "$NODE/var/lib/kaizen" && ls -d {seen,files}.* | tr '\n' ' ') == 'files.2026-11-24 seen.2026-11-24 ' ]]
}

@test "a run that is told to end while it sums what is new ends at once, with all that it started" {
    printf '#!/bin/sh\ntouch /started; exec sleep 3132\n' >"$NODE/usr/local/bin/sha256sum" && chmod 0755 "$NODE/usr/local/bin/sha256sum"
    end_a_run_midway
    ! pgrep -f '^sleep 3132' || false
    rm "$NODE/usr/local/bin/sha256sum"
    agent run
    assert_whole
}

@test "a run that is told to end while it checks what it remembers begins no list instead, and leaves the lock" {
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00'
    # It fails when the first of its children is ended; those after it take their time.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nsleep 3133 & first=$!\nfor i in $(seq 300); do sleep 3133 & done\ntouch /started; wait $first; exit 1\n' >"$NODE/usr/local/bin/sha256sum"
    # shellcheck disable=SC2016
    printf '#!/bin/sh\ncase $1 in /backups/2026-11-23) touch /listed; exec sleep 3134 ;; esac\nexec /usr/bin/find "$@"\n' >"$NODE/usr/local/bin/find"
    chmod 0755 "$NODE"/usr/local/bin/{sha256sum,find}
    end_a_run_midway
    [[ ! -e $NODE/listed ]]
    run pgrep -f '^sleep 313[34]'
    assert_status 1
    rm "$NODE"/usr/local/bin/{sha256sum,find}
    agent run
}
