#!/usr/bin/env bats
# MySQL and MariaDB: a file for each database, consistent, whole, and loaded back by a real server.

load node

start_server() {
    rm -rf "$NODE/var/lib/mysql"
    on_node install -d -o mysql -g mysql /var/lib/mysql /run/mysqld
    on_node mariadb-install-db --user=mysql --datadir=/var/lib/mysql --auth-root-authentication-method=socket \
        --skip-test-db --skip-name-resolve >/dev/null 2>&1
    spawn mariadbd --user=mysql --skip-networking --socket=/run/mysqld/mysqld.sock \
        --innodb-buffer-pool-size=32M --innodb-log-file-size=8M --log-error=/var/log/mariadbd.log
    SERVER=$PID
    local i
    for ((i = 0; i < 100; i++)); do
        if on_node mariadb -e 'SELECT 1' >/dev/null 2>&1; then return; fi
        sleep 0.1
    done
    cat "$NODE/var/log/mariadbd.log"
    return 1
}

sql() { on_node mariadb --batch --skip-column-names "$@"; }

setup_server() {
    start_server
    sql -e "CREATE DATABASE nova; CREATE TABLE nova.t (id INT PRIMARY KEY, v VARCHAR(20)) ENGINE=InnoDB;
            INSERT INTO nova.t VALUES (1, 'one'), (2, 'zwei'); CREATE DATABASE \`odd/na me\`; CREATE TABLE \`odd/na me\`.u (i INT);"
    config 'dump = mysql' 'path = /srv/data'
}

stop_server() {
    [[ -z ${SERVER:-} ]] || kill -9 "$SERVER" 2>/dev/null || true
}

teardown() {
    stop_server
    [[ ! -d ${NODE:-} ]] || umount -l -R "$NODE/.."
}

@test "each database is dumped whole, readable by root alone, and loads into an empty server" {
    setup_server
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    local dumps=$NODE/backups/2026-11-24/dumps/mysql
    [[ $(ls "$dumps" | tr '\n' ' ') == 'mysql.sql.zst nova.sql.zst odd%2Fna me.sql.zst ' ]]
    [[ $(stat -c '%a %U' "$dumps"/nova.sql.zst) == '600 root' ]]
    sql -e 'CREATE DATABASE again'
    zstd -dc "$dumps/nova.sql.zst" | sql again
    [[ $(sql again -e 'SELECT v FROM t ORDER BY id' | tr '\n' ' ') == 'one zwei ' ]]
    assert_whole
}

@test "a dump equal to the last one is a link to it; a changed one is not" {
    setup_server
    at '2026-11-23 01:00:00' && agent run
    at '2026-11-24 01:00:00' && agent run
    [[ $(inode backups/2026-11-23/dumps/mysql/nova.sql.zst) == "$(inode backups/2026-11-24/dumps/mysql/nova.sql.zst)" ]]
    sql -e "INSERT INTO nova.t VALUES (3, 'three')"
    at '2026-11-25 01:00:00' && agent run
    [[ $(inode backups/2026-11-24/dumps/mysql/nova.sql.zst) != "$(inode backups/2026-11-25/dumps/mysql/nova.sql.zst)" ]]
    assert_whole
}

@test "a server that is down fails the run by name; the files are copied all the same, for the next run" {
    setup_server
    stop_server
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump mysql: cannot list the databases:'
    [[ -z $(ls "$NODE/backups") ]]
    ls "$NODE"/backups/.partial-*/srv/data/a
}

@test "a dump that ends early, or is empty, fails the run by name" {
    setup_server
    local real=$NODE/usr/bin/mariadb-dump
    cp "$real" "$NODE/usr/bin/real-dump"
    rm "$real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ ${!#} != nova ]] || { real-dump "$@" | head -n 20; exit 0; }\nexec real-dump "$@"\n' >"$real"
    chmod 0755 "$real"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump mysql: database nova: the dump is empty or was cut short'
    [[ $output != *'database mysql'* ]]
    printf '#!/bin/bash\nexit 0\n' >"$real"
    run agent run
    assert_status 1
    assert_output_has 'dump mysql: database nova: the dump is empty or was cut short'
    [[ -z $(ls "$NODE/backups") ]]
}

@test "credentials stand in no argument and in no log" {
    setup_server
    sql -e "CREATE USER saver@localhost IDENTIFIED BY 'Hunter2-secret'; GRANT ALL ON *.* TO saver@localhost"
    printf '[client]\nuser = saver\npassword = Hunter2-secret\n' >"$NODE/root/.my.cnf"
    chmod 0600 "$NODE/root/.my.cnf"
    local real=$NODE/usr/bin/mariadb-dump
    cp "$real" "$NODE/usr/bin/real-dump"
    rm "$real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\ntr "\\0" " " </proc/$$/cmdline >>/arguments; exec real-dump "$@"\n' >"$real"
    chmod 0755 "$real"
    at '2026-11-24 01:00:00' && agent run
    [[ -s $NODE/arguments ]]
    run grep -r Hunter2-secret "$NODE/arguments" "$NODE/var/log/kaizen-backup.log" "$NODE/backups/2026-11-24/backup.info"
    assert_status 1
    printf '[client]\nuser = saver\npassword = wrong-Hunter2-secret\n' >"$NODE/root/.my.cnf"
    at '2026-11-25 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'Access denied'
    [[ $output != *Hunter2* ]]
}

@test "a lost+found in the data directory is no database; settings for other uses do not empty a dump" {
    setup_server
    mkdir -m 0700 "$NODE/var/lib/mysql/lost+found"
    printf '[mysqldump]\nno-data\nno-create-info\n' >"$NODE/root/.my.cnf"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    zstd -dc "$NODE/backups/2026-11-24/dumps/mysql/nova.sql.zst" | grep -q "INSERT INTO .t. VALUES"
    zstd -dc "$NODE/backups/2026-11-24/dumps/mysql/nova.sql.zst" | grep -q "CREATE TABLE .t."
}

@test "users, grants and character sets are dumped too, and an empty server takes them" {
    setup_server
    sql -e "CREATE USER nova@'%' IDENTIFIED BY 'x'; GRANT SELECT ON nova.* TO nova@'%'; CREATE DATABASE l1 CHARACTER SET latin1"
    at '2026-11-24 01:00:00' && agent run
    sql -e "DROP USER nova@'%'; DROP DATABASE l1"
    zstd -dc "$NODE/backups/2026-11-24/dumps/mysql-globals.sql.zst" | sql
    zstd -dc "$NODE/backups/2026-11-24/dumps/mysql-globals.sql.zst" | sql # nor does it mind those that are there
    [[ $(sql -e "SHOW GRANTS FOR nova@'%'") == *'GRANT SELECT ON `nova`.*'* ]]
    [[ $(sql -e "SHOW CREATE DATABASE l1") == *latin1* ]]
}

@test "a wrong password and a server that stops half-way are named" {
    setup_server
    local real=$NODE/usr/bin/mariadb-dump
    cp "$real" "$NODE/usr/bin/real-dump"
    rm "$real"
    # shellcheck disable=SC2016
    printf '#!/bin/bash\n[[ ${!#} != nova ]] || pkill -9 -x mariadbd -g "$(cat /server)"\nexec real-dump "$@"\n' >"$real"
    chmod 0755 "$real"
    echo "$SERVER" >"$NODE/server"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump mysql: database nova:'
    [[ -z $(ls "$NODE/backups") ]]
}
