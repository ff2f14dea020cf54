#!/usr/bin/env bats
# A snapshot that is made of links to the last one is what a full copy of the source would be, in everything.

load node

# copied_whole PATH...: would rsync, which reads and compares all of it, change anything in the newest snapshot?
copied_whole() {
    local newest
    newest=$(snapshots | tail -n 1)
    on_node rsync -naHAXS -i --numeric-ids --checksum --modify-window=-1 --delete --relative "$@" "/backups/$newest/" >"$BATS_TEST_TMPDIR/said"
    cat "$BATS_TEST_TMPDIR/said"
    ! grep 'could not be linked' "$NODE/var/log/kaizen-backup.log" || return 1
    [[ ! -s $BATS_TEST_TMPDIR/said ]]
}

# All that there is of the first night, but for the numbers of links and the times of access.
first_night() {
    (cd "$NODE/backups/2026-11-01" && find . -printf '%p %y %i %m %U:%G %T@ %s %l\n' | sort &&
        find . -type f -print0 | sort -z | xargs -0 sha256sum && getfattr -Rdh -m - . && getfacl -Rn .) 2>/dev/null
}

# Of two nights' snapshots, how many files are one inode?
shared() { (cd "$NODE/backups" && find "$1" "$2" -type f -printf '%i\n' | sort | uniq -d | wc -l); }

# changed_in_whatever_way RUN: RUN is the first night's.
changed_in_whatever_way() {
    local data=$NODE/srv/data
    mkdir -p "$data"/{gone/deep,dir,full/sub,moved,mode}
    for name in edited same-size touched mode/owned acl xattr gone/a gone/deep/b to-dir full/x full/sub/y moved/m ' space' \
        $'new\nline' $'tab\there' 'back\slash' 'hash\#012' 'ümlaut' '#x' ';x' $'high\xff' -dash; do
        echo "$name" >"$data/$name"
    done
    echo odd >"$data/"$'mode\nalone'
    echo linked >"$data/link-a" && ln "$data/link-a" "$data/link-b" && ln "$data/link-a" "$data/dir/link-c"
    echo pair >"$data/pair-a" && ln "$data/pair-a" "$data/pair-b"
    echo one >"$data/join-a" && echo one >"$data/join-b"
    ln -s /etc "$data/symlink" && ln -s /etc "$data/link-to-dir" && mkfifo "$data/pipe"
    config 'path = /srv/data' 'path = /srv/other' 'dump = command:said:/usr/local/sbin/said'
    printf '#!/bin/sh\necho said\n' >"$NODE/usr/local/sbin/said" && chmod 0755 "$NODE/usr/local/sbin/said"
    at '2026-11-01 01:00:00' && "$1"
    before=$(first_night)
    echo changed >>"$data/edited"
    echo SAME-SIZE >"$data/same-size" && touch -r "$data/touched" "$data/same-size"
    touch "$data/touched"
    chmod 4755 "$data/mode/owned" && chown 7:8 "$data/mode/owned" && chmod 0711 "$data/mode"
    chmod 0600 "$data/"$'mode\nalone'
    setfacl -m u:9:r "$data/acl" && setfattr -n user.x -v y "$data/xattr"
    rm -rf "$data/gone" "$data/to-dir" && mkdir "$data/to-dir" && echo in >"$data/to-dir/file"
    rm -rf "$data/full" && echo file >"$data/full"
    mv "$data/moved" "$data/moved-away"
    rm "$data/link-to-dir" && mkdir "$data/link-to-dir" && cp -p /etc/hostname "$data/link-to-dir/hostname"
    ln -sfn /usr "$data/symlink"
    for name in ' space' $'new\nline' $'tab\there' 'back\slash' 'hash\#012' 'ümlaut' '#x' ';x' $'high\xff' -dash; do
        echo "more $name" >>"$data/$name"
    done
    echo more >>"$data/link-b" && rm "$data/pair-b"
    ln -f "$data/join-a" "$data/join-b"
    mkdir "$data/new" && echo new >"$data/new/file" && mkdir "$data/new/empty"
    at '2026-11-02 01:00:00' && agent run
    copied_whole /srv/data /srv/other
    [[ $(first_night) == "$before" ]]
    assert_whole
    assert_remembered 2026-11-02
    [[ $(cat "$NODE/etc/hostname") == "$(cat /etc/hostname)" ]]
}

# assert_remembered SNAPSHOT: the list that the next run will hold its own against is what a look at all of it says.
assert_remembered() {
    diff <(tail -n +2 "$NODE/var/lib/kaizen/files.$1" | sort) \
        <(cd "$NODE/backups/$1" && find . -type f ! -path ./SHA256SUMS ! -path ./backup.info -printf '%i\t%s\t%T@\t%P\0' |
            sed -z 's/\\/\\\\/g; s/\n/\\n/g; s/\r/\\r/g' | tr '\0' '\n' | sort)
}

agent_run() { agent run; }
settled_run() { sleep 0.2 && agent run; }
forgotten_run() { settled_run && rm "$NODE"/var/lib/kaizen/{seen,files}.*; }

@test "whatever changed in whatever way, the snapshot is what the source is, and the last one stays what it was" {
    changed_in_whatever_way settled_run
}

@test "so it is when what changed is too young to be told from what did not" { changed_in_whatever_way agent_run; }

@test "so it is when nothing is remembered of the last run" { changed_in_whatever_way forgotten_run; }

@test "of what did not change nothing is copied, and what changed shares nothing with the last snapshot" {
    for number in {1..50}; do echo "$number" >"$NODE/srv/data/file-$number"; done
    at '2026-11-01 01:00:00' && agent run
    echo x >>"$NODE/srv/data/file-7"
    chmod 0600 "$NODE/srv/data/file-8"
    at '2026-11-02 01:00:00' && agent run
    files=$(find "$NODE/backups/2026-11-02" -type f ! -name SHA256SUMS ! -name backup.info | wc -l)
    [[ $(shared 2026-11-01 2026-11-02) -eq $((files - 2)) ]]
    at '2026-11-03 01:00:00' && agent run
    [[ $(shared 2026-11-02 2026-11-03) -eq "$files" ]]
    copied_whole /srv/data /srv/other
}

@test "what is left out from now on is in the next snapshot no more, and what is no longer a path neither" {
    mkdir "$NODE/srv/data/cache" && echo x >"$NODE/srv/data/cache/x" && echo x >"$NODE/srv/data/a.tmp"
    mkdir "$NODE/srv/data/old" && echo y >"$NODE/srv/data/old/y"
    touch -d '2026-10-01 12:00' "$NODE/srv/data"
    at '2026-11-01 01:00:00' && agent run
    config 'path = /srv/data' 'exclude = /srv/data/cache' 'exclude = *.tmp' 'exclude = old/'
    chmod 0600 "$NODE/srv/data/old/y"
    at '2026-11-02 01:00:00' && agent run
    [[ $(stat -c %y "$NODE/backups/2026-11-02/srv/data") == '2026-10-01 12:00:00.000000000'* ]]
    [[ ! -e $NODE/backups/2026-11-02/srv/data/cache && ! -e $NODE/backups/2026-11-02/srv/data/a.tmp ]]
    [[ ! -e $NODE/backups/2026-11-02/srv/data/old ]]
    [[ ! -e $NODE/backups/2026-11-02/srv/other && -e $NODE/backups/2026-11-01/srv/other/c ]]
    [[ -e $NODE/backups/2026-11-01/srv/data/cache/x ]]
}

@test "paths within each other, twice, and new ones" {
    config 'path = /srv/data/sub' 'path = /srv/data' 'path = /srv/data'
    at '2026-11-01 01:00:00' && agent run
    config 'path = /srv/data/sub' 'path = /srv' 'path = /etc/hosts'
    echo more >>"$NODE/srv/data/sub/b"
    at '2026-11-02 01:00:00' && agent run
    copied_whole /srv /etc/hosts
    [[ $(shared 2026-11-01 2026-11-02) -eq 1 ]]
    at '2026-11-03 01:00:00' && agent run
    copied_whole /srv /etc/hosts
    assert_whole
}

@test "a parent that was a symlink in the last snapshot leads nowhere" {
    mkdir "$NODE/srv/real" "$NODE/backups/elsewhere" && ln -s /backups/elsewhere "$NODE/srv/way"
    echo right >"$NODE/srv/real/x" && echo wrong >"$NODE/backups/elsewhere/x"
    touch -r "$NODE/srv/real/x" "$NODE/backups/elsewhere/x"
    config 'path = /srv'
    at '2026-11-01 01:00:00' && agent run
    rm "$NODE/srv/way" && mv "$NODE/srv/real" "$NODE/srv/way"
    config 'path = /srv/way/x'
    at '2026-11-02 01:00:00' && agent run
    [[ -d $NODE/backups/2026-11-02/srv/way && ! -L $NODE/backups/2026-11-02/srv/way ]]
    [[ $(cat "$NODE/backups/2026-11-02/srv/way/x") == right ]]
    [[ $(inode backups/2026-11-02/srv/way/x) != "$(inode backups/elsewhere/x)" ]]
    assert_whole
}

# after_comparing COMMANDS [BEFORE]: a stand-in for rsync, in which something happens after the comparison, and before it.
after_comparing() {
    mv "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ " $* " == *" --dry-run "* ]] || exec rsync.real "$@"\n%s\nrsync.real "$@"; code=$?\n{ %s; }\nexit $code\n' \
        "${2:-}" "$1" >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
}

@test "what goes, or becomes a directory, before it is copied is a warning by name" {
    echo x >"$NODE/srv/data/x"
    at '2026-11-01 01:00:00' && agent run
    echo more >>"$NODE/srv/data/sub/b" && echo more >>"$NODE/srv/data/x"
    after_comparing 'rm /srv/data/sub/b /srv/data/x && mkdir /srv/data/x && touch /srv/data/x/inside'
    at '2026-11-02 01:00:00' && agent run
    grep -qx 'warning = /srv/data/sub/b has vanished, or was replaced, while it was read' "$NODE/backups/2026-11-02/backup.info"
    grep -qx 'warning = /srv/data/x became a directory while it was read: see the next snapshot' "$NODE/backups/2026-11-02/backup.info"
    assert_whole
}

@test "a list of changes that a full disk cut short is never taken for the whole" {
    local number
    mkdir -p "$NODE/var/lib/kaizen" && mount -t tmpfs -o size=4m state "$NODE/var/lib/kaizen"
    for number in {1..300}; do echo "$number" >"$NODE/srv/data/a-rather-long-name-of-a-file-so-that-the-list-is-long-$number"; done
    at '2026-11-01 01:00:00' && agent run
    for number in {1..300}; do echo more >>"$NODE/srv/data/a-rather-long-name-of-a-file-so-that-the-list-is-long-$number"; done
    echo new >"$NODE/srv/data/new"
    after_comparing 'sleep 0.5; rm -f /var/lib/kaizen/filler' 'head -c 8M /dev/zero >/var/lib/kaizen/filler'
    at '2026-11-02 01:00:00'
    run agent run
    mv "$NODE/usr/bin/rsync.real" "$NODE/usr/bin/rsync"
    [[ ! -e $NODE/backups/2026-11-02 ]] || copied_whole /srv/data /srv/other
}

@test "however much rsync says, what did not change is a link" {
    config 'path = /srv/data' 'verbosity = 3'
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run
    [[ $(shared 2026-11-01 2026-11-02) -eq 2 ]]
}

@test "what changes after it was compared reaches no older snapshot" {
    config 'path = /srv/data' 'path = /srv/other' 'keep_days = 3'
    echo x >"$NODE/srv/data/x" && ln "$NODE/srv/data/x" "$NODE/srv/data/y"
    echo z >"$NODE/srv/data/z"
    at '2026-11-01 01:00:00' && agent run
    before=$(first_night)
    echo more >>"$NODE/srv/data/sub/b"
    after_comparing 'cd /srv/data && chmod 0777 a x z sub && echo more >>x && touch a && setfacl -m u:9:r sub/b && mv a sub/'
    at '2026-11-02 01:00:00' && agent run
    [[ -e $NODE/srv/data/sub/a ]]
    [[ $(first_night) == "$before" ]]
    assert_whole
    at '2026-11-03 01:00:00' && agent run
    mv "$NODE/usr/bin/rsync.real" "$NODE/usr/bin/rsync"
    [[ $(first_night) == "$before" ]]
    copied_whole /srv/data /srv/other
}

# looked_at: the names whose ACLs and extended attributes the last run read, directories left out.
note_what_is_looked_at() {
    mv "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\nfor arg; do [[ $arg != --files-from=*suspects ]] || tr "\\0" "\\n" <"${arg#*=}" >/looked-at; done\nexec rsync.real "$@"\n' \
        >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
}
looked_at() { (cd "$NODE" && while IFS= read -r name; do [[ -d $name ]] || echo "$name"; done <looked-at) | sort; }

@test "ACLs and attributes are read of what is not proven to be what it was, and of nothing else" {
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run # by now all is older than the list
    note_what_is_looked_at
    setfacl -m u:9:r "$NODE/srv/data/sub/b"
    at '2026-11-03 01:00:00' && agent run
    [[ $(looked_at) == srv/data/sub/b ]]
    # A file that the list lacks, for find passes over what rsync does not.
    config 'path = /srv/data' 'path = /srv/other' 'exclude = /srv/data/a/'
    at '2026-11-04 01:00:00' && agent run
    [[ $(looked_at) == *srv/data/a* && -e $NODE/backups/2026-11-04/srv/data/a ]]
    touch -r "$NODE/srv/data/a" "$NODE/srv/time" && echo ONE >"$NODE/srv/data/a" && touch -r "$NODE/srv/time" "$NODE/srv/data/a"
    setfattr -n user.x -v y "$NODE/srv/data/a"
    at '2026-11-05 01:00:00' && agent run
    copied_whole /srv/data /srv/other
}

@test "what changed while it was listed is looked at again, where the file system counts seconds, too" {
    truncate -s 40M "$BATS_TEST_TMPDIR/image" && mkfs.ext4 -q -I 128 "$BATS_TEST_TMPDIR/image" 2>/dev/null
    mount -o loop "$BATS_TEST_TMPDIR/image" "$NODE/srv/data"
    echo one >"$NODE/srv/data/f" && echo old >"$NODE/srv/other/old"
    mv "$NODE/usr/bin/find" "$NODE/usr/bin/find.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ " $* " != *%%C@* ]] || touch /srv/data/f /srv/other/c\nexec find.real "$@"\n' >"$NODE/usr/bin/find"
    chmod 0755 "$NODE/usr/bin/find"
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run
    mv "$NODE/usr/bin/find.real" "$NODE/usr/bin/find"
    note_what_is_looked_at
    at '2026-11-03 01:00:00' && agent run
    [[ $(looked_at) == $'srv/data/f\nsrv/other/c' ]]
}

@test "snapshots that were moved without their ACLs and attributes get them again" {
    setfattr -n user.x -v y "$NODE/srv/data/a" && setfacl -m u:9:r "$NODE/srv/data/sub/b"
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run
    mkdir "$NODE/moved" && rsync -aH "$NODE/backups/" "$NODE/moved/" && mount --bind "$NODE/moved" "$NODE/backups"
    at '2026-11-03 01:00:00' && agent run
    copied_whole /srv/data /srv/other
}

@test "the dumps' directory is the agent's own, whatever the node's /dumps is" {
    printf '#!/bin/sh\necho x\n' >"$NODE/usr/local/bin/d" && chmod 0755 "$NODE/usr/local/bin/d"
    config 'path = /srv/data' 'dump = command:thing:/usr/local/bin/d'
    mkdir "$NODE/dumps" && chown 7:8 "$NODE/dumps" && chmod 0777 "$NODE/dumps"
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run
    [[ $(stat -c '%a %u' "$NODE/backups/2026-11-02/dumps") == '700 0' ]]
}

@test "a file that becomes a directory between two looks at it is a warning by name" {
    at '2026-11-01 01:00:00' && agent run
    at '2026-11-02 01:00:00' && agent run
    setfattr -n user.x -v y "$NODE/srv/data/a"
    mv "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ $* != */suspects* ]] || { rm /srv/data/a && mkdir /srv/data/a && echo in >/srv/data/a/in; }\nexec rsync.real "$@"\n' \
        >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
    at '2026-11-03 01:00:00' && agent run
    grep -qx 'warning = /srv/data/a became a directory while it was read: see the next snapshot' "$NODE/backups/2026-11-03/backup.info"
}

# As before coreutils 9: a carriage return is not escaped.
old_sha256sum() {
    mv "$NODE/usr/bin/sha256sum" "$NODE/usr/bin/sha256sum.real"
    printf '#!/bin/bash\nset -o pipefail\nsha256sum.real "$@" | sed "/^.*\\\\\\\\r/{s/^.//;s/.r\\$/\\r/}"\n' >"$NODE/usr/bin/sha256sum"
    chmod 0755 "$NODE/usr/bin/sha256sum"
    echo x >"$NODE/srv/data/"$'Icon\r'
}

@test "one name that sha256sum writes as it is lets nothing else be hashed" {
    old_sha256sum
    at '2026-11-01 01:00:00' && agent run
    grep -q $'Icon\r$' "$NODE/backups/2026-11-01/SHA256SUMS"
    at '2026-11-02 01:00:00' && agent run
    grep -qx 'changed_files = 0' "$NODE/backups/2026-11-02/backup.info"
    [[ $(grep -c Icon "$NODE/backups/2026-11-02/SHA256SUMS") == 1 ]]
    # It has one line, too, when it is copied again.
    mv "$NODE/usr/bin/rsync" "$NODE/usr/bin/rsync.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\nrsync.real "$@"; code=$?\n[[ " $* " == *" --version "* || " $* " == *" --dry-run "* || -e /once ]] || { touch /once; echo again >>/srv/data/Icon*; }\nexit $code\n' \
        >"$NODE/usr/bin/rsync"
    chmod 0755 "$NODE/usr/bin/rsync"
    echo more >>"$NODE/srv/data/"$'Icon\r'
    at '2026-11-03 01:00:00' && agent run
    [[ -e $NODE/once && $(grep -c Icon "$NODE/backups/2026-11-03/SHA256SUMS") == 1 ]]
    cmp "$NODE/srv/data/"$'Icon\r' "$NODE/backups/2026-11-03/srv/data/"$'Icon\r'
}

@test "a line of the last SHA256SUMS that has no whole sum is not kept" {
    at '2026-11-01 01:00:00' && agent run
    sed -i '/srv.data.a$/s/^[0-9a-f]*/abc123/; /sub.b$/s/^[0-9a-f]*//' "$NODE/backups/2026-11-01/SHA256SUMS"
    at '2026-11-02 01:00:00' && agent run
    agent verify 2026-11-02
}

@test "a new name of a symlink, or of a pipe, is a link there, too" {
    ln -s a "$NODE/srv/data/l1" && mkfifo "$NODE/srv/data/p1"
    sleep 0.2
    at '2026-11-01 01:00:00' && agent run
    ln "$NODE/srv/data/l1" "$NODE/srv/data/l2" && ln "$NODE/srv/data/p1" "$NODE/srv/data/p2"
    at '2026-11-02 01:00:00' && agent run
    copied_whole /srv/data /srv/other
}

@test "a run that is told to end while it lists ends its lists" {
    mv "$NODE/usr/bin/find" "$NODE/usr/bin/find.real"
    printf '#!/bin/bash\n[[ " $* " != *%%C@* ]] || { touch /listing; sleep 300; }\nexec find.real "$@"\n' >"$NODE/usr/bin/find"
    chmod 0755 "$NODE/usr/bin/find"
    at '2026-11-01 01:00:00'
    spawn /usr/local/sbin/kaizen-backup run
    until [[ -e $NODE/listing ]]; do :; done
    kill -TERM "$PID"
    wait "$PID" || true
    mv "$NODE/usr/bin/find.real" "$NODE/usr/bin/find"
    agent run
}
