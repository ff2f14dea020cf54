"""Sends PuppetDB the facts and the catalog of many nodes, as a Puppet Server would. It runs where PuppetDB lets it in.

fill_puppetdb.py HOST PORT CA CERT KEY COUNT
"""

import base64
import hashlib
import http.client
import json
import ssl
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

TYPES = {"ed25519": "ssh-ed25519", "ecdsa": "ecdsa-sha2-nistp256", "rsa": "ssh-rsa"}
SIZES = {"ed25519": 36, "ecdsa": 81, "rsa": 400}
CATALOG = "00000000-0000-4000-8000-000000000000"


def name(number: int) -> str:
    return f"node{number:05}.kaizen.example"


def host_key(number: int, kind: str) -> str:
    """Return a key of the length that such a key has."""
    kind_name = TYPES[kind].encode()
    body = hashlib.shake_256(f"{number} {kind}".encode()).digest(SIZES[kind])
    return base64.b64encode(struct.pack(">I", len(kind_name)) + kind_name + body).decode()


def facts(number: int) -> dict[str, Any]:
    """Return some of the facts that a node has, among them those that are asked for."""
    fingerprints = {"sha1": f"SSHFP 1 1 {'a' * 40}", "sha256": f"SSHFP 1 2 {'b' * 64}"}
    interfaces = {f"eth{i}": {"ip": f"10.{i}.0.1", "mac": "02:00:00:00:00:01", "mtu": 1500} for i in range(4)}
    return {
        "networking": {"ip": f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "interfaces": interfaces},
        "ssh": {
            kind: {"type": TYPES[kind], "key": host_key(number, kind), "fingerprints": fingerprints} for kind in TYPES
        },
        "kaizen_backup": {"enabled": True, "role": "compute", "backups_dir": "/backups"},
        "os": {"name": "Debian", "family": "Debian", "release": {"full": "12.5", "major": "12"}},
        "processors": {"count": 64, "models": ["a processor with a name of some length"] * 64},
        "mountpoints": {f"/srv/{i}": {"device": f"/dev/sd{i}", "options": ["rw", "relatime"]} for i in range(8)},
    }


def resources(number: int) -> list[dict[str, Any]]:
    parameters: dict[str, Any] = {
        "enabled": True,
        "role": "compute" if number % 20 else "controller",
        "user": "kaizen",
        "paths": [],
    }
    files = [("File", f"/etc/file-{i}", {"ensure": "file", "mode": "0644"}) for i in range(10)]
    wanted = [("Stage", "main", {}), ("Class", "Main", {}), ("Class", "Quickstack::Backups", parameters), *files]
    more = {"exported": False, "file": "/site.pp", "line": 1, "tags": [], "aliases": []}
    return [{"type": kind, "title": title, "parameters": given, **more} for kind, title, given in wanted]


def edges() -> list[dict[str, Any]]:
    contains = {"source": {"type": "Stage", "title": "main"}, "target": {"type": "Class", "title": "Main"}}
    return [{**contains, "relationship": "contains"}]


class Sender:
    """One connection a thread."""

    def __init__(self, host: str, port: str, ca: str, cert: str, key: str) -> None:
        self._where = host, int(port)
        self._context = ssl.create_default_context(cafile=ca)
        self._context.load_cert_chain(cert, key)
        self._own = threading.local()

    def send(self, number: int) -> None:
        """Send one node's facts and catalog."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        common = {"certname": name(number), "environment": "production", "producer": "puppet.kaizen.example"}
        common["producer_timestamp"] = now
        self._command("replace_facts", 5, now, {**common, "values": facts(number)})
        ids = {"version": "1", "transaction_uuid": CATALOG, "catalog_uuid": CATALOG, "code_id": None, "job_id": None}
        catalog = {**common, **ids, "resources": resources(number), "edges": edges()}
        self._command("replace_catalog", 9, now, catalog)

    def _command(self, command: str, version: int, now: str, body: dict[str, Any]) -> None:
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPSConnection(*self._where, context=self._context)
        query = f"command={command}&version={version}&certname={body['certname']}&producer-timestamp={now}"
        headers = {"content-type": "application/json"}
        self._own.connection.request("POST", f"/pdb/cmd/v1?{query}", json.dumps(body), headers)
        answer = self._own.connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"PuppetDB refuses {command} of {body['certname']}: {text!r}")


def main() -> None:
    """Send them all, four at a time."""
    *where, count = sys.argv[1:]
    sender = Sender(*where)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(sender.send, range(int(count))))


if __name__ == "__main__":
    main()
