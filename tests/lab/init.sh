#!/bin/bash
# pid 1 of a node: starts the daemons, says that the node is up, and buries orphans (bash does so
# while it waits). Arguments: the node's name and this process's id outside; node.py looks for both
# in the command line to recognise it.
set -euo pipefail

/usr/sbin/sshd -E /var/log/sshd.log >/dev/null 2>&1 </dev/null
/usr/sbin/cron >/dev/null 2>&1 </dev/null
echo "up $2"
exec >/dev/null 2>&1 </dev/null
while true; do
    sleep infinity &
    wait || true
done
