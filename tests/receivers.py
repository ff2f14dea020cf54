"""Who is told, in tests: a mail server and a web server on this machine, each of which keeps what it got."""

import json
import ssl
import threading
from collections.abc import Sequence
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from certificates import Certificate

USER, PASSWORD = "kaizen", "very secret"


class _Controller(Controller):
    """aiosmtpd's own expects to be told a port that is free."""

    def _trigger_server(self) -> None:
        assert self.server
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()  # type: ignore[no-untyped-call]


class MailServer:
    """A mail server; with a certificate it wants TLS and a login. `answer` is what it says to a mail's data."""

    def __init__(self, certificate: Certificate | None = None, answer: str = "250 taken") -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self._answer = answer
        options: dict[str, Any] = {}
        if certificate:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate.cert, certificate.key)
            options = {"require_starttls": True, "tls_context": context, "auth_required": True}
            options["authenticator"] = _authenticate
        self._controller = _Controller(self, hostname="127.0.0.1", port=0, **options)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep a mail, as aiosmtpd wants its handlers to."""
        assert isinstance(envelope.content, bytes)
        if self._answer.startswith("250"):
            self.mails.append(BytesParser(policy=default).parsebytes(envelope.content))
            self.recipients.append(envelope.rcpt_tos)
        return self._answer

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._controller.port)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()


def _authenticate(_server: SMTP, _session: Session, _envelope: Envelope, _kind: str, data: object) -> AuthResult:
    good = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


class WebServer:
    """A web server that answers one call after the other with these codes, and then with the last of them for ever."""

    def __init__(self, codes: Sequence[int] = (200,)) -> None:
        self.calls: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self._codes = list(codes)
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer._take(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def _take(self, request: BaseHTTPRequestHandler) -> None:
        self.paths.append(request.path)
        self.calls.append(json.loads(request.rfile.read(int(request.headers["Content-Length"]))))
        code = self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]
        request.send_response(code)
        request.send_header("Location", "/elsewhere")
        request.send_header("Content-Length", "0")
        request.end_headers()

    @property
    def url(self) -> str:
        """Where it is called; the path is a secret."""
        return f"http://127.0.0.1:{self._server.server_port}/secret-token"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
