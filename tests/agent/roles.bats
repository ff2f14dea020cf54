#!/usr/bin/env bats
# The roles hil, foreman, puppet and ceph-mon, and the dumps that they bring. PostgreSQL, SQLite
# and Ceph's monitor are real. virsh is a stand-in, since a hypervisor can't run here; so is ceph where it must fail.

load node

teardown() {
    stop_postgres
    [[ ! -d ${NODE:-} ]] || umount -l -R "$NODE/.."
}

# on_path NAME LINE...: a program of that name, of these lines.
on_path() {
    printf '%s\n' '#!/bin/bash' "${@:2}" >"$NODE/usr/local/bin/$1"
    chmod 0755 "$NODE/usr/local/bin/$1"
}

# has FILE...: the files are there, each with its own name in it.
has() {
    local file
    for file; do
        mkdir -p "$NODE${file%/*}"
        printf '%s\n' "$file" >"$NODE$file"
    done
}

# saved / left_out FILE...: what has become of them in the snapshot of the 24th.
saved() {
    local file
    for file; do
        [[ $(cat "$NODE/backups/2026-11-24$file") == "$file" ]] || return 1
    done
}
left_out() {
    local file
    for file; do
        [[ -e $NODE$file && ! -e $NODE/backups/2026-11-24$file ]] || {
            echo "$file is in the snapshot"
            return 1
        }
    done
}

# What else a role saves of the machine below is no matter of these tests.
as_role() {
    printf '%s\n' "role = $1" 'exclude = /root/*' 'exclude = /etc/systemd/system/*' 'exclude = /etc/ssl/private/*' \
        'exclude = /etc/apt/*' 'exclude = /var/www/html' "${@:2}" >"$NODE/etc/kaizen/node.conf"
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 0
    assert_whole
}

# rows DATABASE: every row of every table, and where the sequences are.
rows() {
    local table
    postgres psql -XAtq -d "$1" -c "SELECT schemaname || '.' || tablename FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1" >"$BATS_TEST_TMPDIR/tables"
    while IFS= read -r table; do
        echo "$table"
        postgres psql -XAtq -d "$1" -c "COPY (SELECT * FROM $table t ORDER BY t::text) TO STDOUT" </dev/null
    done <"$BATS_TEST_TMPDIR/tables"
    postgres psql -XAtq -d "$1" -c 'SELECT sequencename, last_value FROM pg_sequences ORDER BY 1' </dev/null
}

# restores DATABASE...: each, dropped and brought back from its dump, has the rows that it had.
restores() {
    local database
    for database; do
        rows "$database" >"$BATS_TEST_TMPDIR/before"
        [[ $(wc -l <"$BATS_TEST_TMPDIR/before") -gt 5 ]]
        postgres psql -q -c "DROP DATABASE $database"
        zstd -dc "$NODE/backups/2026-11-24/dumps/postgresql/$database.dump.zst" | postgres pg_restore -C -d postgres
        rows "$database" >"$BATS_TEST_TMPDIR/after"
        diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
    done
}

# HIL's tables, as its models make them.
hil_tables() {
    cat <<'SQL'
CREATE TABLE project (id SERIAL PRIMARY KEY, label VARCHAR NOT NULL UNIQUE);
CREATE TABLE "user" (id SERIAL PRIMARY KEY, label VARCHAR NOT NULL UNIQUE, is_admin BOOLEAN NOT NULL, hashed_password VARCHAR);
CREATE TABLE node (id SERIAL PRIMARY KEY, label VARCHAR NOT NULL UNIQUE, project_id INTEGER REFERENCES project (id), obmd_uri VARCHAR);
CREATE TABLE nic (id SERIAL PRIMARY KEY, label VARCHAR NOT NULL, mac_addr VARCHAR, owner_id INTEGER NOT NULL REFERENCES node (id));
CREATE TABLE network (id SERIAL PRIMARY KEY, label VARCHAR NOT NULL UNIQUE, network_id VARCHAR, owner_id INTEGER REFERENCES project (id));
CREATE TABLE network_attachment (id SERIAL PRIMARY KEY, nic_id INTEGER REFERENCES nic (id), network_id INTEGER REFERENCES network (id), channel VARCHAR);
CREATE TYPE action AS ENUM ('modify_port', 'revert_port');
CREATE TABLE networking_action (id SERIAL PRIMARY KEY, type action, nic_id INTEGER, uuid UUID);
INSERT INTO project (label) SELECT 'p' || i FROM generate_series(1, 20) i;
INSERT INTO "user" (label, is_admin, hashed_password) VALUES ('admin', true, E'$6$tab\there'), ('größe', false, NULL);
INSERT INTO node (label, project_id, obmd_uri) SELECT 'n' || i, nullif(i % 21, 0), 'https://obmd/' || i FROM generate_series(1, 200) i;
INSERT INTO nic (label, mac_addr, owner_id) SELECT 'em' || i % 4, md5(i::text), 1 + i % 200 FROM generate_series(1, 800) i;
INSERT INTO network (label, network_id, owner_id) SELECT 'vlan' || i, i, 1 + i % 20 FROM generate_series(1, 50) i;
INSERT INTO network_attachment (nic_id, network_id, channel) SELECT i, 1 + i % 50, 'vlan/native' FROM generate_series(1, 800) i;
INSERT INTO networking_action (type, nic_id, uuid) VALUES ('modify_port', 1, md5('a')::uuid);
SQL
}

@test "hil: PostgreSQL's databases of HIL and OBMd come back row for row, with settings, wsgi files and units" {
    start_postgres
    postgres psql -q -c "CREATE ROLE hil LOGIN PASSWORD 'Hunter2'" -c 'CREATE DATABASE haas OWNER hil' -c 'CREATE DATABASE obmd OWNER hil'
    hil_tables | postgres psql -q -d haas
    postgres psql -q -d obmd -c 'CREATE TABLE nodes (label TEXT PRIMARY KEY, info BYTEA)' \
        -c "INSERT INTO nodes SELECT 'n' || i, decode(md5(i::text), 'hex') FROM generate_series(1, 50) i"
    printf '[general]\nuri = nothing\n[database]\nuri = postgresql://hil:Hunter2@localhost/haas\n' >"$NODE/etc/hil.cfg"
    mkdir "$NODE/etc/obmd"
    printf '{"DBType": "postgres",\n "DBPath": "host=localhost user=hil password=Hunter2 dbname=obmd", "AdminToken": "1"}\n' \
        >"$NODE/etc/obmd/config.json"
    has /etc/obmd/server.key /var/www/hil/hil.wsgi /etc/httpd/conf.d/wsgi.conf /usr/lib/systemd/system/hil_network.service \
        /etc/libvirt/qemu/headnode.xml /etc/libvirt/qemu/networks/br.xml /var/lib/pgsql/data/pg_hba.conf /var/lib/pgsql/data/base/1 \
        /var/lib/hil/known /var/lib/hil/images/base.qcow2
    as_role hil
    cmp "$NODE/etc/hil.cfg" "$NODE/backups/2026-11-24/etc/hil.cfg"
    saved /etc/obmd/server.key /var/www/hil/hil.wsgi /etc/httpd/conf.d/wsgi.conf /usr/lib/systemd/system/hil_network.service \
        /etc/libvirt/qemu/headnode.xml /etc/libvirt/qemu/networks/br.xml /var/lib/pgsql/data/pg_hba.conf /var/lib/hil/known
    left_out /var/lib/pgsql/data/base/1 /var/lib/hil/images/base.qcow2
    zstd -dc "$NODE/backups/2026-11-24/dumps/postgresql-globals.sql.zst" | grep -q 'CREATE ROLE hil'
    restores haas obmd
    run grep -r Hunter2 "$NODE/backups/2026-11-24/backup.info" "$NODE/var/log/kaizen-backup.log"
    assert_status 1
}

@test "hil: SQLite's database, where haas.cfg names one, comes back row for row" {
    mkdir -p "$NODE/var/lib/haas"
    hil_tables | sed -n '/^CREATE TABLE project/p; /^CREATE TABLE node /p; s/SERIAL/INTEGER/' | sort -u |
        sed 's/SERIAL/INTEGER/' | on_node sqlite3 /var/lib/haas/haas.db
    on_node sqlite3 /var/lib/haas/haas.db "WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 200)
        INSERT INTO node (label, obmd_uri) SELECT 'n' || i, 'größe' FROM c"
    printf '[database]\nuri=sqlite:////var/lib/haas/haas.db\n' >"$NODE/etc/haas.cfg"
    on_node ln -s haas.cfg /etc/hil.cfg
    as_role hil
    [[ $(ls "$NODE/backups/2026-11-24/dumps/sqlite") == var%2Flib%2Fhaas%2Fhaas.db.zst ]]
    [[ ! -e $NODE/backups/2026-11-24/dumps/postgresql ]]
    zstd -qdc "$NODE/backups/2026-11-24/dumps/sqlite/var%2Flib%2Fhaas%2Fhaas.db.zst" >"$NODE/tmp/back.db"
    diff <(on_node sqlite3 /var/lib/haas/haas.db .dump) <(on_node sqlite3 /tmp/back.db .dump)
    [[ $(on_node sqlite3 /tmp/back.db 'SELECT count(*) FROM node') == 200 ]]
}

@test "hil: a database that can't be told, or isn't there, fails the run by name; one of another host is a warning" {
    config 'dump = hil' 'path = /srv/data'
    at '2026-11-24 01:00:00'
    run agent run
    assert_status 1
    assert_output_has 'dump hil: none of /etc/hil.cfg /etc/haas.cfg /etc/obmd/config.json names a database'
    printf '[database]\nuri = sqlite:///hil.db\n' >"$NODE/etc/hil.cfg"
    run agent run
    assert_status 1
    assert_output_has 'dump hil: /etc/hil.cfg: the SQLite database has no absolute path'
    printf '[database]\nuri = sqlite:////srv/gone.db\n' >"$NODE/etc/hil.cfg"
    run agent run
    assert_status 1
    assert_output_has 'dump sqlite: /srv/gone.db: no such file'
    rm "$NODE/etc/hil.cfg" && mkdir -p "$NODE/etc/obmd"
    printf '{"DBType": "sqlite3", "DBPath": "obmd.db"}\n' >"$NODE/etc/obmd/config.json"
    run agent run
    assert_status 1
    assert_output_has 'dump hil: /etc/obmd/config.json: DBPath is no absolute path'
    rm "$NODE/etc/obmd/config.json"
    start_postgres
    printf '[database]\nuri = postgresql:///haas\n' >"$NODE/etc/hil.cfg"
    run agent run
    assert_status 1
    assert_output_has 'dump hil: the database haas that /etc/hil.cfg names is not among those of this host'
    printf '[database]\nuri = postgresql+psycopg2://hil:Hun?t/er@2@db.example:5433/haas?sslmode=require\n' >"$NODE/etc/hil.cfg"
    agent run
    grep -q '^warning = dump hil: the database haas that /etc/hil.cfg names is on db.example: back it up there' \
        "$NODE/backups/2026-11-24/backup.info"
    run grep Hun "$NODE/backups/2026-11-24/backup.info" "$NODE/var/log/kaizen-backup.log"
    assert_status 1
    printf '[database]\nuri = postgresql://db.example/haas?password=s3@cret ; the old one\n' >"$NODE/etc/hil.cfg"
    agent run --again
    grep -q '^warning = dump hil: the database haas that /etc/hil.cfg names is on db.example: back it up there' \
        "$NODE/backups/2026-11-24.2/backup.info"
    run grep cret "$NODE/backups/2026-11-24.2/backup.info" "$NODE/var/log/kaizen-backup.log"
    assert_status 1
    local here
    echo '127.0.0.1 sql.hil.example' >>"$NODE/etc/hosts"
    for here in '[::1]:5432' "$(on_node hostname):5432" '127.0.0.1' sql.hil.example; do
        printf '[database]\nuri = postgresql://hil:Hunter2@%s/postgres\n' "$here" >"$NODE/etc/hil.cfg"
        agent run --again
        grep -qx 'warnings = 0' "$NODE/backups/$(snapshots | tail -n 1)/backup.info"
    done
}

@test "foreman: every database comes back row for row; keys, answers, Puppet's CA, DHCP, DNS and TFTP are saved, public is not" {
    start_postgres
    local database
    for database in foreman candlepin pulpcore; do postgres psql -q -c "CREATE DATABASE $database"; done
    postgres psql -q -d foreman <<'SQL'
CREATE TABLE hosts (id SERIAL PRIMARY KEY, name VARCHAR(255) NOT NULL UNIQUE, build BOOLEAN DEFAULT false, last_report TIMESTAMP, type VARCHAR);
CREATE TABLE settings (id BIGSERIAL PRIMARY KEY, name VARCHAR, value TEXT);
CREATE TABLE fact_values (id BIGSERIAL PRIMARY KEY, value TEXT, fact_name_id BIGINT, host_id INTEGER REFERENCES hosts (id));
CREATE INDEX facts ON fact_values (fact_name_id, host_id);
INSERT INTO hosts (name, last_report) SELECT 'h' || i, '2026-11-01'::timestamp + i * interval '1 second' FROM generate_series(1, 300) i;
INSERT INTO settings (name, value) VALUES ('trusted_hosts', E'--- []\n'), ('empty', ''), ('none', NULL);
INSERT INTO fact_values (value, fact_name_id, host_id) SELECT md5(i::text), i % 50, 1 + i % 300 FROM generate_series(1, 3000) i;
SQL
    postgres psql -q -d candlepin -c 'CREATE TABLE cp_pool (id VARCHAR(32) PRIMARY KEY, quantity BIGINT, created TIMESTAMPTZ)' \
        -c "INSERT INTO cp_pool SELECT md5(i::text), i, '2026-11-01Z'::timestamptz FROM generate_series(1, 100) i"
    postgres psql -q -d pulpcore -c 'CREATE TABLE core_artifact (pulp_id UUID PRIMARY KEY, sha256 BYTEA, extra JSONB)' \
        -c "INSERT INTO core_artifact SELECT md5(i::text)::uuid, decode(md5(i::text), 'hex'), '{\"a\": [1]}' FROM generate_series(1, 100) i"
    has /etc/foreman/encryption_key.rb /etc/foreman-installer/scenarios.d/foreman-answers.yaml /etc/foreman-proxy/ssl/private.pem \
        /etc/puppetlabs/puppetserver/ca/ca_key.pem /etc/puppetlabs/code/environments/production/site.pp /etc/dhcp/dhcpd.conf \
        /var/lib/dhcpd/dhcpd.leases /var/named/dynamic/db.example /var/lib/tftpboot/pxelinux.cfg/default /etc/pulp/key \
        /usr/share/foreman-proxy/.ssh/id_rsa /var/lib/foreman/db/x /var/lib/foreman/public/webpack/a.js /var/lib/puppet/reports/r
    has /etc/kaizen/ssh/id_ed25519
    as_role foreman
    saved /etc/foreman/encryption_key.rb /etc/foreman-installer/scenarios.d/foreman-answers.yaml /etc/foreman-proxy/ssl/private.pem \
        /etc/puppetlabs/puppetserver/ca/ca_key.pem /etc/puppetlabs/code/environments/production/site.pp /etc/dhcp/dhcpd.conf \
        /var/lib/dhcpd/dhcpd.leases /var/named/dynamic/db.example /var/lib/tftpboot/pxelinux.cfg/default /etc/pulp/key \
        /usr/share/foreman-proxy/.ssh/id_rsa /var/lib/foreman/db/x
    left_out /var/lib/foreman/public/webpack/a.js /var/lib/puppet/reports/r /etc/kaizen/ssh/id_ed25519
    restores foreman candlepin pulpcore
}

@test "puppet: CA, code, Hiera and eyaml's keys are saved; a node with PostgreSQL's client alone is not asked for a server" {
    has /etc/puppetlabs/puppetserver/ca/ca_key.pem /etc/puppetlabs/puppet/eyaml/private_key.pkcs7.pem /etc/puppetlabs/puppet/hiera.yaml \
        /var/lib/puppet/ssl/ca/serial /etc/eyaml/keys/private_key.pkcs7.pem /var/lib/puppet/bucket/a
    on_node userdel postgres
    as_role puppet
    saved /etc/puppetlabs/puppetserver/ca/ca_key.pem /etc/puppetlabs/puppet/eyaml/private_key.pkcs7.pem \
        /etc/puppetlabs/puppet/hiera.yaml /var/lib/puppet/ssl/ca/serial /etc/eyaml/keys/private_key.pkcs7.pem
    left_out /var/lib/puppet/bucket/a
    grep -qx 'skipped_dump = postgresql' "$NODE/backups/2026-11-24/backup.info"
}

# A cluster of one monitor.
a_monitor() {
    local fsid
    fsid=$(uuidgen)
    mkdir -p "$NODE/etc/ceph" "$NODE/var/lib/ceph/mon"
    printf '%s\n' '[global]' "fsid = $fsid" 'mon host = [v2:127.0.0.1:3300,v1:127.0.0.1:6789]' >"$NODE/etc/ceph/ceph.conf"
    local keyring=/etc/ceph/ceph.client.admin.keyring
    on_node ceph-authtool --create-keyring "$keyring" --gen-key -n client.admin --cap mon 'allow *' >/dev/null
    on_node ceph-authtool "$keyring" --gen-key -n mon. --cap mon 'allow *' >/dev/null
    on_node monmaptool --create --addv a '[v2:127.0.0.1:3300,v1:127.0.0.1:6789]' --fsid "$fsid" /tmp/monmap >/dev/null
    on_node ceph-mon --mkfs -i a --monmap /tmp/monmap --keyring "$keyring"
}

# beside_monitor COMMAND...: in a network of its own, where the monitor runs.
# shellcheck disable=SC2016
beside_monitor() {
    on_node unshare --net bash -c 'ip link set lo up && { ceph-mon -i a -f >/tmp/monitor 2>&1 & } && "$@"
        code=$?
        kill %1
        wait
        exit $code' - "$@" 3>&-
}

@test "ceph-mon: keys, maps and settings as a real monitor tells them, keyrings, and not its store" {
    a_monitor
    has /var/lib/ceph/mon/ceph-a/extra /var/lib/ceph/mon/ceph-a/store.db/x /var/lib/ceph/0a1b/mon.a/config \
        /var/lib/ceph/0a1b/mon.a/store.db/000001.sst /var/lib/ceph/osd/ceph-0/block
    printf '%s\n' 'role = ceph-mon' 'exclude = /root/*' 'exclude = /etc/systemd/system/*' 'exclude = /etc/apt/*' >"$NODE/etc/kaizen/node.conf"
    beside_monitor bash -c 'ceph config set global debug_ms 0/0 && ceph config-key set dm-crypt/osd/1/luks secret && kaizen-backup run &&
        ceph osd getcrushmap -o /tmp/crushmap 2>/tmp/epoch'
    local dir
    dir=$(echo "$NODE"/backups/[0-9]*)
    [[ -s $dir/etc/ceph/ceph.client.admin.keyring && -s $dir/var/lib/ceph/mon/ceph-a/keyring && -s $dir/var/lib/ceph/0a1b/mon.a/config ]]
    [[ -z $(find "$dir" -path '*store.db*' -o -path '*/osd/*') ]]
    cd "$dir/dumps/ceph"
    [[ $(echo *) == 'auth.keyring config-key.json config.txt crush.json crushmap fs.txt mon.txt monmap osd.txt osdmap' ]]
    on_node ceph-authtool -n client.admin --print-key /etc/ceph/ceph.client.admin.keyring >"$BATS_TEST_TMPDIR/key"
    grep -qF "$(cat "$BATS_TEST_TMPDIR/key")" auth.keyring
    [[ $(cat config.txt) == *debug_ms* && $(cat config-key.json) == *secret* && $(cat mon.txt) == *mon.a* ]]
    cmp crushmap "$NODE/tmp/crushmap"
    [[ $(monmaptool --print monmap) == *'mon.a'* && $(crushtool -d crushmap) == *'# rules'* && $(osdmaptool --print osdmap) == *fsid* ]]
    [[ $(stat -c %a auth.keyring) == 600 ]]
    assert_whole
}

@test "ceph-mon: a cluster without a quorum is a warning, soon; one that refuses, or fails later, fails the run by name" {
    config 'dump = ceph' 'path = /srv/data'
    at '2026-11-24 01:00:00'
    on_path ceph 'echo "[errno 110] RADOS timed out (error connecting to the cluster)" >&2; exit 1'
    agent run
    grep -q '^warning = dump ceph: the cluster does not answer' "$NODE/backups/2026-11-24/backup.info"
    [[ -e $NODE/backups/2026-11-24/srv/data/a && ! -e $NODE/backups/2026-11-24/dumps/ceph ]]
    # It hangs, whatever --connect-timeout says. The agent's minute is made a short one.
    on_path ceph 'exec sleep 3232'
    # shellcheck disable=SC2016
    on_path timeout '[[ $1 == -k && $3 == 60 ]] && exec /usr/bin/timeout -k 1 0.2 "${@:4}"'
    agent run --again
    grep -q '^warning = dump ceph: the cluster does not answer' "$NODE/backups/2026-11-24.2/backup.info"
    on_path ceph 'echo "[errno 13] RADOS permission denied (error connecting to the cluster)" >&2; exit 1'
    run agent run --again
    assert_status 1
    assert_output_has 'dump ceph: [errno 13] RADOS permission denied'
    # shellcheck disable=SC2016
    on_path ceph '[[ "$*" != *"auth export" ]] || exit 1' 'echo "$*"'
    run agent run --again
    assert_status 1
    assert_output_has 'dump ceph: auth export:'
    # It was there, and is gone.
    rm "$NODE/usr/local/bin/ceph" "$NODE/usr/bin/ceph"
    run agent run --again
    assert_status 1
    assert_output_has 'dump ceph:'
    [[ $(snapshots) == $'2026-11-24\n2026-11-24.2' ]]
}

# As virsh(1).
a_hypervisor() {
    # shellcheck disable=SC2016
    on_path virsh '[[ "$1 $2 $3" == "--quiet --connect qemu:///system" ]] || exit 1' 'shift 3' \
        'case $* in' \
        '    "list --all --name") printf "headnode a/b\n-x\n\n" ;;' \
        '    "net-list --all --name") printf "default\n\n" ;;' \
        '    "dumpxml --inactive --security-info --domain "*) printf "<domain><name>%s</name>\n</domain>\n\n" "$5" ;;' \
        '    "net-dumpxml --inactive --network default") printf "<network>\n</network>\n\n" ;;' \
        '    *) exit 1 ;;' \
        'esac'
}

@test "libvirt: a definition of every domain and network; one cut short fails the run; no answer is a warning" {
    config 'dump = libvirt' 'path = /srv/data'
    at '2026-11-24 01:00:00'
    a_hypervisor
    agent run
    [[ $(cd "$NODE/backups/2026-11-24/dumps/libvirt" && echo */*) == 'domains/-x.xml domains/headnode a%2Fb.xml networks/default.xml' ]]
    grep -q '<name>headnode a/b</name>' "$NODE/backups/2026-11-24/dumps/libvirt/domains/headnode a%2Fb.xml"
    # One that is deleted between the list and its turn is not missed; one that is there and can't be had is.
    on_path virsh 'shift 3' 'case $* in' '"list --all --name") echo one; [ -e /tmp/asked ] || echo two ;;' \
        '"net-list --all --name") ;;' '*one) printf "<domain>\n</domain>\n" ;;' '*) touch /tmp/asked; echo "no domain" >&2; exit 1 ;;' 'esac'
    agent run --again
    [[ $(ls "$NODE/backups/2026-11-24.2/dumps/libvirt/domains") == one.xml ]]
    sed -i 's:\[ -e /tmp/asked \] || echo two:echo two:' "$NODE/usr/local/bin/virsh"
    run agent run --again
    assert_status 1
    assert_output_has 'dump libvirt: domain two: no domain'
    a_hypervisor
    sed -i 's:</network>:</netw:' "$NODE/usr/local/bin/virsh"
    run agent run --again
    assert_status 1
    assert_output_has 'dump libvirt: network default: the dump is empty or was cut short'
    on_path virsh 'echo "error: failed to connect to the hypervisor" >&2; exit 1'
    agent run --again
    grep -q '^warning = dump libvirt: it does not answer, so only /etc/libvirt is saved: error: failed to connect' \
        "$NODE/backups/2026-11-24.3/backup.info"
}
