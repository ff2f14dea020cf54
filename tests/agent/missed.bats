#!/usr/bin/env bats
# Nothing is missed: edits that leave size and time as they were, and files that change while they are read.

load node

@test "an edit of the same size with its old time restored is caught, and the older snapshot keeps the old content" {
    local time
    at '2026-11-23 01:00:00' && agent run
    time=$(stat -c %.9Y "$NODE/srv/data/a")
    echo two >"$NODE/srv/data/a"
    touch -d "@$time" "$NODE/srv/data/a"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ $(cat "$NODE/backups/2026-11-23/srv/data/a") == one ]]
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    [[ $(stat -c %.9Y "$NODE/backups/2026-11-24/srv/data/a") == "$time" ]]
    grep -qx 'changed_files = 1' "$NODE/backups/2026-11-24/backup.info"
    assert_whole
}

@test "so it is when its mode was changed too" {
    at '2026-11-23 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    chmod 0600 "$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    [[ $(stat -c %a "$NODE/backups/2026-11-23/srv/data/a") == 644 ]]
    assert_whole
}

@test "a file that was only touched by a new link stays a link to the last snapshot's" {
    at '2026-11-23 01:00:00' && agent run
    ln "$NODE/srv/data/a" "$NODE/srv/elsewhere"
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode backups/2026-11-23/srv/data/a) == "$(inode backups/2026-11-24/srv/data/a)" ]]
    grep -qx 'changed_files = 0' "$NODE/backups/2026-11-24/backup.info"
}

@test "without a memory of the last run contents are compared once" {
    at '2026-11-23 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    rm "$NODE"/var/lib/kaizen/seen.*
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    [[ $(inode backups/2026-11-23/srv/data/sub/b) == "$(inode backups/2026-11-24/srv/data/sub/b)" ]]
    assert_whole
}

@test "what is remembered of the last run, and is damaged, is made anew, and nothing is missed by it" {
    local file damage
    echo more >"$NODE/srv/data/c"
    for file in seen files; do
        for damage in 'head -c 100' 'head -n 1' tac 'head -c 0' 'tr a-z \\0' 'head -c 300 /dev/urandom #'; do
            rm -rf "$NODE"/backups/*
            at '2026-11-23 01:00:00' && agent run
            bash -c "$damage" <"$NODE/var/lib/kaizen/$file.2026-11-23" >"$NODE/tmp/damaged"
            cp "$NODE/tmp/damaged" "$NODE/var/lib/kaizen/$file.2026-11-23"
            touch -r "$NODE/srv/data/a" "$NODE/srv/time"
            tr '[:lower:]' '[:upper:]' <"$NODE/backups/2026-11-23/srv/data/a" >"$NODE/srv/data/a"
            touch -r "$NODE/srv/time" "$NODE/srv/data/a"
            at '2026-11-24 01:00:00' && agent run
            cmp "$NODE/backups/2026-11-24/srv/data/a" "$NODE/srv/data/a"
            [[ $(inode backups/2026-11-23/srv/data/c) == "$(inode backups/2026-11-24/srv/data/c)" ]]
            assert_whole
            echo one >"$NODE/srv/data/a"
        done
    done
}

@test "what was done to the last snapshot since it was made is mended in the next" {
    local last=$NODE/backups/2026-11-23/srv/data
    echo more >"$NODE/srv/data/c" && echo much >"$NODE/srv/data/d" && echo most >"$NODE/srv/data/e"
    at '2026-11-23 01:00:00' && agent run
    rm "$last/a" && mv "$last/c" "$last/elsewhere" && echo bad! >"$last/d"
    echo dust >"$last/e.new" && touch -r "$last/e" "$last/e.new" && mv "$last/e.new" "$last/e"
    echo extra >"$last/extra"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    diff -r "$NODE/srv/data" "$NODE/backups/2026-11-24/srv/data"
    mv "$NODE/backups/2026-11-23" "$NODE/damaged"
    assert_whole
}

# forge FILE TEXT [ONLY_LIKE]: into the last snapshot, with the time that FILE, or another, has there.
forge() {
    printf '%s\n' "$2" >"$NODE/forged"
    touch -r "${3:-$last/$1}" "$NODE/forged"
    cat "$NODE/forged" >"$last/$1" && touch -r "$NODE/forged" "$last/$1"
}

@test "what was put into the last snapshot gets no sum of its own, whatever its size and time" {
    local last=$NODE/backups/2026-11-23/srv/data
    at '2026-11-23 01:00:00' && agent run
    # A file that is new to the node, and has an old time.
    echo good >"$NODE/srv/data/new" && touch -d '2026-11-20 12:00:00.5' "$NODE/srv/data/new"
    forge new evil "$NODE/srv/data/new"
    # A rotten one, whose line is lost.
    forge a 0ne && sed -i '/srv.data.a$/d' "${last%/srv/data}/SHA256SUMS"
    # One that its line stands twice for.
    sed -i '/srv.data.sub.b$/p' "${last%/srv/data}/SHA256SUMS"
    at '2026-11-24 01:00:00' && agent run
    diff -r "$NODE/srv/data" "$NODE/backups/2026-11-24/srv/data"
    mv "$NODE/backups/2026-11-23" "$NODE/damaged"
    assert_whole
}

@test "so it is with an rsync that compares times by the second" {
    local last=$NODE/backups/2026-11-23/srv/data
    cp "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real" && rm "$NODE/usr/bin/rsync"
    # shellcheck disable=SC2016
    printf '%s\n' '#!/bin/bash' "[[ \$1 != --version ]] || { echo 'rsync  version 3.1.2  protocol version 31'; exit; }" \
        'exec rsync.real "$@"' >"$NODE/usr/bin/rsync" && chmod 0755 "$NODE/usr/bin/rsync"
    touch -d '2026-11-20 12:00:00.5' "$NODE/srv/data/a"
    at '2026-11-23 01:00:00' && agent run
    echo bad >"$last/a" && touch -d '2026-11-20 12:00:00' "$last/a"
    at '2026-11-24 01:00:00' && agent run
    cmp "$NODE/srv/data/a" "$NODE/backups/2026-11-24/srv/data/a"
}

@test "a file that was put back into the last snapshot without its attributes has them in the next" {
    local last=$NODE/backups/2026-11-23/srv/data
    setfattr -n user.kept -v yes "$NODE/srv/data/a"
    sleep 0.2 # until the change is old enough to be proven
    at '2026-11-23 01:00:00' && agent run
    cp --preserve=mode,timestamps,ownership "$last/a" "$last/copy" && mv "$last/copy" "$last/a"
    at '2026-11-24 01:00:00' && agent run
    [[ $(getfattr --only-values -n user.kept "$NODE/backups/2026-11-24/srv/data/a") == yes ]]
}

# after_copy BODY: something happens once, between rsync's copying and our looking again.
after_copy() {
    cp "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    rm "$NODE/usr/bin/rsync"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ " $* " != *" --version "* && " $* " != *" --dry-run "* ]] || exec rsync.real "$@"\nrsync.real "$@"; code=$?\n%s\nexit $code\n' \
        "$1" >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
}

@test "a file that changed after it was copied is copied again" {
    at '2026-11-23 01:00:00' && agent run
    echo first >"$NODE/srv/data/log"
    ln "$NODE/srv/data/log" "$NODE/srv/data/second-name"
    after_copy '[[ -e /once ]] || { touch /once; echo second >>/srv/data/log; }'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/log") == $'first\nsecond' ]]
    [[ $(inode backups/2026-11-24/srv/data/log) == "$(inode backups/2026-11-24/srv/data/second-name)" ]]
    grep -qx 'warnings = 0' "$NODE/backups/2026-11-24/backup.info"
    assert_whole
}

@test "a file that never holds still is saved as it last was, and listed" {
    after_copy 'date +%s.%N >>/srv/data/log'
    echo first >"$NODE/srv/data/log"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    grep -qx 'changed_while_read = /srv/data/log' "$NODE/backups/2026-11-24/backup.info"
    grep -qx 'warnings = 1' "$NODE/backups/2026-11-24/backup.info"
    [[ $(grep -c changed_while_read "$NODE/backups/2026-11-24/backup.info") == 2 ]]
    assert_whole
}

@test "copying a file again never reaches the older snapshot's inode" {
    local before
    at '2026-11-23 01:00:00' && agent run
    before=$(picture)
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    chown 1234 "$NODE/srv/data/a"
    setfattr -n user.mark -v x "$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    after_copy 'echo more >>/srv/data/sub/b; chmod 0640 /srv/data/sub/b'
    at '2026-11-24 01:00:00' && agent run
    [[ $(picture | grep 2026-11-23) == "$before" ]]
    [[ -z $(getfattr "$NODE/backups/2026-11-23/srv/data/a") ]]
    assert_whole
}

@test "a file that vanishes between two looks is no failure" {
    echo first >"$NODE/srv/data/log"
    after_copy '[[ -e /once ]] || { touch /once; rm /srv/data/log; }'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    assert_whole
}

@test "what an earlier failed run left is not taken for today's" {
    local time
    at '2026-11-22 01:00:00' && agent run
    time=$(stat -c %.9Y "$NODE/srv/data/a")
    config 'path = /srv/data' 'path = /srv/nowhere'
    echo "v2v2" >"$NODE/srv/data/a" && touch -d "@$time" "$NODE/srv/data/a"
    at '2026-11-23 01:00:00'
    run agent run
    assert_status 1
    config 'path = /srv/data'
    echo "v3v3" >"$NODE/srv/data/a" && touch -d "@$time" "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == v3v3 ]]
    assert_whole
}

@test "a last snapshot without its sums is no reason to trust size and time" {
    at '2026-11-23 01:00:00' && agent run
    rm "$NODE/backups/2026-11-23/SHA256SUMS"
    touch -r "$NODE/srv/data/a" "$NODE/srv/time"
    echo two >"$NODE/srv/data/a"
    touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    (cd "$NODE/backups/2026-11-24" && sha256sum --quiet -c SHA256SUMS)
}

# gone_or_other COMMAND: something takes a doubtful file's place before it is looked at again.
gone_or_other() {
    at '2026-11-23 01:00:00' && agent run
    chmod 0600 "$NODE/srv/data/a" # its ctime is new
    echo more >>"$NODE/srv/data/sub/b"
    after_copy "[[ -e /once ]] || { touch /once; rm /srv/data/a /srv/data/sub/b; $1; }"
    at '2026-11-24 01:00:00'
    run timeout 60 bash -c "$(declare -f agent on_node); NODE=$NODE; CLOCK=(${CLOCK[*]@Q}); agent run"
    assert_status 0
    assert_whole
    run agent verify 2026-11-24
    assert_status 0
}

@test "a doubtful file that vanishes fails no run" { gone_or_other true; }

@test "nor does one that becomes a directory" { gone_or_other 'mkdir /srv/data/a /srv/data/sub/b; touch /srv/data/a/x'; }

@test "nor one that becomes a symlink" { gone_or_other 'ln -s /etc/passwd /srv/data/a; ln -s nowhere /srv/data/sub/b'; }

@test "nor one that becomes a pipe, which nobody writes to" { gone_or_other 'mkfifo /srv/data/a /srv/data/sub/b'; }

# killed PROGRAM WHEN: an edit of the same size and time, and a PROGRAM that is killed in the next run WHEN says so.
killed() {
    sleep 0.2
    at '2026-11-23 01:00:00' && agent run
    touch -r "$NODE/srv/data/a" "$NODE/srv/time" && echo two >"$NODE/srv/data/a" && touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n%s || kill -9 $$\nexec /usr/bin/%s "$@"\n' "$2" "$1" >"$NODE/usr/local/bin/$1"
    chmod 0755 "$NODE/usr/local/bin/$1"
    at '2026-11-24 01:00:00'
    run agent run
    echo "$output"
    [[ $status -eq 0 ]] || { [[ ! -e $NODE/backups/2026-11-24 ]] && return; }
    [[ $(cat "$NODE/backups/2026-11-24/srv/data/a") == two ]]
    assert_whole
    agent verify 2026-11-24
}

@test "a stat that is killed over the snapshot has not said that a file is gone" {
    killed stat '[[ $PWD != /backups/.partial-* || "$*" != *%F*" srv/data/a" ]]'
}

@test "nor has one that is killed over the source" { killed stat '[[ $PWD != / || $* != *%F* ]]'; }

@test "a sha256sum that is killed over the source has not said that a file is what it was" { killed sha256sum '[[ $PWD != / ]]'; }

@test "an rsync that does not say its version compares nothing" {
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ $1 != --version ]] || kill -9 $$\nexec /usr/bin/rsync "$@"\n' >"$NODE/usr/local/bin/rsync"
    chmod 0755 "$NODE/usr/local/bin/rsync"
    at '2026-11-23 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'rsync --version does not say which it is'
    [[ ! -e $NODE/backups/2026-11-23 ]]
}
