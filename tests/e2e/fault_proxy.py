"""Stands between a collector and a PuppetDB, and answers for it as the file of faults says. It runs in the Puppet node.

    fault_proxy.py PORT UPSTREAM CA CERT KEY FAULTS

The file FAULTS holds one word; without it every answer is PuppetDB's own. down: hang up. slow: answer after a minute.
trickle: a byte a second. 500: an error. half: the answer breaks off. cut: half of it, though well-formed HTTP. empty: a
list without nodes. redirect: to somewhere else. digits, nested: the first address in it is a number of 5,000 digits, or
as many lists within each other.
"""

import http.client
import re
import socket
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PORT, UPSTREAM, CA, CERT, KEY, FAULTS = sys.argv[1:]
ABSURD = {"digits": b"1" * 5000, "nested": b"[" * 5000 + b"]" * 5000}


class Proxy(BaseHTTPRequestHandler):
    """Passes a query on, unless there is a fault."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        fault = Path(FAULTS).read_text().strip() if Path(FAULTS).exists() else ""
        if fault == "down":
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        status, body = _ask(self.path)
        if fault in ABSURD:
            body = re.sub(rb'(?<="facts.networking.ip":)"[^"]*"', ABSURD[fault], body, count=1)
        length = len(body)
        if fault == "500":
            status, body = 500, b"java.lang.OutOfMemoryError\n"
        elif fault == "empty":
            body = b"[]"
        elif fault in ("half", "cut"):
            body = body[: len(body) // 2]
        elif fault == "redirect":
            status = 302
        self.send_response(status)
        self.send_header("Content-Length", str(length if fault == "half" else len(body)))
        if fault == "redirect":
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()
        if fault == "slow":
            time.sleep(60)
        for start in range(len(body)) if fault == "trickle" else ():
            self.wfile.write(body[start : start + 1])
            time.sleep(1)
        if fault != "trickle":
            self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Says nothing of clients that went away."""

    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """Say nothing."""


def _context(purpose: ssl.Purpose) -> ssl.SSLContext:
    context = ssl.create_default_context(purpose, cafile=CA)
    context.load_cert_chain(CERT, KEY)
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _ask(path: str) -> tuple[int, bytes]:
    host, _, port = UPSTREAM.partition(":")
    connection = http.client.HTTPSConnection(host, int(port), context=_context(ssl.Purpose.SERVER_AUTH))
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read()


server = Server(("0.0.0.0", int(PORT)), Proxy)
server.socket = _context(ssl.Purpose.CLIENT_AUTH).wrap_socket(
    server.socket, server_side=True, do_handshake_on_connect=False
)
server.serve_forever()
