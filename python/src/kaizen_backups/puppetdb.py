"""PuppetDB, asked over TLS with the agent's certificates, in pages, and never for longer than it may take."""

import json
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import urlsplit

import pypuppetdb
import requests
from pypuppetdb.errors import APIError

from kaizen_backups import lenient_json
from kaizen_backups.errors import ConfigError, UnavailableError, printable
from kaizen_backups.settings import PuppetDB

Row = dict[str, Any]
Query = tuple[str, Sequence[str], str]
"""What to ask: PuppetDB's entity, the fields besides the certname, and the condition, in PQL."""

PAGE = 25_000
"""Rows in a page: some 15 MB. PuppetDB sorts everything for every page, so small ones are slow."""
_TRIES = 5
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (requests.TooManyRedirects, "it redirects to somewhere else"),
    (requests.Timeout, "it does not answer"),
    (json.JSONDecodeError, "its answer is cut off, or no JSON"),
    (UnicodeDecodeError, "its answer is cut off, or no JSON"),
    (APIError, "it answers what is no list of nodes"),
)
Answer = TypeVar("Answer")


class _ShiftedError(Exception):
    """The list changed between two pages."""


def ask(settings: PuppetDB, *queries: Query) -> list[list[Row]]:
    """Return each query's rows, sorted by certname, one a certname.

    All of it together may take `settings.timeout` seconds. Raises ConfigError when a certificate file can't be read,
    and UnavailableError when PuppetDB can't be reached, refuses, fails, is too slow, or answers what is no list.
    """
    _check_files(settings)
    try:
        return _within(settings.timeout, [partial(_ask_one, settings, query) for query in queries])
    except TimeoutError:
        reason = f"it has not answered within {settings.timeout} s (sources.puppetdb.timeout)"
    except _ShiftedError:
        reason = f"its list changed while it was read, {_TRIES} times"
    except (requests.RequestException, APIError, OSError, ValueError) as error:
        reason = _reason(error)
    raise UnavailableError(f"PuppetDB {settings.url}: {reason}")


def _check_files(settings: PuppetDB) -> None:
    """Load the certificates once by themselves: what requests says of a bad one names no file."""
    for key in ("ca", "cert", "key"):
        path = getattr(settings, key)
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigError(f"sources.puppetdb.{key}: {path}: {error.strerror}") from error
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(settings.ca)
    except ssl.SSLError as error:
        raise ConfigError(f"sources.puppetdb.ca: {settings.ca}: not a CA's certificate, in PEM") from error
    try:
        # A key with a passphrase is none: there is nobody to ask for it.
        context.load_cert_chain(settings.cert, settings.key, password="")
    except ssl.SSLError as error:
        both = f"{settings.cert}, {settings.key}"
        raise ConfigError(f"sources.puppetdb.cert, key: {both}: not a certificate and its key, in PEM") from error


def _ask_one(settings: PuppetDB, query: Query) -> list[Row]:
    where = urlsplit(settings.url)
    with pypuppetdb.connect(
        host=f"[{where.hostname}]" if ":" in (where.hostname or "") else where.hostname,
        port=where.port or 8081,
        protocol="https",
        ssl_verify=str(settings.ca),
        ssl_cert=str(settings.cert),
        ssl_key=str(settings.key),
        timeout=settings.timeout,
    ) as db:
        # Neither a proxy nor a password nor a CA out of the environment.
        db.session.trust_env = False
        # Host keys come from here and nowhere else.
        db.session.max_redirects = 0
        db.session.hooks["response"].append(_read_leniently)
        return _all_pages(db.pql, query)


def _read_leniently(response: requests.Response, *_: object, **__: object) -> None:
    """Let pypuppetdb, which asks a response for its JSON, have it whatever a single node says in its facts."""
    vars(response)["json"] = lambda: lenient_json.loads(response.content)


def _all_pages(pql: Callable[[str], Any], query: Query) -> list[Row]:
    for _ in range(_TRIES):
        try:
            return _one_pass(pql, query)
        except _ShiftedError:
            continue
    raise _ShiftedError


def text(query: Query) -> str:
    """Return a query in PQL, all but its end, where what a page is may follow."""
    entity, fields, condition = query
    return f"{entity}[{', '.join(['certname', *fields])}] {{ {condition} order by certname"


def _one_pass(pql: Callable[[str], Any], query: Query) -> list[Row]:
    """Read page after page. Each begins with the last row of the one before: were it another, one would be missed."""
    rows: list[Row] = []
    while True:
        page = [_checked(row) for row in pql(f"{text(query)} limit {PAGE} offset {max(len(rows) - 1, 0)} }}")]
        if rows and (not page or page[0]["certname"] != rows[-1]["certname"]):
            raise _ShiftedError
        rows += page[1:] if rows else page
        if len(page) < PAGE:
            break
    if len({row["certname"] for row in rows}) < len(rows):
        raise _ShiftedError
    return rows


def _checked(row: Any) -> Row:
    if not isinstance(row, dict) or not isinstance(row.get("certname"), str):
        raise APIError
    return row


def _within(seconds: float, works: Sequence[Callable[[], Answer]]) -> list[Answer]:
    """Return what each of `works` returns; they run at the same time. Raises what the first that fails raises.

    Raises TimeoutError when they take longer; what still runs is then left behind. (The timeout of requests is for each
    read, so an answer that trickles in would never end.)
    """
    answers: dict[int, Answer] = {}
    errors: list[BaseException] = []

    def run(number: int, work: Callable[[], Answer]) -> None:
        try:
            answers[number] = work()
        except BaseException as error:  # raised again below, in the thread that waits
            errors.append(error)

    end = time.monotonic() + seconds
    threads = [threading.Thread(target=run, args=work, daemon=True) for work in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    if errors:
        raise errors[0]
    if len(answers) < len(works):
        raise TimeoutError
    return [answers[number] for number in range(len(works))]


def _reason(error: BaseException) -> str:
    """Say in a line why PuppetDB could not be asked; requests wraps the cause three times."""
    if isinstance(error, requests.HTTPError):
        said = printable(" ".join(error.response.text.split()))[:200]
        hint = "; its allowlist must name this host's certificate" if error.response.status_code == 403 else ""
        return f"it answers with status {error.response.status_code}: {said or error.response.reason}{hint}"
    for kind, reason in _REASONS:
        if isinstance(error, kind):
            return reason
    cause = error
    while cause.__cause__ or cause.__context__:
        cause = cause.__cause__ or cause.__context__ or cause
    said = getattr(cause, "strerror", None) or getattr(cause, "verify_message", None) or str(cause)
    return f"cannot be reached: {printable(str(said))[:200]}"
