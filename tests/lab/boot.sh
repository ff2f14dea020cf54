#!/bin/bash
# Turns a process in fresh namespaces (mount, net, uts, ipc, pid) into a node: disk, devices,
# network; then init.sh.
# Called by fleet.py with LAB_* in the environment; this is pid 1 of the node.
set -euo pipefail

new=$LAB_DISK/root
here=$(dirname "${BASH_SOURCE[0]}")
# /proc is still the machine's here: the first field is our process id as the machine sees it.
read -r outside _ </proc/self/stat

network() {
    # "netns 1" is this process, pid 1 of its namespace; the other end stays at the fleet's bridge.
    nsenter --net="/proc/$LAB_ANCHOR/ns/net" ip -batch - <<-END
		link add name $LAB_PORT type veth peer name eth0 address $LAB_MAC netns 1
		link set dev $LAB_PORT master br0 up
	END
    ip -batch - <<-END
		link set dev lo up
		address add $LAB_ADDRESS/24 dev eth0
		link set dev eth0 up
	END
}

devices() {
    local dev=$new/dev
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
    ln -s /proc/self/fd/0 "$dev/stdin"
    ln -s /proc/self/fd/1 "$dev/stdout"
    ln -s /proc/self/fd/2 "$dev/stderr"
}

read_only() {
    mount --bind "$1" "$2"
    mount -o remount,bind,ro "$2"
}

file_systems() {
    mount -t overlay -o "lowerdir=/,upperdir=$LAB_DISK/upper,workdir=$LAB_DISK/work" node "$new"
    mount -t proc proc "$new/proc"
    mount -t sysfs -o ro sysfs "$new/sys"
    mount -t tmpfs -o mode=755,nosuid,nodev run "$new/run"
    mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$new/tmp"
    mkdir -p "$new/run/sshd" "$new/run/lab/old" "$new/backups"
    mkdir -m 1777 "$new/run/lock"
    # Not through the overlay, so that hard links and inode numbers behave as on any file system.
    mount --bind "$LAB_DISK/backups" "$new/backups"
    read_only "$LAB_REPO" "$new/etc/puppet/code/environments/production/modules/quickstack"
    if [[ -n $LAB_WHEELHOUSE ]]; then
        mkdir "$new/run/lab/wheelhouse"
        read_only "$LAB_WHEELHOUSE" "$new/run/lab/wheelhouse"
    fi
    devices
}

hostname "${LAB_NAME%%.*}"
network
file_systems
cp "$here/init.sh" "$new/run/lab/init"

# pivot_root and not chroot: in a chroot the kernel forbids user namespaces, which bwrap may need.
cd "$new"
pivot_root . run/lab/old
umount -l /run/lab/old
rmdir /run/lab/old
exec env -i PATH="$LAB_PATH" HOME=/root LANG=C.UTF-8 /bin/bash /run/lab/init "$LAB_NAME" "$outside"
