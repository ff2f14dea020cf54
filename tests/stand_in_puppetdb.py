"""What stands in for a PuppetDB in unit tests: real TLS and HTTP, and of PQL just what the package asks.

It filters by what a query says and nothing else, so a query that forgets a condition gets too much. That the real one
understands the same queries is for the end-to-end tests.
"""

import ipaddress
import json
import re
import ssl
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from certificates import Authority
from kaizen_backups.fact_path import dig
from kaizen_backups.settings import PuppetDB
from samples import host_key

Answer = tuple[int, bytes]
_QUERY = re.compile(r"(\w+)\[(.*?)\] \{ (.*) order by certname limit (\d+) offset (\d+) \}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that went away, or were not let in."""


class StandIn(AbstractContextManager["StandIn"]):
    """A PuppetDB with these nodes: name to {"facts": ..., "parameters": ... or None without the class, "active": ...}.

    `answer` makes every answer out of the right one; `seen` has every query.
    """

    def __init__(self, authority: Authority) -> None:
        self.nodes: dict[str, dict[str, Any]] = {}
        self._addresses: dict[str, str] = {}
        self.answer: Callable[[Answer], Answer] = lambda right: right
        self.trickle: float | None = None
        self.seen: list[str] = []
        self._server = _Server(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server, client = authority.sign("puppetdb.example"), authority.sign("collector.example")
        context.load_cert_chain(server.cert, server.key)
        context.load_verify_locations(authority.ca)
        context.verify_mode = ssl.CERT_REQUIRED
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        url = f"https://127.0.0.1:{self._server.server_address[1]}"
        self.settings = PuppetDB(url=url, ca=authority.ca, cert=client.cert, key=client.key, timeout=20)

    def add(self, name: str, active: bool = True, facts: Any = None, **parameters: Any) -> None:
        """Add a node that has the class, enabled unless the parameters say otherwise. The first one is 10.0.0.4."""
        first = ipaddress.ip_address("10.0.0.4")
        address = self._addresses.setdefault(name, str(first + len(self._addresses)))
        key = {"type": "ssh-ed25519", "key": host_key(ascii(name)[1:-1]).split(" ")[1]}
        facts = {"networking": {"ip": address}, "ssh": {"ed25519": key}} if facts is None else facts
        declared = {"enabled": True, "role": "compute", "user": "kaizen", **parameters}
        self.nodes[name] = {"facts": facts, "parameters": declared, "active": active}

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the rows that a PuppetDB would."""
        match = _QUERY.fullmatch(query)
        assert match, query
        entity, fields, condition, limit, offset = match.groups()
        found = [
            {field: self._field(name, node, field) for field in fields.split(", ")}
            for name, node in sorted(self.nodes.items())
            if self._holds(entity, name, node, condition)
        ]
        return found[int(offset) : int(offset) + int(limit)]

    @staticmethod
    def _holds(entity: str, name: str, node: dict[str, Any], condition: str) -> bool:
        has_class = node["parameters"] is not None
        listed = re.search(r"certname in (\[.*?\])", condition)
        wants = {
            'title = "Quickstack::Backups"': has_class,
            "parameters.enabled = true": has_class and node["parameters"].get("enabled") is True,
            'node_state = "active"': node["active"],
        }
        if listed and name not in json.loads(listed[1]):
            return False
        there = {"inventory": node["facts"] is not None, "resources": has_class, "nodes": True}[entity]
        return there and all(holds for text, holds in wants.items() if text in condition)

    @staticmethod
    def _field(name: str, node: dict[str, Any], field: str) -> Any:
        return name if field == "certname" else dig(node, field)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                assert url.path == "/pdb/query/v4"
                (query,) = parse_qs(url.query)["query"]
                stand_in.seen.append(query)
                right = json.dumps(stand_in.rows(query)).encode()
                status, body = stand_in.answer((200, right))
                self.send_response(status)
                # A body that is shorter than the right one is cut off.
                self.send_header("Content-Length", str(max(len(right), len(body)) if status == 200 else len(body)))
                self.send_header("Connection", "close")
                if status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.end_headers()
                self._send(body)

            def _send(self, body: bytes) -> None:
                try:
                    for start in range(0, len(body), 1) if stand_in.trickle else ():
                        self.wfile.write(body[start : start + 1])
                        time.sleep(stand_in.trickle or 0)
                    if not stand_in.trickle:
                        self.wfile.write(body)
                except OSError:
                    pass  # the client went away

            def log_message(self, *_: object) -> None:
                pass

        return Handler
