# A node for the agent's tests: the machine's own file system under an overlay, entered by chroot, so that the
# agent runs as it is shipped, at its own paths. `make bats` runs bats in a mount namespace of its own: all of
# this goes with it, whatever happens.
# shellcheck shell=bash

REPO=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)

setup() {
    if [[ $(readlink /proc/self/ns/mnt) == "$(readlink /proc/1/ns/mnt)" ]]; then
        echo 'run these tests by "make bats": they need a mount namespace of their own' >&2
        return 1
    fi
    NODE=$BATS_TEST_TMPDIR/node
    mkdir "$NODE"
    mount -t tmpfs -o mode=0755 node "$NODE"
    mkdir "$NODE"/{root,upper,work,backups}
    mount -t overlay -o "lowerdir=/,upperdir=$NODE/upper,workdir=$NODE/work" overlay "$NODE/root"
    NODE=$NODE/root
    mount -t proc proc "$NODE/proc"
    mount --rbind /dev "$NODE/dev"
    mount -t tmpfs -o mode=1777 shm "$NODE/dev/shm" # libfaketime's memory, which a killed run leaves behind
    mount -t tmpfs -o mode=0755 run "$NODE/run"
    mount -t tmpfs -o mode=1777 tmp "$NODE/tmp"
    rm -rf "$NODE"/{etc,var/lib}/kaizen
    mkdir -p "$NODE"/{etc/kaizen,backups,srv/data/sub,srv/other}
    mount --bind "$NODE/../backups" "$NODE/backups"
    install -m 0755 "$REPO/files/backups/kaizen-backup" "$NODE/usr/local/sbin/kaizen-backup"
    cp -r "$REPO/files/backups/roles" "$NODE/etc/kaizen/roles"
    printf '# nothing\n' >"$NODE/etc/kaizen/roles/empty.conf"
    echo one >"$NODE/srv/data/a"
    echo two >"$NODE/srv/data/sub/b"
    echo three >"$NODE/srv/other/c"
    config 'path = /srv/data' 'path = /srv/other'
}

teardown() {
    [[ ! -d ${NODE:-} ]] || umount -l -R "$NODE/.."
}

# config LINE...: node.conf, for a role that adds nothing.
config() { printf '%s\n' 'role = empty' "$@" >"$NODE/etc/kaizen/node.conf"; }

# The second env is there to be the first program that loads libfaketime: bash, when it is the first, loses the time.
on_node() { chroot "$NODE" env -i PATH="$PATH" TERM=dumb HOME=/root ${CLOCK:+"${CLOCK[@]}"} env "$@"; }

postgres() { (cd / && on_node runuser -u postgres -- "$@"); }

# A PostgreSQL server of the node's own. Its databases go with it: stop_postgres, in teardown.
start_postgres() {
    PGBIN=$(cd / && printf '%s\n' /usr/lib/postgresql/*/bin | tail -n 1)
    on_node install -d -o postgres -g postgres -m 0700 /var/lib/pg
    on_node install -d -o postgres -g postgres /run/postgresql
    postgres "$PGBIN/initdb" -D /var/lib/pg -A peer >/dev/null
    SERVER=yes
    postgres "$PGBIN/pg_ctl" -D /var/lib/pg -w -o '-c listen_addresses= -c fsync=off' -l /var/lib/pg/log start >/dev/null 3>&-
}

stop_postgres() {
    [[ -z ${SERVER:-} ]] || on_node runuser -u postgres -- "$PGBIN/pg_ctl" -D /var/lib/pg -m immediate stop >/dev/null 2>&1 || true
}

# In the background, as the leader of a process group: PID is the program's own.
spawn() {
    setsid chroot "$NODE" env -i PATH="$PATH" HOME=/root ${CLOCK:+"${CLOCK[@]}"} env "$@" 3>&- &
    # shellcheck disable=SC2034 # for the tests
    PID=$!
}

# A run that is told to end once there is /started, which something has made that it started.
end_a_run_midway() {
    spawn /usr/local/sbin/kaizen-backup run
    while [[ ! -e $NODE/started ]]; do sleep 0.05; done
    kill "$PID"
    status=0
    wait "$PID" || status=$?
    assert_status 130
}

agent() { on_node /usr/local/sbin/kaizen-backup "$@"; }

# at 'YYYY-MM-DD HH:MM:SS': the node's clock from here on (stat goes on telling the real times).
at() {
    local library
    library=$(find /usr/lib -name libfaketime.so.1 -print -quit)
    CLOCK=(LD_PRELOAD="$library" FAKETIME="@$1" NO_FAKE_STAT=1 FAKETIME_DONT_FAKE_MONOTONIC=1 TZ=UTC)
}

snapshots() { (cd "$NODE/backups" && printf '%s\n' [0-9]*) | sort -V; }

inode() { stat -c %i "$NODE/$1"; }

# What is published under a name, in everything that counts: for a comparison before and after.
picture() {
    (cd "$NODE/backups" && find . -path './[0-9]*' ! -type d -printf '%p %y %m %U:%G %T@ %s %l\n' | sort &&
        find . -path './[0-9]*' -type f -print0 | sort -z | xargs -0 -r sha256sum)
}

# The published snapshots are whole: sha256sum says so, and every file is in its list.
assert_whole() {
    local dir
    for dir in "$NODE"/backups/[0-9]*/; do
        (cd "$dir" && sha256sum --quiet -c SHA256SUMS) || return 1
        [[ $(find "$dir" -type f ! -path "$dir"SHA256SUMS -printf .) == "$(tr -dc '\n' <"$dir/SHA256SUMS" | tr '\n' .)" ]] || {
            echo "files of $dir that SHA256SUMS does not list, or the other way round"
            return 1
        }
    done
}

assert_output_has() {
    # shellcheck disable=SC2154 # bats sets output
    [[ $output == *"$1"* ]] || {
        printf 'expected to find: %s\nin: %s\n' "$1" "$output"
        return 1
    }
}

assert_status() {
    # shellcheck disable=SC2154 # bats sets status
    [[ $status -eq $1 ]] || {
        printf 'expected exit code %s, got %s:\n%s\n' "$1" "$status" "$output"
        return 1
    }
}
