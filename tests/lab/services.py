"""Real services in a node, for those tests that need one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lab.clock import environment
from lab.result import LabError

if TYPE_CHECKING:
    from lab.node import Node

_MARIADB_INIT = """\
install -d -o mysql -g mysql -m 755 /run/mysqld /var/lib/mysql
if [ ! -d /var/lib/mysql/mysql ]; then
    mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket
fi
setsid --fork mariadbd --user=mysql </dev/null >>/var/log/mariadb.log 2>&1
"""

# Who may come in, and how, is as Debian's own cluster has it; its place is another, since that cluster
# shows through from the machine.
_POSTGRESQL_INIT = """\
install -d -o postgres -g postgres -m 2775 /run/postgresql
install -d -o postgres -g postgres -m 700 /var/lib/postgresql/lab
cd /var/lib/postgresql
as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }
programs=$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)
if [ ! -s lab/PG_VERSION ]; then
    as_postgres "$programs/initdb" --no-sync --encoding=UTF8 --auth-local=peer --auth-host=scram-sha-256 lab
fi
rm -f lab/postmaster.pid
as_postgres setsid --fork "$programs/postgres" -D lab -c fsync=off -c unix_socket_directories=/run/postgresql \
    </dev/null >>/var/log/postgresql-lab.log 2>&1
"""

_CRON_RESTART = r"""
touch /etc/environment
sed -i -E '/^(LD_PRELOAD|NO_FAKE_STAT|FAKETIME[A-Z_]*)=/d' /etc/environment
cat >>/etc/environment
pkill -x cron || true
rm -f /run/crond.pid
cron >/dev/null 2>&1
"""

# Not before both of its addresses are free again: the new one would go without that which is not.
_SSHD_RESTART = """
listener=$(cat /run/sshd.pid)
kill "$listener"
tail --pid="$listener" -s 0.05 -f /dev/null
mkdir -p /run/sshd
"$@" /usr/sbin/sshd -E /var/log/sshd.log >/dev/null 2>&1 </dev/null
"""


def start_mariadb(node: Node, timeout: float = 30) -> None:
    """MariaDB with a fresh data directory (the old one after a power cycle); root comes in through
    the Debian socket.

    Returns when it answers. It runs on the machine's clock.
    """
    node.plain(["sh", "-ec", _MARIADB_INIT])
    deadline = time.monotonic() + timeout
    while node.run(["mariadb", "-e", "SELECT 1"], check=False).code != 0:
        if time.monotonic() > deadline:
            raise LabError(f"{node.name}: MariaDB does not answer\n{node.read('/var/log/mariadb.log')}")
        time.sleep(0.05)


def stop_mariadb(node: Node) -> None:
    """Stop it cleanly; its data stays."""
    node.run(["mariadb-admin", "shutdown"])
    node.sh("while pgrep -x mariadbd >/dev/null; do sleep 0.05; done", timeout=30)


def start_postgresql(node: Node, timeout: float = 30) -> None:
    """PostgreSQL with a fresh data directory (the old one after a power cycle); postgres comes in
    through the Debian socket, others by password on localhost.

    Returns when it answers; does nothing when it does so already. It runs on the machine's clock.
    """
    ready = ["pg_isready", "--quiet"]
    if node.run(ready, check=False).code == 0:
        return
    node.plain(["sh", "-ec", _POSTGRESQL_INIT])
    deadline = time.monotonic() + timeout
    while node.run(ready, check=False).code != 0:
        if time.monotonic() > deadline:
            raise LabError(f"{node.name}: PostgreSQL does not answer\n{node.read('/var/log/postgresql-lab.log')}")
        time.sleep(0.05)


def start_nginx(node: Node) -> None:
    """nginx as Debian configures it: /var/www/html on port 80."""
    node.sh("nginx </dev/null >/dev/null 2>&1 || nginx -t")


def restart_sshd(node: Node, *prefix: str) -> None:
    """Start sshd anew, by its settings and host keys of now; `prefix` is a command that starts it, such as faketime."""
    node.sh(_SSHD_RESTART, *prefix)


def restart_cron(node: Node) -> None:
    """Start cron anew, on the node's clock (node.at), which its jobs then see as well.

    Debian's cron gives its jobs the variables of /etc/environment (pam_env), so the clock is
    written there; sudo and logins by ssh read the same file. Without a moved clock the file's lines
    are removed again.
    """
    ahead = node.state.offset
    moved = {} if ahead is None else environment(ahead)
    lines = "".join(f"{name}={value}\n" for name, value in moved.items())
    node.sh(_CRON_RESTART, input=lines)
