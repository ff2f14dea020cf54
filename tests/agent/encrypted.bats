#!/usr/bin/env bats
# dump_recipients: what goes to dumps/ can be read by whoever has a private key, and not by who has the snapshots.

load node

# The keys of two people, whose private halves are not on the node. The node has a command that prints a secret.
setup_file() {
    age-keygen -o "$BATS_FILE_TMPDIR/first" 2>/dev/null
    ssh-keygen -q -t ed25519 -N '' -C 'safe of the second floor' -f "$BATS_FILE_TMPDIR/second"
}

furnish() { # LINE...: more of node.conf
    FIRST=$(age-keygen -y "$BATS_FILE_TMPDIR/first") SECOND=$(cat "$BATS_FILE_TMPDIR/second.pub")
    printf '#!/bin/sh\ncat /srv/secret\n' >"$NODE/usr/local/bin/tell"
    chmod 0755 "$NODE/usr/local/bin/tell"
    echo 'the secret word' >"$NODE/srv/secret"
    config 'path = /srv/data' 'dump = command:tell:/usr/local/bin/tell' "dump_recipients = $FIRST" "dump_recipients = $SECOND" "$@"
}

unlocked() { age -d -i "$BATS_FILE_TMPDIR/$1" "$NODE/backups/$2"; }

readable() { (cd "$NODE" && grep -rl 'secret word' backups var/lib/kaizen 2>/dev/null) || true; }

@test "every dump can be read with each of the private keys, and nowhere without one" {
    furnish 'dump = packages' 'dump = sqlite:/srv/app.db'
    on_node sqlite3 /srv/app.db "CREATE TABLE t (i TEXT); INSERT INTO t VALUES ('the secret word')"
    at '2026-11-24 01:00:00' && agent run
    [[ $(cd "$NODE/backups/2026-11-24/dumps" && find . -type f | sort | tr '\n' ' ') == './packages.age ./sqlite/srv%2Fapp.db.zst.age ./tell.age ' ]]
    [[ $(unlocked first 2026-11-24/dumps/tell.age) == 'the secret word' ]]
    [[ $(unlocked second 2026-11-24/dumps/tell.age) == 'the secret word' ]]
    unlocked second '2026-11-24/dumps/sqlite/srv%2Fapp.db.zst.age' | zstd -dc >"$NODE/tmp/app.db"
    [[ $(on_node sqlite3 /tmp/app.db 'SELECT i FROM t') == 'the secret word' ]]
    [[ $(stat -c '%a %U' "$NODE/backups/2026-11-24/dumps/tell.age") == '600 root' ]]
    [[ -z $(readable) && -z $(find "$NODE/var/lib/kaizen" -name 'work.*') ]]
    assert_whole
}

@test "an unchanged dump takes no room, and one that changed or is for somebody else is another" {
    furnish 'path = /var/lib/kaizen'
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode backups/2026-11-23/dumps/tell.age) == "$(inode backups/2026-11-24/dumps/tell.age)" ]]
    echo 'the secret word is another' >"$NODE/srv/secret"
    at '2026-11-25 01:00:00' && agent run
    [[ $(unlocked first 2026-11-25/dumps/tell.age) == 'the secret word is another' ]]
    sed -i "/$FIRST/d" "$NODE/etc/kaizen/node.conf"
    at '2026-11-26 01:00:00' && agent run
    run unlocked first 2026-11-26/dumps/tell.age
    assert_status 1
    unlocked second 2026-11-26/dumps/tell.age
    # What the sums are kept in would confirm a guess: it is in no snapshot.
    [[ -e $NODE/var/lib/kaizen/dumps.2026-11-26 && -z $(find "$NODE"/backups/*/var/lib/kaizen -name 'dumps.*') ]]
    [[ $(stat -c %a "$NODE"/var/lib/kaizen/dumps.*) == 600 ]]
    assert_whole
}

@test "a run that is killed in the midst of a dump leaves nothing readable among the snapshots, and the next removes the rest" {
    furnish
    printf '#!/bin/sh\ncat /srv/secret\nsleep 600 3>&- &\nwait\n' >"$NODE/usr/local/bin/tell"
    spawn /usr/local/sbin/kaizen-backup run
    until [[ -n $(readable) ]]; do kill -0 "$PID"; done
    kill -9 -- "-$PID"
    [[ $(readable) == var/lib/kaizen/work.*/plain/dumps/tell ]]
    [[ $(stat -c '%a %U' "$NODE"/var/lib/kaizen/work.*) == '700 root' ]]
    furnish
    agent run
    [[ -z $(readable) && $(snapshots) == 20* ]]
    mkdir -p "$NODE/var/lib/kaizen/work.aaaaaa" && echo 'the secret word' >"$NODE/var/lib/kaizen/work.aaaaaa/tell"
    agent run # which has nothing to do any more
    [[ -z $(readable) ]]
}

@test "what a run that failed before has left unencrypted goes at once" {
    furnish
    mkdir -p "$NODE/backups/.partial-2026-11-23.aaaaaa/dumps"
    echo 'the secret word' >"$NODE/backups/.partial-2026-11-23.aaaaaa/dumps/tell"
    rm "$NODE/srv/secret"
    run agent run
    assert_status 1
    [[ -z $(readable) && -d $NODE/backups/.partial-2026-11-23.aaaaaa ]]
}

@test "a dump that is empty, or cut short, fails before it is encrypted" {
    furnish 'dump = rabbitmq'
    : >"$NODE/srv/secret"
    printf '#!/bin/sh\nprintf "{\\"users\\": ["\n' >"$NODE/usr/local/bin/rabbitmqctl"
    chmod 0755 "$NODE/usr/local/bin/rabbitmqctl"
    run agent run
    assert_status 1
    assert_output_has 'dump command: tell: the dump is empty or was cut short'
    assert_output_has 'dump rabbitmq: the dump is empty or was cut short'
    [[ -z $(ls "$NODE/backups") ]]
}

@test "without age nothing is published, and what to install is named" {
    furnish
    rm "$NODE/usr/bin/age"
    run agent run
    assert_status 1
    assert_output_has 'install the package age'
    [[ -z $(ls "$NODE/backups") && -z $(readable) ]]
    run agent run --dry-run
    assert_status 1
    assert_output_has 'install the package age'
}

@test "an age that fails fails the run by the dump's name" {
    furnish
    printf '#!/bin/sh\n[ $# -eq 2 ] || { echo "no room" >&2; exit 1; }\n' >"$NODE/usr/bin/age"
    run agent run
    assert_status 1
    assert_output_has 'dump command: tell: it could not be encrypted: no room'
    [[ -z $(ls "$NODE/backups") ]]
}

@test "what the last snapshot has an encrypted dump of must still be there" {
    furnish
    printf 'dump = sqlite:/srv/app.db\n' >>"$NODE/etc/kaizen/roles/empty.conf"
    on_node sqlite3 /srv/app.db 'CREATE TABLE t (i TEXT)'
    at '2026-11-23 01:00:00' && agent run
    rm "$NODE/srv/app.db"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump sqlite: /srv/app.db: no such file'
    agent run --accept-empty sqlite:/srv/app.db
}

@test "verify says what it can't look into; restore brings the encrypted file" {
    furnish
    at '2026-11-24 01:00:00' && agent run
    run agent verify
    assert_status 0
    assert_output_has '; of 1 encrypted dumps only the encrypted bytes'
    mkdir "$NODE/tmp/back"
    agent restore /dumps --to /tmp/back
    cmp "$NODE/tmp/back/dumps/tell.age" "$NODE/backups/2026-11-24/dumps/tell.age"
    printf x >>"$NODE/backups/2026-11-24/dumps/tell.age"
    run agent verify
    assert_status 65
    assert_output_has 'dumps/tell.age: FAILED'
}

refuses() { # VALUE MESSAGE
    config 'path = /srv/data' "dump_recipients = $1"
    run agent check-config
    assert_status 78
    assert_output_has "/etc/kaizen/node.conf:3: dump_recipients: $2"
    [[ $output != *"$1"* ]]
}

@test "a recipient that age does not take is a mistake, and is not shown" {
    furnish
    refuses "${FIRST}q" 'not a public key that age takes'
    refuses "${FIRST%?}" 'not a public key that age takes'
    refuses "$(tr 'qp' 'pq' <<<"${FIRST:4:58}" | sed 's/^/age1/')" 'age refuses this key'
    refuses "${SECOND/ssh-ed25519 /}" 'not a public key that age takes'
    refuses 'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=' 'not a public key that age takes'
    refuses 'ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7' 'not a public key that age takes'
    refuses "$(grep AGE-SECRET "$BATS_FILE_TMPDIR/first")" 'this is a private key'
    config 'path = /srv/data'
    printf 'dump_recipients = %s\n' "$FIRST" >>"$NODE/etc/kaizen/roles/empty.conf"
    run agent check-config
    assert_status 78
    assert_output_has '/etc/kaizen/roles/empty.conf:2: dump_recipients belongs in /etc/kaizen/node.conf'
}

@test "a backups_dir that holds the place where dumps are made is refused" {
    furnish 'backups_dir = /var/lib'
    run agent check-config
    assert_status 78
    assert_output_has 'dumps are made in /var/lib/kaizen, which must not be in backups_dir'
}

@test "a dump that does not fit where it is made is named, and the others are made" {
    furnish 'dump = packages'
    mkdir -p "$NODE/var/lib/kaizen" && mount -t tmpfs -o size=4m state "$NODE/var/lib/kaizen"
    head -c 8M /dev/urandom >"$NODE/srv/secret"
    run agent run
    assert_status 1
    assert_output_has 'dump command: tell: no room is left in /var/lib/kaizen/work.'
    ! grep -F 'dump packages' <<<"$output" || false
    [[ -s $(echo "$NODE"/backups/.partial-*/dumps/packages.age) ]]
    [[ $(cat "$NODE"/backups/.partial-*/srv/data/* | wc -c) -gt 0 ]]
    umount "$NODE/var/lib/kaizen"
}

@test "what would confirm a guess is in no command line" {
    furnish
    printf '#!/bin/sh\nprintf "%%s\\n" "$@" >>/srv/said\nexec /usr/bin/grep "$@"\n' >"$NODE/usr/local/bin/grep"
    chmod 0755 "$NODE/usr/local/bin/grep"
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode backups/2026-11-23/dumps/tell.age) == "$(inode backups/2026-11-24/dumps/tell.age)" ]]
    grep -q dumps "$NODE/srv/said"
    ! grep -F -f <(cut -d ' ' -f 1 "$NODE/var/lib/kaizen/dumps.2026-11-24") "$NODE/srv/said" || false
}

@test "the place where dumps are made is in no snapshot, also where it is behind a symlink" {
    furnish 'path = /srv/state'
    mkdir -p "$NODE/srv/state/kaizen" && rm -rf "$NODE/var/lib/kaizen" && ln -s /srv/state/kaizen "$NODE/var/lib/kaizen"
    agent run
    [[ -n $(ls "$NODE"/srv/state/kaizen/dumps.*) ]]
    [[ -z $(find "$NODE"/backups/2*/srv/state -name 'dumps.*' -o -name 'work.*') ]]
    sed -i 's:^path = /srv/state$:backups_dir = /srv/state:' "$NODE/etc/kaizen/node.conf"
    run agent check-config
    assert_status 78
    assert_output_has 'dumps are made in /var/lib/kaizen, which must not be in backups_dir'
}

@test "an encrypted dump that is damaged is not taken over into the next snapshot" {
    furnish
    at '2026-11-23 01:00:00' && agent run
    truncate -s 20 "$NODE/backups/2026-11-23/dumps/tell.age"
    at '2026-11-24 01:00:00' && agent run
    [[ $(unlocked first 2026-11-24/dumps/tell.age) == 'the secret word' ]]
    run agent verify 2026-11-23
    assert_status 65
    agent verify 2026-11-24
}

@test "so it is where all of /var/lib is elsewhere" {
    mkdir "$NODE/srv/lib" && cp -a "$NODE/var/lib/." "$NODE/srv/lib/" 2>/dev/null || true
    mv "$NODE/var/lib" "$NODE/var/lib.old" && ln -s /srv/lib "$NODE/var/lib"
    furnish 'path = /var/lib/kaizen'
    agent run
    [[ -n $(ls "$NODE"/srv/lib/kaizen/dumps.*) ]]
    [[ -z $(find "$NODE"/backups/2*/ -path '*kaizen*' -name 'dumps.*' -o -path '*kaizen*' -name 'work.*') ]]
}
