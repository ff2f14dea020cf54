#!/usr/bin/env bats
# The systemd units, run by a real systemd in the node: a snapshot that they make is the one that cron makes.

load node

UNITS=/etc/systemd/system

teardown() {
    [[ -z ${SYSTEMD:-} ]] || { kill "$SYSTEMD" && wait "$SYSTEMD" || true; }
    [[ ! -d ${NODE:-} ]] || umount -l -R "$NODE/.."
}

# What Puppet installs, as the golden files have it.
install_units() {
    local unit
    cp "$REPO"/files/backups/systemd/*.service "$REPO"/tests/golden/*.timer "$NODE$UNITS/"
    for unit in kaizen-{backup,collect,verify}; do
        mkdir -p "$NODE$UNITS/$unit.service.d"
        cp "$REPO/tests/golden/$unit.paths.conf" "$NODE$UNITS/$unit.service.d/paths.conf"
    done
    printf '#!/bin/sh\n' >"$NODE/usr/local/bin/kaizen" && chmod 0755 "$NODE/usr/local/bin/kaizen"
}

# Without the machine's network, so that servers of several tests don't meet.
boot() {
    install_units
    unshare --net "$REPO/tests/lab/systemd.sh" "$NODE" >"$BATS_TEST_TMPDIR/systemd" 2>&1 3>&- &
    SYSTEMD=$!
    local i
    for ((i = 0; i < 200; i++)); do
        [[ ! -S $NODE/run/systemd/private ]] || return 0
        sleep 0.05
    done
    cat "$BATS_TEST_TMPDIR/systemd"
    return 1
}

# In the booted node, unconfined.
in_node() {
    nsenter --target "$(cat "$NODE/run/systemd.pid")" --mount --net --pid --ipc --uts --cgroup -- \
        env -i --chdir=/ PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# cron's run of its line, in what cron gives it.
as_cron() {
    in_node env --chdir=/root HOME=/root LOGNAME=root SHELL=/bin/sh "$(grep ^PATH= "$REPO/tests/golden/cron")" \
        sh -c 'umask 022 && exec /bin/sh -c "$1"' sh "/usr/local/sbin/kaizen-backup run $1 >/dev/null" </dev/null
}

# set_unit LINE...: settings of this test's own.
set_unit() {
    printf '%s\n' '[Unit]' StartLimitIntervalSec=0 '[Service]' "$@" >"$NODE$UNITS/kaizen-backup.service.d/test.conf"
    in_node systemctl daemon-reload
}

unit_run() { in_node systemctl start kaizen-backup.service; }

# The agent's words in the journal.
journal() { in_node journalctl -q --no-pager -o cat _SYSTEMD_UNIT=kaizen-backup.service _TRANSPORT=stdout; }

# differences ONE OTHER [ARGUMENT...]: of two snapshots, also in what only root sees of them. A dump's time is its own, and
# that of the snapshot's own directory is that of its backup.info.
differences() {
    in_node rsync -naHAXc --numeric-ids --modify-window=-1 --delete --itemize-changes "${@:3}" \
        --exclude=/backup.info --exclude=/SHA256SUMS --exclude=/dumps "/backups/$1/" "/backups/$2/" | grep -vxF '.d..t...... ./' || true
    [[ ! -d $NODE/backups/$1/dumps ]] || diff -r "$NODE/backups/$1/dumps" "$NODE/backups/$2/dumps"
}

# Everything that a file system says of a file, where a confined run might not get at it.
furnish() {
    local dir
    config 'path = /srv/data' 'path = /home/somebody' 'path = /root/kept' 'path = /tmp/kept' 'path = /var/tmp/kept' \
        'path = /dev/kept' 'path = /usr/lib/modules/kept' 'path = /run/user/kept'
    for dir in /home/somebody /root/kept /tmp/kept /var/tmp/kept /usr/lib/modules/kept /run/user/kept; do
        mkdir -p "$NODE$dir" && echo "$dir" >"$NODE$dir/file"
    done
    cd "$NODE/srv/data" || return
    touch old && chown 1234:5678 old && chmod 6751 old
    mkdir -m 2770 shared && chown 1234:5678 shared && touch shared/inside && chown 1234:5678 shared/inside
    mkdir -m 0000 closed && touch closed/inside && chmod 0000 closed/inside && chown -R 99:99 closed
    setfacl -m u:1234:rw,g:5678:r sub && setfacl -d -m u:1234:r sub
    setfattr -n user.origin -v 'a value' a
    setfattr -n trusted.mark -v x a
    setfattr -n security.mark -v x a
    cp /bin/true ping && setcap cap_net_raw+ep ping
    ln a hard-link && ln -s /nowhere dangling && mkfifo fifo
    mknod null c 1 3 && mknod disk b 8 0 && mknod nobodys-driver c 511 17 && mknod nobodys-disk b 511 17
    truncate -s 5M sparse && printf end >>sparse
    touch $'new\nline' $'latin\xe9'
    cd / || return
}

# In the booted node: its /dev is not the machine's.
furnish_dev() { in_node sh -c 'mkdir /dev/kept && mknod /dev/kept/disk b 8 0 && mknod /dev/kmsg c 1 11 && echo x >/dev/kept/file'; }

@test "systemd-analyze has nothing to say of the units, and finds a mistake" {
    install_units
    run on_node systemd-analyze verify "$UNITS"/kaizen-{backup,collect,verify}.{service,timer}
    assert_status 0
    [[ -z $output ]]
    sed -i 's/^PrivateMounts=/PrivateMount=/' "$NODE$UNITS/kaizen-backup.service"
    run on_node systemd-analyze verify "$UNITS/kaizen-backup.service"
    assert_output_has "Unknown key 'PrivateMount'"
}

@test "systemd-analyze rates their exposure OK" {
    install_units
    local unit
    for unit in kaizen-{backup,collect,verify}; do
        run on_node systemd-analyze security --offline=yes --threshold=49 "$UNITS/$unit.service"
        assert_status 0
        [[ ${lines[-1]} =~ 'Overall exposure level for '$unit'.service: '[0-4]'.'[0-9]' OK' ]]
    done
    printf '[Service]\nType=oneshot\nExecStart=/usr/local/bin/kaizen\n' >"$NODE$UNITS/open.service"
    run on_node systemd-analyze security --offline=yes --threshold=49 "$UNITS/open.service"
    assert_status 1
}

@test "a snapshot of the unit's is the one that cron's run makes, and what there was" {
    furnish
    boot
    furnish_dev
    unit_run
    [[ -z $(journal) ]]
    as_cron --again
    local made
    mapfile -t made < <(snapshots)
    [[ ${#made[@]} -eq 2 ]]
    [[ -z $(differences "${made[0]}" "${made[1]}") ]]
    [[ -z $(differences "${made[1]}" "${made[0]}") ]]
    [[ $(sed -n '/^files = /,/^warnings/p' "$NODE/backups/${made[0]}/backup.info" | grep -v ^changed) == $(sed -n '/^files = /,/^warnings/p' "$NODE/backups/${made[1]}/backup.info" | grep -v ^changed) ]]
    assert_whole
    # rsync, unconfined and on its own: the sources, too, are what was saved.
    run in_node rsync -naHAXcR --numeric-ids --modify-window=-1 --delete --itemize-changes /srv/data \
        /{home/somebody,{root,tmp,var/tmp,dev,usr/lib/modules,run/user}/kept} "/backups/${made[0]}/"
    assert_status 0
    [[ -z $output ]] || {
        echo "$output"
        return 1
    }
    [[ $(getfattr --only-values -n trusted.mark "$NODE/backups/${made[0]}/srv/data/a") == x ]]
    [[ $(stat -c '%u:%g %a' "$NODE/backups/${made[0]}/srv/data/old") == '1234:5678 6751' ]]
}

# One command of the site's own, which does what one may do: run as another user, with that user's limits; map memory
# that can be written and run; find a closed pipe; write here and there. And a database that SQLite writes beside.
furnish_command() {
    cat >"$NODE/srv/command" <<'END'
#!/bin/bash
runuser -u nobody -- sh -c 'id -u; ulimit -H -n; nice' </dev/null || exit
python3 -c 'import mmap; print(mmap.mmap(-1, 4096, prot=7)[0])' || exit
(set -o pipefail && seq 1000000 2>/dev/null | head -n 1; echo $?)
for dir in /var/lib /srv /tmp /var/tmp /home/somebody; do
    touch $dir/scratch && rm $dir/scratch || exit
done
END
    chmod 0755 "$NODE/srv/command"
    printf 'nobody hard nofile 600\nnobody - priority -5\n' >"$NODE/etc/security/limits.d/kept.conf"
    on_node sqlite3 /srv/wal.db 'PRAGMA journal_mode=WAL; CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)' >/dev/null
    printf 'dump = command:command:/srv/command\ndump = sqlite:/srv/wal.db\npath = /dev/kmsg\n' >>"$NODE/etc/kaizen/node.conf"
}

# unit_differs SETTING...: with these on top, is what the unit makes another than the reference, or nothing?
unit_differs() {
    rm -rf "$NODE"/backups/{[0-9],.partial-}*
    set_unit "$@"
    unit_run 2>/dev/null || return 0
    [[ -n $(differences reference "$(snapshots)" --omit-dir-times) ]]
}

@test "each capability of the unit is needed, and each restriction that it goes without would show in a snapshot" {
    furnish
    furnish_command
    boot
    furnish_dev
    as_cron
    mv "$NODE/backups/$(snapshots)" "$NODE/backups/reference"
    [[ $(cat "$NODE/backups/reference/dumps/command") == $'65534\n600\n-5\n0\n1\n141' ]]
    run unit_differs
    differences reference "$(snapshots)" --omit-dir-times
    journal
    assert_status 1
    local capability setting bad=0
    for capability in $(sed -n 's/^CapabilityBoundingSet=//p' "$NODE$UNITS/kaizen-backup.service"); do
        case $capability in
            CAP_KILL) continue ;;         # see the run that is told to end
            CAP_AUDIT_WRITE) continue ;;  # PAM's record is in no snapshot
            CAP_SYS_RESOURCE) continue ;; # what limits PAM may raise; the machine may not have it either
        esac
        unit_differs "CapabilityBoundingSet=~$capability" || {
            echo "the same without $capability"
            bad=1
        }
    done
    for setting in PrivateTmp=yes PrivateDevices=yes DeviceAllow= ProtectHome=yes ProtectHome=tmpfs ProtectHome=read-only \
        ProtectKernelModules=yes ProtectKernelLogs=yes RestrictSUIDSGID=yes MemoryDenyWriteExecute=yes IgnoreSIGPIPE=yes \
        $'ProtectSystem=strict\nReadWritePaths=/var /run /tmp /home' SystemCallFilter=~@setuid SystemCallFilter=~@resources; do
        unit_differs "$setting" || {
            echo "the same with $setting"
            bad=1
        }
    done
    return "$bad"
}

@test "what no snapshot needs is refused" {
    cat >"$NODE/srv/try" <<'END'
#!/bin/bash
mknod /tmp/disk b 7 99 && mknod /tmp/memory c 1 1
for dir in /etc /usr /usr/local/sbin /boot /etc/systemd/system; do
    touch "$dir/.try" && echo "wrote in $dir"
done
mount -t tmpfs none /mnt && echo 'mounted'
unshare --net true && echo 'made a namespace'
python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)' && echo 'opened a raw socket'
strace true 2>/dev/null && echo 'traced'
setarch i686 true && echo 'changed the personality'
chrt -f 1 true && echo 'ran in real time'
(: 3<>/tmp/disk) 2>&1 | grep -v 'not permitted' # there is none of that number, but that is not what is said
(: 3</tmp/memory) 2>&1 | grep -v 'not permitted'
grep NoNewPrivs: /proc/self/status
END
    chmod 0755 "$NODE/srv/try"
    mkdir -p "$NODE/boot"
    config 'dump = command:try:/srv/try'
    boot
    unit_run
    [[ $(cat "$NODE/backups/$(snapshots)/dumps/try") == $'NoNewPrivs:\t1' ]]
    # The same, unconfined, shows that the attempts are good ones.
    as_cron --again
    [[ $(wc -l <"$NODE/backups/$(snapshots | tail -n 1)/dumps/try") -ge 12 ]] || {
        cat "$NODE/backups/$(snapshots | tail -n 1)/dumps/try"
        return 1
    }
}

@test "a command finds the environment, directory, umask and stdin that cron gives" {
    printf '#!/bin/sh\nenv | sort; pwd; umask; id; nice; readlink /proc/self/fd/0\n' >"$NODE/srv/look"
    chmod 0755 "$NODE/srv/look"
    config 'dump = command:look:/srv/look'
    boot
    unit_run
    as_cron --again
    local made
    mapfile -t made < <(snapshots)
    # systemd adds these; LANG says nothing beside the agent's LC_ALL.
    diff <(grep -v '^\(INVOCATION_ID\|JOURNAL_STREAM\|SYSTEMD_EXEC_PID\|LANG\)=' "$NODE/backups/${made[0]}/dumps/look") \
        "$NODE/backups/${made[1]}/dumps/look"
    grep -q '^HOME=/root$' "$NODE/backups/${made[0]}/dumps/look"
}

# As in mysql.bats and dumps.bats, but both in the booted node; MariaDB over TCP, with a password, and by a socket in /tmp.
start_servers() {
    PGBIN=$(cd / && printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
    rm -rf "$NODE/var/lib/mysql"
    in_node install -d -o mysql -g mysql /var/lib/mysql /run/mysqld
    in_node mariadb-install-db --user=mysql --datadir=/var/lib/mysql --auth-root-authentication-method=socket \
        --skip-test-db --skip-name-resolve >/dev/null 2>&1
    in_node mariadbd --user=mysql --bind-address=127.0.0.1 --port=3306 --socket=/tmp/mariadb.sock --innodb-buffer-pool-size=32M \
        --innodb-log-file-size=8M --log-error=/tmp/mariadbd.log 3>&- &
    in_node install -d -o postgres -g postgres -m 0700 /var/lib/pg
    in_node install -d -o postgres -g postgres /run/postgresql
    in_node runuser -u postgres -- "$PGBIN/initdb" -D /var/lib/pg -A peer >/dev/null
    in_node runuser -u postgres -- "$PGBIN/pg_ctl" -D /var/lib/pg -w -o '-c listen_addresses= -c fsync=off' -l /var/lib/pg/log start \
        >/dev/null 3>&-
    in_node runuser -u postgres -- psql -q -c 'CREATE TABLE node AS SELECT generate_series(1, 1000) i'
    local i
    for ((i = 0; i < 100; i++)); do
        if in_node mariadb --socket=/tmp/mariadb.sock -e 'SELECT 1' >/dev/null 2>&1; then break; fi
        sleep 0.1
    done
    in_node mariadb --socket=/tmp/mariadb.sock -e "CREATE DATABASE nova; USE nova; CREATE TABLE t AS SELECT seq FROM seq_1_to_1000;
        CREATE USER saver@127.0.0.1 IDENTIFIED BY 'Hunter2'; GRANT ALL ON *.* TO saver@127.0.0.1"
    printf '[client]\nuser = saver\npassword = Hunter2\nhost = 127.0.0.1\n' >"$NODE/root/.my.cnf"
    printf '#!/bin/sh\nexec mariadb --no-defaults --socket=/tmp/mariadb.sock --user=root -e "SHOW DATABASES"\n' >"$NODE/srv/by-socket"
    chmod 0600 "$NODE/root/.my.cnf"
    chmod 0755 "$NODE/srv/by-socket"
}

@test "dumps: PostgreSQL as its own user, MariaDB over TCP and by a socket in /tmp, the same as cron's" {
    config 'dump = mysql' 'dump = postgresql' 'dump = command:by-socket:/srv/by-socket'
    boot
    start_servers
    unit_run
    [[ -z $(journal) ]]
    as_cron --again
    local made dump
    mapfile -t made < <(snapshots)
    for dump in mysql/nova.sql mysql-globals.sql postgresql/postgres.dump postgresql-globals.sql by-socket; do
        [[ -s $(echo "$NODE/backups/${made[0]}/dumps/$dump"*) ]]
    done
    [[ $(cd "$NODE/backups/${made[0]}/dumps" && find . -type f | sort) == $(cd "$NODE/backups/${made[1]}/dumps" && find . -type f | sort) ]]
    # A dump equal to the last one is a link to it; the agent is the judge of that.
    [[ $(inode "backups/${made[0]}/dumps/mysql/nova.sql.zst") == $(inode "backups/${made[1]}/dumps/mysql/nova.sql.zst") ]]
    [[ $(inode "backups/${made[0]}/dumps/postgresql/postgres.dump.zst") == $(inode "backups/${made[1]}/dumps/postgresql/postgres.dump.zst") ]]
    grep -qx nova "$NODE/backups/${made[0]}/dumps/by-socket"
    # Without the network or the way to another user it would not be so.
    local setting
    for setting in RestrictAddressFamilies=~AF_INET PrivateNetwork=yes PrivateTmp=yes CapabilityBoundingSet=~CAP_SETUID; do
        rm -rf "$NODE"/backups/{[0-9],.partial-}*
        set_unit "$setting"
        run unit_run
        assert_status 1
    done
}

@test "a run that fails is a failed unit, and its words are in the journal; the next good one ends that" {
    config 'path = /srv/missing'
    boot
    run unit_run
    assert_status 1
    [[ $(journal) == *'/srv/missing is named in /etc/kaizen/node.conf and does not exist'* ]]
    [[ $(in_node systemctl show -P ExecMainStatus kaizen-backup.service) == 1 ]]
    run in_node systemctl is-failed kaizen-backup.service
    assert_status 0
    mkdir "$NODE/srv/missing"
    unit_run
    run in_node systemctl is-failed kaizen-backup.service
    assert_status 1
}

# stop_in_dump SETTING: a run is told to end in the middle of a dump as another user. What systemd would then kill is left.
stop_in_dump() {
    set_unit KillMode=process "$@"
    rm -f "$NODE/tmp/started"
    in_node systemctl start --no-block kaizen-backup.service
    while [[ ! -e $NODE/tmp/started ]]; do sleep 0.05; done
    in_node systemctl stop kaizen-backup.service
    while in_node pgrep -x runuser >/dev/null; do sleep 0.05; done
}

@test "a run that is told to end: the agent ends what runs as other users, says so, and nothing is published" {
    printf '#!/bin/sh\nexec runuser -u nobody -- sh -c "touch /tmp/started; exec sleep 3131"\n' >"$NODE/srv/slow"
    chmod 0755 "$NODE/srv/slow"
    config 'path = /srv/data' 'dump = command:slow:/srv/slow'
    boot
    stop_in_dump
    run in_node pgrep -u nobody
    assert_status 1
    grep -qx 'exit_code = 130' "$NODE/var/lib/kaizen/last-run"
    [[ -z $(ls "$NODE/backups") ]]
    # It could not without this:
    stop_in_dump 'CapabilityBoundingSet=~CAP_KILL'
    run in_node pgrep -u nobody
    assert_status 0
    in_node pkill -u nobody
    printf '#!/bin/sh\necho quick\n' >"$NODE/srv/slow"
    set_unit
    unit_run
    assert_whole
}

@test "what lies in the system's own directories is written to as paths.conf says" {
    local place='/etc/odd "place\ 100%'
    config 'backups_dir = /usr/local/backups' 'log_file = /etc/kaizen/log/backup.log' "dump = sqlite:$place/wal.db" \
        'path = /etc/kaizen' 'path = /srv/data' 'rsync_arg = --one-file-system'
    mkdir -p "$NODE$place" "$NODE/usr/local/backups" "$NODE/etc/kaizen/log"
    on_node sqlite3 "$place/wal.db" 'PRAGMA journal_mode=WAL; CREATE TABLE t (i INTEGER); INSERT INTO t VALUES (1)' >/dev/null
    boot
    run unit_run
    assert_status 1
    set_unit 'ReadWritePaths="-/usr/local/backups"' 'ReadWritePaths="-/etc/kaizen/log"' 'ReadWritePaths="-/not/there"' \
        'ReadWritePaths="-/etc/odd \"place\\ 100%%"'
    unit_run
    # rsync's --one-file-system does not take what was opened for another file system.
    ls "$NODE"/usr/local/backups/[0-9]*/{etc/kaizen/log/backup.log,srv/data/a,dumps/sqlite/*}
}

@test "the timer: a night that was missed is made good, with the next one due at its time" {
    boot
    mkdir -p "$NODE$UNITS/kaizen-backup.timer.d" "$NODE/var/lib/systemd/timers"
    printf '[Timer]\nRandomizedDelaySec=0\n' >"$NODE$UNITS/kaizen-backup.timer.d/test.conf"
    in_node systemctl daemon-reload
    in_node systemctl enable --now kaizen-backup.timer
    sleep 1
    [[ -z $(ls "$NODE/backups") ]]
    [[ $(in_node systemctl show -P NextElapseUSecRealtime kaizen-backup.timer) == *' 01:17:00 '* ]]
    in_node systemctl stop kaizen-backup.timer
    touch -d '3 days ago' "$NODE/var/lib/systemd/timers/stamp-kaizen-backup.timer"
    in_node systemctl start kaizen-backup.timer
    local i
    for ((i = 0; i < 100; i++)); do
        [[ -z $(ls "$NODE/backups") ]] || break
        sleep 0.1
    done
    assert_whole
    [[ -n $(snapshots) ]]
    [[ $(readlink "$NODE$UNITS/timers.target.wants/kaizen-backup.timer") == */kaizen-backup.timer ]]
}
