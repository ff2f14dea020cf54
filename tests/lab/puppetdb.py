"""PuppetDB on one node of a fleet: reached over HTTPS alone, with a certificate of the fleet's CA."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from lab.clojure import Daemon, Program
from lab.result import LabError
from lab.services import start_postgresql

if TYPE_CHECKING:
    from lab.node import Node

SSL = "/var/lib/puppet/ssl"
_PROGRAM = Program(
    name="puppetdb",
    user="puppetdb",
    options=("-Xmx192m", "-Djava.security.egd=/dev/urandom", "-XX:OnOutOfMemoryError=kill -9 %p"),
    main=("clojure.main", "-m", "puppetlabs.puppetdb.core", "services"),
    namespace="puppetlabs.puppetdb.core",
    config="/etc/puppetdb/conf.d",
    services="/etc/puppetdb/bootstrap.cfg",
)
_CONF = {
    "jetty.ini": """\
[jetty]
ssl-host = 0.0.0.0
ssl-port = 8081
ssl-key = /etc/puppetdb/ssl/private.pem
ssl-cert = /etc/puppetdb/ssl/public.pem
ssl-ca-cert = /etc/puppetdb/ssl/ca.pem
access-log-config = /etc/puppetdb/request-logging.xml
""",
    "database.ini": """\
[database]
subname = //localhost/puppetdb
username = puppetdb
password = puppetdb
maximum-pool-size = 5
""",
    "lab.ini": "[puppetdb]\ndisable-update-checking = true\n",
}
# What `puppetdb ssl-setup` does.
_SSL_SETUP = """\
install -d -o puppetdb -g puppetdb -m 0700 /etc/puppetdb/ssl
cd /etc/puppetdb/ssl
install -o puppetdb -g puppetdb -m 0600 "$1" ca.pem
install -o puppetdb -g puppetdb -m 0600 "$2" public.pem
install -o puppetdb -g puppetdb -m 0600 "$3" private.pem
"""
_MAKE_DATABASE = """\
CREATE ROLE puppetdb LOGIN PASSWORD 'puppetdb';
CREATE DATABASE puppetdb OWNER puppetdb;
\\connect puppetdb
CREATE EXTENSION pg_trgm;
"""


@dataclass(frozen=True)
class Certificates:
    """Where a node has what it needs to talk to PuppetDB, once its agent has run (paths there)."""

    ca: str
    cert: str
    key: str


def certificates(node: Node) -> Certificates:
    """The certificates of a node's agent."""
    name = f"{node.name}.pem"
    return Certificates(f"{SSL}/certs/ca.pem", f"{SSL}/certs/{name}", f"{SSL}/private_keys/{name}")


class PuppetDB:
    """PuppetDB with its PostgreSQL; HTTPS at `url`, for whoever has a certificate of this node's CA."""

    _puppetdb: Daemon

    def __init__(self, node: Node) -> None:
        self.node = node
        self.url = f"https://{node.name}:8081"

    def _make_database(self) -> None:
        # Should the machine have such: this is the node's own.
        self.node.sh("rm -rf /var/lib/postgresql/lab /var/lib/puppetdb/*")
        start_postgresql(self.node)
        self.node.run(["psql", "-q", "-v", "ON_ERROR_STOP=1"], user="postgres", input=_MAKE_DATABASE)

    def _configure_puppetdb(self) -> None:
        for name, content in _CONF.items():
            self.node.write(f"/etc/puppetdb/conf.d/{name}", content)
        own = certificates(self.node)
        self.node.sh(_SSL_SETUP, own.ca, own.cert, own.key)

    def _launch_puppetdb(self) -> None:
        start_postgresql(self.node)
        self._puppetdb = Daemon(self.node, _PROGRAM)

    def start_puppetdb(self) -> None:
        """Start PuppetDB again, with all that it knew."""
        self._launch_puppetdb()
        self._puppetdb.wait_ready()

    def stop_puppetdb(self) -> None:
        """Stop PuppetDB alone: there are no catalogs then, and queries get no connection."""
        self._puppetdb.stop()

    def query(self, pql: str) -> Any:
        """What PuppetDB answers, once it has worked off its queue (see settled)."""
        self.settled()
        return json.loads(self._ask("/pdb/query/v4", "--get", "--data-urlencode", f"query={pql}"))

    def settled(self, timeout: float = 60) -> None:
        """Return when PuppetDB has worked off its queue: what the agents' runs that have ended told it
        is then in the database."""
        deadline = time.monotonic() + timeout
        while (status := self._status())["queue_depth"] != 0:
            if time.monotonic() > deadline:
                # A command that failed waits for an hour to be tried again.
                raise LabError(f"PuppetDB has not worked off its queue: {status}\n{self._puppetdb.log()}")
            time.sleep(0.05)

    def _status(self) -> dict[str, Any]:
        return cast(dict[str, Any], json.loads(self._ask("/status/v1/services/puppetdb-status"))["status"])

    def deactivate(self, certname: str) -> None:
        """What `puppet node deactivate` asks PuppetDB for; returns when it is done."""
        self.settled()  # or what is still in the queue would bring the node back
        parameters = f"certname={certname}&command=deactivate_node&version=3&secondsToWaitForCompletion=60"
        body = {"certname": certname, "producer_timestamp": datetime.now(UTC).isoformat()}
        answer = json.loads(self._ask(f"/pdb/cmd/v1?{parameters}", "--json", json.dumps(body)))
        if answer.get("processed") is not True:
            raise LabError(f"PuppetDB did not deactivate {certname}: {answer}")

    def _ask(self, path: str, *more: str) -> str:
        """An answer of PuppetDB to this node."""
        own = certificates(self.node)
        line = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "90"]
        line += ["--cacert", own.ca, "--cert", own.cert, "--key", own.key]
        return self.node.run([*line, *more, f"{self.url}{path}"]).out
