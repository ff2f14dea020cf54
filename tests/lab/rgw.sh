#!/bin/bash
# The smallest real Ceph Object Gateway, on a node's loopback: one monitor, one OSD, radosgw; no authentication inside.
# usage: rgw.sh DIR PORT USER..., each of whom gets the access key USERKEY and the secret USERSECRET, in capitals.
set -euo pipefail
dir=$1 port=$2
shift 2
mkdir -p "$dir"/{mon,osd,run,log}
fsid=$(cat /proc/sys/kernel/random/uuid)
export CEPH_CONF=$dir/ceph.conf
cat >"$CEPH_CONF" <<C
[global]
fsid = $fsid
mon host = [v2:127.0.0.1:3300/0,v1:127.0.0.1:6789/0]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = $dir/run
admin socket = $dir/run/\$cluster-\$name.asok
log file = $dir/log/\$name.log
pid file = $dir/run/\$name.pid
crash dir = $dir/run
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon warn on pool no redundancy = false
osd crush chooseleaf type = 0
mon max pg per osd = 500
ms mon client mode = crc
paxos propose interval = 0.05
paxos min wait = 0.01
auth allow insecure global id reclaim = false
[mon.a]
mon data = $dir/mon
mon initial members = a
mon data avail crit = 1
mon data avail warn = 1
[osd.0]
osd objectstore = memstore
osd data = $dir/osd
osd class load list = *
osd class default list = *
memstore device bytes = 536870912
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$port
rgw thread pool size = 16
rgw dns name = 127.0.0.1
rgw enable usage log = false
rgw enable ops log = false
C
monmaptool --create --fsid "$fsid" --addv a '[v2:127.0.0.1:3300,v1:127.0.0.1:6789]' "$dir/monmap"
ceph-mon -i a --mkfs --monmap "$dir/monmap"
ceph-mon -i a
osd=$(cat /proc/sys/kernel/random/uuid)
ceph osd new "$osd" 0
ceph-osd -i 0 --mkfs --osd-uuid "$osd"
ceph-osd -i 0
radosgw -n client.rgw
for _ in $(seq 300); do
    ! curl -fs -o /dev/null "http://127.0.0.1:$port/" || break
    sleep 0.1
done
for user; do
    radosgw-admin -n client.rgw user create --uid="$user" --display-name="$user" \
        --access-key="${user^^}KEY" --secret-key="${user^^}SECRET"
done
