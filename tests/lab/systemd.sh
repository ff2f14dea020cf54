#!/bin/bash
# systemd.sh ROOT: run the machine's own systemd as the first process of a node that has its root directory at ROOT
# (a mount point; / when this is started in a node of the lab). Of all that a boot starts, it starts the journal and
# what is enabled of kaizen's. ROOT/run/systemd.pid names its process id, as the caller counts; it is up when there is
# ROOT/run/systemd/private. It ends when this script does, and that when its caller does.
#
#   outside: a mount namespace, and a control group of its own
#   inside:  pid, ipc, uts and cgroup namespaces; /proc, /sys, /dev; then systemd itself
#
# The machine's settings (/proc/sys), clock and modules are out of its reach.
set -euo pipefail

outside() {
    local groups group code=0
    groups=$(mktemp -d)
    mount -t cgroup2 cgroup2 "$groups"
    # Not by the process id: another node may have the same.
    group=$(mktemp -d "$groups/kaizen-XXXXXX")
    trap 'code=143' TERM INT
    (
        echo "$BASHPID" >"$group/cgroup.procs"
        exec unshare --mount --pid --ipc --uts --cgroup --fork --kill-child --propagation private "$0" inside "$1"
    ) &
    wait $! || code=$?
    kill -KILL $! 2>/dev/null || true
    wait $! 2>/dev/null || true
    # The kernel takes a moment to bury them all.
    local i
    for ((i = 0; i < 50; i++)); do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null && break
        sleep 0.1
    done
    umount "$groups" && rmdir "$groups"
    exit "$code"
}

devices() {
    local dev=$1/dev
    mount -t tmpfs -o mode=755,size=1m,nosuid dev "$dev"
    mkdir "$dev/pts" "$dev/shm"
    mknod -m 666 "$dev/null" c 1 3
    mknod -m 666 "$dev/zero" c 1 5
    mknod -m 666 "$dev/full" c 1 7
    mknod -m 666 "$dev/random" c 1 8
    mknod -m 666 "$dev/urandom" c 1 9
    mknod -m 666 "$dev/tty" c 5 0
    mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$dev/pts"
    mount -t tmpfs -o mode=1777,nosuid,nodev shm "$dev/shm"
    ln -s pts/ptmx "$dev/ptmx"
    ln -s /proc/self/fd "$dev/fd"
}

inside() {
    local root=${1%/} outside
    # /proc is still the caller's: the first field is our process id as the caller sees it.
    read -r outside _ </proc/self/stat
    mount -t proc proc "$root/proc"
    mount --bind "$root/proc/sys" "$root/proc/sys"
    mount -o remount,bind,ro "$root/proc/sys"
    [[ -z $root ]] || mount -t sysfs -o ro sysfs "$root/sys"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
    [[ -z $root ]] || devices "$root"
    # Nothing of the machine's: no services, and none of the mounts in its fstab.
    rm -rf "$root"/usr/lib/systemd/{system/*.{wants,requires},system-generators}
    find "$root"/etc/systemd/system -type l -path '*.target.*' ! -name 'kaizen-*' -delete
    # With an empty one it would set up all units anew.
    tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"
    mkdir -p "$root"/run/systemd/{system,journald.conf.d}
    printf '[Journal]\nStorage=volatile\nAudit=\n' >"$root/run/systemd/journald.conf.d/lab.conf"
    printf '[Unit]\nDefaultDependencies=no\nRequires=systemd-journald.service\nWants=basic.target\n' >"$root/run/systemd/system/lab.target"
    if [[ -n $root ]]; then
        mkdir "$root/run/old"
        cd "$root"
        pivot_root . run/old
        umount -l run/old
        rmdir run/old
    fi
    echo "$outside" >/run/systemd.pid
    exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        setpriv --bounding-set=-sys_time,-sys_module,-sys_boot \
        /lib/systemd/systemd --system --unit=lab.target --show-status=no --log-level=notice
}

case ${2:+$1} in
    outside) outside "$2" ;;
    inside) inside "$2" ;;
    *)
        # It deletes in ROOT what a node can do without, and a machine can't.
        if [[ ! -d ${1:-} || $(readlink -f "$1") == / && ! -e /run/lab/init ]] || ! mountpoint -q "$1"; then
            echo 'usage: systemd.sh ROOT, where ROOT is a mounted root directory of a node, or / in a node of the lab' >&2
            exit 2
        fi
        exec setpriv --pdeathsig TERM unshare --mount --propagation private "$0" outside "$1"
        ;;
esac
