"""A Puppet Server with PuppetDB on one node of a fleet, and agents on any of them: all of it real.

    with Fleet() as fleet:
        fleet.add_all(["puppet.kaizen.example", "one.kaizen.example"])
        server = PuppetServer(fleet["puppet"], site_manifest="include quickstack::backups")
        server.agent(fleet["one"])
        server.query("inventory[certname, facts.kaizen_backup] {}")

Clocks. Both services and every agent run on the machine's clock, whatever node.at is. The CA's and
the server's certificates are valid from two years ago for 13 years on, so that a client on a node
with a moved clock (`kaizen`, curl) trusts the server in all that time. An agent's own certificate
is valid from a day before it was signed, for five years; PuppetDB, which has the right time, is
content with that, but a `puppet agent` that is run by other means than agent() looks at it too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab import clock
from lab.clojure import Daemon, Program
from lab.puppet import CHANGED_NOTHING, CHANGED_SOMETHING, HIERA_CONFIG, PUPPET
from lab.puppetdb import SSL, PuppetDB

if TYPE_CHECKING:
    from lab.node import Node
    from lab.result import Result

_ENVIRONMENTS = "/etc/puppet/code/environments"

_PROGRAM = Program(
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
# A second interpreter would need another 100 MB, and the fleet's agents leave it no processor. With
# TLS 1.3 the connection on which the CA was sent something hangs for 30 s; a first run and `ca clean`
# are such (https://github.com/OpenVoxProject/openvox-server/issues/25).
_PUPPETSERVER_CONF = """\
jruby-puppet: {max-active-instances: 1}
product: {check-for-updates: false}
webserver: {ssl-protocols: [TLSv1.2]}
"""
# An agent's first run would fetch each of Debian's modules' 230 plug-ins by a request of its own
# (40 s); so it finds them there, compares them, and fetches only what is this repository's.
_SEED_PLUGINS = """\
mkdir -p /var/cache/puppet/lib
for lib in /usr/share/puppet/modules/*/lib; do cp -R "$lib/." /var/cache/puppet/lib/; done
"""


class PuppetServer(PuppetDB):
    """PuppetDB and Puppet Server with its own CA, on one node; some 900 MB of memory.

    Returns when all of it answers; it ends with the node. The module quickstack is this repository,
    stdlib is Debian's. `hiera` is what common.yaml holds. After a power cycle of the node: start().
    """

    def __init__(self, node: Node, site_manifest: str = "", hiera: Mapping[str, Any] | None = None) -> None:
        super().__init__(node)
        self.set_site(site_manifest)
        self.set_hiera(hiera or {})
        with ThreadPoolExecutor() as pool:
            tasks = [pool.submit(self._make_database), pool.submit(self._make_ca)]
            for task in tasks:
                task.result()
        self._configure_puppetdb()
        self.start()

    def start(self) -> None:
        """Start everything, at once, and wait."""
        self._launch_puppetdb()
        puppetserver = Daemon(self.node, _PROGRAM)
        self._puppetdb.wait_ready()
        puppetserver.wait_ready()

    def _make_ca(self) -> None:
        node = self.node
        conf = _AGENT_CONF.format(certname=node.name, server=node.name) + _SERVER_CONF
        node.write("/etc/puppet/puppet.conf", conf)
        node.write("/etc/puppet/puppetdb.conf", f"[main]\nserver_urls = {self.url}\n")
        node.write("/etc/puppet/routes.yaml", "master: {facts: {terminus: puppetdb, cache: yaml}}\n")
        node.write("/etc/puppet/puppetserver/conf.d/lab.conf", _PUPPETSERVER_CONF)
        # Should the machine have such: this is the node's own.
        node.sh(f"rm -rf /etc/puppet/puppetserver/ca {SSL}/*")
        node.sh(_SEED_PLUGINS)
        node.run(["puppetserver", "ca", "setup"], at=datetime.now(UTC) - timedelta(days=730))

    # -- what the server tells agents

    def set_site(self, manifest: str) -> None:
        """Replace the site manifest; the next run sees it."""
        self.node.write(f"{_ENVIRONMENTS}/production/manifests/site.pp", manifest)

    def set_hiera(self, data: Mapping[str, Any]) -> None:
        """Replace Hiera's common.yaml; the next run sees it."""
        place = f"{_ENVIRONMENTS}/production"
        self.node.write(f"{place}/hiera.yaml", HIERA_CONFIG)
        # JSON is YAML.
        self.node.write(f"{place}/data/common.yaml", json.dumps(dict(data), indent=2) + "\n")

    # -- agents

    def agent(self, node: Node, *, check: bool = True) -> Result:
        """`puppet agent --test` on a node. Code 0: nothing changed, 2: something did; any other one
        raises, unless check=False.

        The first run asks for a certificate, which the CA signs at once.
        """
        self._enroll(node)
        right_clock = ["env", *(f"--unset={name}" for name in clock.environment(0))]
        argv = [*right_clock, *PUPPET, "agent", "--test", "--color=false", "--waitforcert=0"]
        result = node.run(argv, check=False)
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
