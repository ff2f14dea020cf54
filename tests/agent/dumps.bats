#!/usr/bin/env bats
# PostgreSQL, SQLite, and the other kinds of dumps; MySQL has a file of its own.

load node

teardown() {
    stop_postgres
    [[ ! -d ${NODE:-} ]] || umount -l -R "$NODE/.."
}

start_hil_server() {
    start_postgres
    postgres psql -q -c "CREATE ROLE hil LOGIN PASSWORD 'Hunter2'" -c 'CREATE DATABASE hil OWNER hil'
    postgres psql -q -c "CREATE DATABASE \"od'd/na me=x\""
    postgres psql -q -d hil -c 'CREATE TABLE node (id INT, label TEXT)' -c "INSERT INTO node SELECT i, 'n' || i FROM generate_series(1, 1000) i"
    config 'dump = postgresql' 'path = /srv/data'
}

@test "postgresql: each database and the globals, for root alone, and an empty server loads them" {
    start_hil_server
    postgres psql -q -c "ALTER SYSTEM SET work_mem = '5MB'" && postgres psql -q -c 'SELECT pg_reload_conf()' >/dev/null
    until [[ $(postgres psql -At -c 'SHOW work_mem') == 5MB ]]; do :; done
    # Another file has the last word on all that this one says.
    local config
    config=$(postgres psql -At -c 'SHOW config_file')
    printf "work_mem = '4MB'\n" >"$NODE${config%/*}/overruled.conf" && chmod 0644 "$NODE${config%/*}/overruled.conf"
    echo "include 'overruled.conf'" >>"$NODE$config"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    [[ -z $output ]]
    local dumps=$NODE/backups/2026-11-24/dumps
    [[ $(ls "$dumps/postgresql" | tr '\n' '|') == "hil.dump.zst|od'd%2Fna me=x.dump.zst|postgres.dump.zst|" ]]
    [[ $(stat -c '%a %U' "$dumps/postgresql/hil.dump.zst" "$dumps/postgresql-globals.sql.zst") == $'600 root\n600 root' ]]
    grep -q "work_mem = '5MB'" "$dumps"/postgresql-settings/*postgresql.auto.conf
    grep -q "work_mem = '4MB'" "$dumps"/postgresql-settings/*%2Foverruled.conf
    local setting file
    for setting in hba_file config_file; do
        file=$(postgres psql -At -c "SHOW $setting")
        cmp "$NODE$file" "$dumps/postgresql-settings/$(sed 's:^/::; s:/:%2F:g' <<<"$file")"
    done
    postgres psql -q -c 'DROP DATABASE hil' -c 'DROP ROLE hil'
    zstd -dc "$dumps/postgresql-globals.sql.zst" | grep -v 'ROLE postgres' | postgres psql -q >/dev/null
    zstd -dc "$dumps/postgresql/hil.dump.zst" | postgres pg_restore -C -d postgres
    [[ $(postgres psql -At -d hil -c 'SELECT count(*), max(label) FROM node') == '1000|n999' ]]
    [[ $(postgres psql -At -c "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'hil'") == t ]]
    assert_whole
}

@test "postgresql: a dump equal to the last one is a link to it, though each archive says when it was made" {
    start_hil_server
    at '2026-11-23 01:00:00' && agent run
    sleep 1
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode backups/2026-11-23/dumps/postgresql/hil.dump.zst) == "$(inode backups/2026-11-24/dumps/postgresql/hil.dump.zst)" ]]
    [[ $(inode backups/2026-11-23/dumps/postgresql-globals.sql.zst) == "$(inode backups/2026-11-24/dumps/postgresql-globals.sql.zst)" ]]
    postgres psql -q -d hil -c "UPDATE node SET label = 'n-1' WHERE id = 1"
    at '2026-11-25 01:00:00' && agent run
    [[ $(inode backups/2026-11-24/dumps/postgresql/hil.dump.zst) != "$(inode backups/2026-11-25/dumps/postgresql/hil.dump.zst)" ]]
    assert_whole
}

@test "postgresql: a dump that is damaged in what two equal ones may differ in is not linked on" {
    start_hil_server
    at '2026-11-23 01:00:00' && agent run
    local last=$NODE/backups/2026-11-23/dumps/postgresql/hil.dump.zst
    { head -c 51 /dev/zero && zstd -dc "$last" | tail -c +52; } | zstd -q -c >"$NODE/damaged" && cat "$NODE/damaged" >"$last"
    at '2026-11-24 01:00:00' && agent run
    zstd -dc "$NODE/backups/2026-11-24/dumps/postgresql/hil.dump.zst" | postgres pg_restore -f /dev/null
    agent verify 2026-11-24
}

@test "postgresql: a server that stops half-way through a dump fails the run by name" {
    start_hil_server
    # pg_dump, slowed: the server goes while it reads.
    mv "$NODE/usr/bin/pg_dump" "$NODE/usr/bin/pg_dump.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n%s\n' 'case "$*" in *hil*) kill -9 $(head -1 /var/lib/pg/postmaster.pid); pkill -9 -g $(head -1 /var/lib/pg/postmaster.pid) ;; esac
exec pg_dump.real "$@"' >"$NODE/usr/bin/pg_dump"
    chmod 0755 "$NODE/usr/bin/pg_dump"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump postgresql: database hil:'
    [[ -z $(ls "$NODE/backups") ]]
    ls "$NODE"/backups/.partial-*/srv/data/a
}

@test "postgresql: an archive that was cut short is found" {
    start_hil_server
    mv "$NODE/usr/bin/pg_dump" "$NODE/usr/bin/pg_dump.real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\npg_dump.real "$@" | head -c 3000; exit 0\n' >"$NODE/usr/bin/pg_dump"
    chmod 0755 "$NODE/usr/bin/pg_dump"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump postgresql: database hil: the dump is empty or was cut short'
}

@test "sqlite: a consistent copy while somebody writes, checked, and linked when nothing changed" {
    on_node sqlite3 /srv/data/app.db 'PRAGMA journal_mode=WAL; CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1), (2)' >/dev/null
    config 'dump = sqlite:/srv/data/app.db' 'path = /srv/other'
    at '2026-11-23 01:00:00' && agent run
    local dump=dumps/sqlite/srv%2Fdata%2Fapp.db.zst
    zstd -dc "$NODE/backups/2026-11-23/$dump" >"$NODE/tmp/copy.db"
    [[ $(on_node sqlite3 /tmp/copy.db 'SELECT sum(i) FROM t') == 3 ]]
    [[ $(ls -A "$NODE/backups/2026-11-23/dumps/sqlite") == srv%2Fdata%2Fapp.db.zst ]]
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode "backups/2026-11-23/$dump") == "$(inode "backups/2026-11-24/$dump")" ]]
    head -c 8192 /dev/urandom >"$NODE/srv/data/app.db"
    at '2026-11-25 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump sqlite: /srv/data/app.db:'
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
    assert_whole
}

@test "command: what it prints is kept; a failure, silence or a missing program is named" {
    printf '#!/bin/sh\necho exported\n' >"$NODE/srv/export" && chmod 0755 "$NODE/srv/export"
    config 'dump = command:inventory:/srv/export' 'path = /srv/data'
    at '2026-11-24 01:00:00' && agent run
    [[ $(cat "$NODE/backups/2026-11-24/dumps/inventory") == exported ]]
    [[ $(stat -c %a "$NODE/backups/2026-11-24/dumps/inventory") == 600 ]]
    local body
    for body in 'echo half; echo no such host >&2; exit 3' 'exit 0'; do
        printf '#!/bin/sh\n%s\n' "$body" >"$NODE/srv/export"
        run agent run --again
        assert_status 1
        assert_output_has 'dump command: inventory:'
    done
    rm "$NODE/srv/export"
    run agent run --again
    assert_status 1
    assert_output_has 'dump command: inventory:'
    [[ $(snapshots) == 2026-11-24 ]]
}

@test "command: one that leaves something running holds up no later run" {
    printf '#!/bin/sh\necho exported; sleep 30 >/dev/null 2>&1 &\n' >"$NODE/srv/export" && chmod 0755 "$NODE/srv/export"
    config 'dump = command:inventory:/srv/export'
    at '2026-11-24 01:00:00' && agent run
    agent run --again
    [[ $(snapshots) == $'2026-11-24\n2026-11-24.2' ]]
}

@test "a run that is told to end in the middle of a dump ends at once, and so does the dump" {
    printf '#!/bin/sh\ntouch /started; exec sleep 3131\n' >"$NODE/srv/export" && chmod 0755 "$NODE/srv/export"
    config 'dump = command:inventory:/srv/export'
    end_a_run_midway
    run pgrep -f 'sleep 3131'
    assert_status 1
}

@test "packages: a list of what is installed" {
    config 'dump = packages'
    at '2026-11-24 01:00:00' && agent run
    grep -q '^ii  *rsync 3' "$NODE/backups/2026-11-24/dumps/packages"
    assert_whole
}

# Neither server is to be had here, so their programs are stand-ins; what is tested is what we do with them.
@test "mongodb and rabbitmq: the export is kept, a failure is named" {
    printf '#!/bin/sh\nprintf "\\155\\342\\231\\201 archive $* \\377\\377\\377\\377"\n' >"$NODE/usr/local/bin/mongodump"
    printf '#!/bin/sh\necho "{\\"args\\": \\"$*\\"}"\n' >"$NODE/usr/local/bin/rabbitmqctl"
    chmod 0755 "$NODE"/usr/local/bin/{mongodump,rabbitmqctl}
    config 'dump = mongodb' 'dump = rabbitmq'
    at '2026-11-24 01:00:00' && agent run
    zstd -dc "$NODE/backups/2026-11-24/dumps/mongodb.archive.zst" | grep -qa ' archive --archive --quiet '
    [[ $(cat "$NODE/backups/2026-11-24/dumps/rabbitmq.json") == '{"args": "-q export_definitions -"}' ]]
    printf '#!/bin/sh\necho "no connection" >&2; exit 1\n' >"$NODE/usr/local/bin/mongodump"
    run agent run --again
    assert_status 1
    assert_output_has 'dump mongodb: no connection'
    local body
    for body in 'exit 0' 'printf "\155\342\231\201 cut"'; do
        printf '#!/bin/sh\n%s\n' "$body" >"$NODE/usr/local/bin/mongodump"
        run agent run --again
        assert_status 1
        assert_output_has 'dump mongodb: the dump is empty or was cut short'
    done
}

@test "a role's dump of what this node does not have is skipped and listed; node.conf's is not" {
    printf 'path = /srv/data\ndump = mongodb\n' >"$NODE/etc/kaizen/roles/empty.conf"
    config
    at '2026-11-24 01:00:00' && agent run
    grep -qx 'skipped_dump = mongodb' "$NODE/backups/2026-11-24/backup.info"
    grep -qx 'warnings = 0' "$NODE/backups/2026-11-24/backup.info"
    config 'dump = mongodb'
    run agent run --again
    assert_status 1
    assert_output_has 'dump mongodb: mongodump is not installed'
}

@test "a role's dump of a server whose data are there is not skipped in silence, though nothing can dump it" {
    printf 'path = /srv/data\ndump = mongodb\n' >"$NODE/etc/kaizen/roles/empty.conf"
    config
    mkdir -p "$NODE/var/lib/mongodb" && touch "$NODE/var/lib/mongodb/WiredTiger"
    at '2026-11-24 01:00:00' && agent run
    grep -q '^warning = dump mongodb is skipped, .* data of it: /var/lib/mongodb/WiredTiger$' "$NODE/backups/2026-11-24/backup.info"
    agent run --again --accept-empty mongodb
    grep -qx 'warnings = 0' "$NODE/backups/2026-11-24.2/backup.info"
}

@test "a role's dump that the last snapshot has is not skipped in silence" {
    printf '#!/bin/sh\nprintf "\\155\\342\\231\\201\\377\\377\\377\\377"\n' >"$NODE/usr/local/bin/mongodump"
    chmod 0755 "$NODE/usr/local/bin/mongodump"
    printf 'path = /srv/data\ndump = mongodb\n' >"$NODE/etc/kaizen/roles/empty.conf"
    config
    at '2026-11-23 01:00:00' && agent run
    rm "$NODE/usr/local/bin/mongodump"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump mongodb: mongodump is not installed'
    agent run --accept-empty mongodb
    [[ $(snapshots) == $'2026-11-23\n2026-11-24' ]]
}

@test "where there is no zstd, dumps are compressed with gzip" {
    rm "$NODE/usr/bin/zstd"
    on_node sqlite3 /srv/data/app.db 'CREATE TABLE t (i INTEGER)'
    config 'dump = sqlite:/srv/data/app.db'
    at '2026-11-24 01:00:00' && agent run
    gzip -t "$NODE/backups/2026-11-24/dumps/sqlite/srv%2Fdata%2Fapp.db.gz"
}
