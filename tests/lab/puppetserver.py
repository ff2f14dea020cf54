"""A Puppet Server with PuppetDB on one node of a fleet, and agents on any of them: all of it real.

    with Fleet() as fleet:
        fleet.add_all(["puppet.kaizen.example", "one.kaizen.example"])
        server = PuppetServer(fleet["puppet"], site_manifest="include quickstack::backups")
        server.agent(fleet["one"])
        server.query("inventory[certname, facts.kaizen_backup] {}")

Clocks. Both services and, unless it is told otherwise, an agent run on the machine's clock, whatever
node.at is. The CA's and the server's certificates are valid from two years ago for 13 years on, so
that a client on a node with a moved clock (`kaizen`, curl) may trust the server in all that time.
An agent's own certificate is valid from a day before it was signed, for five years; only `puppet
agent` itself looks at that, so agent(node, at=...) is for that time alone.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lab.clojure import Daemon, Program, compile_all
from lab.puppet import CHANGED_NOTHING, CHANGED_SOMETHING, HIERA_CONFIG, PUPPET
from lab.result import LabError, Result
from lab.services import start_postgresql

if TYPE_CHECKING:
    from lab.clock import When
    from lab.node import Node

SSL = "/var/lib/puppet/ssl"
_ENVIRONMENTS = "/etc/puppet/code/environments"

_PUPPETSERVER = Program(
    name="puppetserver",
    user="puppet",
    options=(
        "-Xms256m",
        "-Xmx512m",
        "-Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger",
        "-Djruby.lib=/usr/share/jruby/lib",
        "-XX:+CrashOnOutOfMemoryError",
        "-XX:ErrorFile=/var/log/puppetserver/puppetserver_err_pid%p.log",
    ),
    main=("puppetlabs.trapperkeeper.main",),
    namespace="puppetlabs.trapperkeeper.main",
    config="/etc/puppet/puppetserver/conf.d",
    services="/etc/puppet/puppetserver/services.d",
)
_PUPPETDB = Program(
    name="puppetdb",
    user="puppetdb",
    options=("-Xmx192m", "-Djava.security.egd=/dev/urandom", "-XX:OnOutOfMemoryError=kill -9 %p"),
    main=("clojure.main", "-m", "puppetlabs.puppetdb.core", "services"),
    namespace="puppetlabs.puppetdb.core",
    config="/etc/puppetdb/conf.d",
    services="/etc/puppetdb/bootstrap.cfg",
)

# Keys of 2048 bits are made in a tenth of the time.
_AGENT_CONF = "[main]\ncertname = {certname}\nserver = {server}\nkeylength = 2048\n"
_SERVER_CONF = """\
[server]
autosign = true
environment_timeout = 0
storeconfigs = true
storeconfigs_backend = puppetdb
reports = puppetdb
"""
_JETTY = """\
[jetty]
ssl-host = 0.0.0.0
ssl-port = 8081
ssl-key = /etc/puppetdb/ssl/private.pem
ssl-cert = /etc/puppetdb/ssl/public.pem
ssl-ca-cert = /etc/puppetdb/ssl/ca.pem
access-log-config = /etc/puppetdb/request-logging.xml
"""
_FILES = {
    "/etc/puppet/puppetdb.conf": "[main]\nserver_urls = https://{server}:8081\n",
    "/etc/puppet/routes.yaml": "master: {{facts: {{terminus: puppetdb, cache: yaml}}}}\n",
    "/etc/puppet/puppetserver/conf.d/lab.conf": "jruby-puppet: {{max-active-instances: 1}}\n"
    "product: {{check-for-updates: false}}\n",
    "/etc/puppetdb/conf.d/database.ini": "[database]\nsubname = //localhost/puppetdb\n"
    "username = puppetdb\npassword = puppetdb\nmaximum-pool-size = 5\n",
    "/etc/puppetdb/conf.d/jetty.ini": _JETTY,
    "/etc/puppetdb/conf.d/lab.ini": "[puppetdb]\ndisable-update-checking = true\n",
}
# What `puppetdb ssl-setup` does.
_PUPPETDB_SSL = """\
install -d -o puppetdb -g puppetdb -m 0700 /etc/puppetdb/ssl
cd /etc/puppetdb/ssl
install -o puppetdb -g puppetdb -m 0600 "$1" ca.pem
install -o puppetdb -g puppetdb -m 0600 "$2" public.pem
install -o puppetdb -g puppetdb -m 0600 "$3" private.pem
"""
_DATABASE = """\
CREATE ROLE puppetdb LOGIN PASSWORD 'puppetdb';
CREATE DATABASE puppetdb OWNER puppetdb;
\\connect puppetdb
CREATE EXTENSION pg_trgm;
"""
# An agent's first run would fetch each of Debian's modules' 230 plug-ins by a request of its own
# (40 s); so it finds them there, compares them, and fetches only what is this repository's.
_SEED_PLUGINS = """\
mkdir -p /var/cache/puppet/lib
for lib in /usr/share/puppet/modules/*/lib; do cp -R "$lib/." /var/cache/puppet/lib/; done
"""


@dataclass(frozen=True)
class Certificates:
    """Where a node has what it needs to talk to PuppetDB, once its agent has run (paths there)."""

    ca: str
    cert: str
    key: str


def certificates(node: Node) -> Certificates:
    """The certificates of the node's agent."""
    name = f"{node.name}.pem"
    return Certificates(f"{SSL}/certs/ca.pem", f"{SSL}/certs/{name}", f"{SSL}/private_keys/{name}")


def reinstall(node: Node) -> None:
    """Give a node an empty disk with a host key of its own, and boot it: what comes back has nothing
    but the name and the address.

    Its certificate's name is taken until PuppetServer.clean().
    """
    fleet = node.fleet
    fleet.power_off(node)
    disk = fleet._disk(node)
    for part in disk.path.iterdir():
        shutil.rmtree(part)
    disk.create(node.name, fleet.hosts, fleet.wheelhouse)
    fleet.power_on(node)


class PuppetServer:
    """PostgreSQL, PuppetDB and Puppet Server with its own CA, on one node; about 900 MB of memory.

    Returns when all of it answers; it ends with the node. The module quickstack is this repository,
    stdlib is Debian's. `hiera` is what common.yaml holds. After a power cycle of the node: start().
    """

    def __init__(self, node: Node, site_manifest: str = "", hiera: Mapping[str, Any] | None = None) -> None:
        self.node = node
        self.url = f"https://{node.name}:8081"
        self.set_site(site_manifest)
        self.set_hiera(hiera or {})
        compile_all(node, [_PUPPETDB, _PUPPETSERVER])
        with ThreadPoolExecutor() as pool:
            tasks = [pool.submit(self._make_database), pool.submit(self._make_ca)]
            for task in tasks:
                task.result()
        self.start()

    def start(self) -> None:
        """Start everything, at once, and wait."""
        start_postgresql(self.node)
        self._puppetdb = Daemon(self.node, _PUPPETDB)
        self._puppetserver = Daemon(self.node, _PUPPETSERVER)
        self._puppetdb.wait_ready()
        self._puppetserver.wait_ready()

    def stop_puppetdb(self) -> None:
        """Stop PuppetDB alone: catalogs can then not be had, and queries are refused."""
        self._puppetdb.stop()

    def start_puppetdb(self) -> None:
        """Start it again, with all that it knew."""
        self._puppetdb = Daemon(self.node, _PUPPETDB)
        self._puppetdb.wait_ready()

    def _make_database(self) -> None:
        start_postgresql(self.node)
        self.node.run(["psql", "-q", "-v", "ON_ERROR_STOP=1"], user="postgres", input=_DATABASE)

    def _make_ca(self) -> None:
        node = self.node
        conf = _AGENT_CONF.format(certname=node.name, server=node.name) + _SERVER_CONF
        node.write("/etc/puppet/puppet.conf", conf)
        for path, content in _FILES.items():
            node.write(path, content.format(server=node.name))
        # Should the machine have any of it: this is a node's own.
        node.sh(f"rm -rf /etc/puppet/puppetserver/ca {SSL}/* /var/lib/puppetdb/*; {_SEED_PLUGINS}")
        node.run(["puppetserver", "ca", "setup"], at=datetime.now(UTC) - timedelta(days=730))
        own = certificates(node)
        node.sh(_PUPPETDB_SSL, own.ca, own.cert, own.key)

    # -- what the server tells agents

    def set_site(self, manifest: str, environment: str = "production") -> None:
        """Replace the site manifest; the next run sees it."""
        self.node.write(f"{_ENVIRONMENTS}/{environment}/manifests/site.pp", manifest)

    def set_hiera(self, data: Mapping[str, Any], environment: str = "production") -> None:
        """Replace Hiera's common.yaml; the next run sees it."""
        place = f"{_ENVIRONMENTS}/{environment}"
        self.node.write(f"{place}/hiera.yaml", HIERA_CONFIG)
        # JSON is YAML.
        self.node.write(f"{place}/data/common.yaml", json.dumps(dict(data), indent=2) + "\n")

    def add_environment(
        self, environment: str, module: Path, site_manifest: str = "", hiera: Mapping[str, Any] | None = None
    ) -> None:
        """Add an environment whose module quickstack is a copy of that directory."""
        place = f"{_ENVIRONMENTS}/{environment}/modules/quickstack"
        pack = ["tar", "--create", "--mode=a+rX", "--exclude=./.*", "--directory", str(module), "."]
        packed = subprocess.run(pack, capture_output=True, check=True).stdout
        self.node.plain(["mkdir", "-p", place])
        self.node.plain(["tar", "--extract", "--no-same-owner", "--directory", place], packed)
        self.set_site(site_manifest, environment)
        self.set_hiera(hiera or {}, environment)

    # -- agents

    def agent(
        self,
        node: Node,
        *,
        check: bool = True,
        noop: bool = False,
        environment: str | None = None,
        at: When | None = None,
    ) -> Result:
        """`puppet agent --test` on a node. Code 0: nothing changed, 2: something did; any other one
        raises, unless check=False.

        The first run asks for a certificate, which the CA signs at once.
        """
        self._enroll(node)
        argv = [*PUPPET, "agent", "--test", "--color=false", "--waitforcert=0"]
        if not node.path(certificates(node).cert).exists():
            # The certificate is asked for a millisecond after the answer to the request for it, and
            # Puppet Server mostly does not notice that until the connection has been idle for 30 s.
            argv.append("--http_keepalive_timeout=0")
        argv += ["--noop"] if noop else []
        argv += ["--environment", environment] if environment else []
        clock = datetime.now(UTC) if at is None and node.at is not None else at
        result = node.run(argv, check=False, at=clock)
        good = (CHANGED_NOTHING, CHANGED_SOMETHING)
        return result.require(f"{node.name}: puppet agent", good) if check else result

    def _enroll(self, node: Node) -> None:
        """Tell an agent who its server is, once."""
        path = "/etc/puppet/puppet.conf"
        if f"server = {self.node.name}\n" not in node.read(path):
            node.plain(["sh", "-ec", _SEED_PLUGINS])
            node.write(path, _AGENT_CONF.format(certname=node.name, server=self.node.name))

    def clean(self, certname: str) -> None:
        """`puppetserver ca clean`: revoke and forget a certificate, so that the name can have a new one."""
        self.node.run(["puppetserver", "ca", "clean", "--certname", certname])

    # -- PuppetDB

    def query(self, pql: str) -> Any:
        """What PuppetDB answers, once it has worked off all that the agents' runs have sent it."""
        self.settled()
        return json.loads(self._ask("/pdb/query/v4", "--get", "--data-urlencode", f"query={pql}"))

    def settled(self, timeout: float = 30) -> None:
        """Return when PuppetDB has worked off its queue: facts, catalogs and reports of every run
        that has ended are then in the database."""
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

    def purge(self, certname: str) -> None:
        """Deactivate a node and let PuppetDB's own cleaning forget it, as it does 14 days later."""
        self.deactivate(certname)
        later = "UPDATE certnames SET deactivated = now() - interval '15 days' WHERE deactivated IS NOT NULL"
        psql = ["psql", "-q", "-d", "puppetdb", "-v", "ON_ERROR_STOP=1"]
        self.node.run([*psql, "-c", f"{later} AND certname = '{certname}'"], user="postgres")
        body = {"command": "clean", "version": 1, "payload": ["purge_nodes"]}
        self._ask("/pdb/admin/v1/cmd", "--json", json.dumps(body))

    def _ask(self, path: str, *more: str) -> str:
        """An answer of PuppetDB to this node."""
        own = certificates(self.node)
        line = ["curl", "--silent", "--show-error", "--fail-with-body", "--max-time", "90"]
        line += ["--cacert", own.ca, "--cert", own.cert, "--key", own.key]
        return self.node.run([*line, *more, f"{self.url}{path}"]).out
