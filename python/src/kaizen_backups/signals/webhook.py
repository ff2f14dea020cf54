"""Calls a URL when it changes whether all is well: JSON, tried three times, within a bounded time.

The URL is often a secret, so no message shows more of it than the host.
"""

import json
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from kaizen_backups.errors import KaizenError, UnavailableError, printable
from kaizen_backups.history import stamp
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import Notify
from kaizen_backups.signals.told import Told, read_told, write_told
from kaizen_backups.signals.verdict import Verdict
from kaizen_backups.status_words import worth_a_look

_PAUSES = (1.0, 3.0)
"""Seconds before the second and the third try."""
_IN_ALL = 30.0
"""A server that sends a byte now and then is never too slow for one read: this ends it."""


class _PassingError(UnavailableError):
    """It may be over in a moment."""


def told_file(settings: Settings) -> Path:
    """Return where it is noted what was wrong when the URL was called last."""
    return settings.told_directory / "webhook.json"


def send_change(settings: Settings, verdict: Verdict, now: datetime, *, anyway: bool = False) -> bool:
    """Call the URL if something else is wrong now than when it was called last; return whether. Raises KaizenError.

    The first time it is called in any case.
    """
    if not settings.notify:
        return False
    file = told_file(settings)
    last = read_told(file)
    if not anyway and last.date and verdict.concerns() == last.concerns:
        return False
    call(settings.notify, payload(verdict, last, now))
    write_told(file, str(now.date()), verdict.concerns())
    return True


def payload(verdict: Verdict, last: Told, now: datetime) -> dict[str, Any]:
    """Return what is sent: title and text for receivers that show these, and what stands behind them."""
    bad = {status.node for status in verdict.not_safe}
    again = sorted(status.node for status in verdict.found if status.node in last.concerns - bad)
    lines = [f"{status.node}: {status.state}: {status.problem or '-'}" for status in verdict.not_safe]
    lines += [f"{trouble.kind}: {trouble.text}" for trouble in verdict.troubles]
    lines += [f"{status.node}: {words}" for status in verdict.found for words in worth_a_look(status)]
    lines += [f"{node}: safe again" for node in again]
    return {
        "title": verdict.title,
        "text": "\n".join(printable(line) for line in [verdict.title, *lines]),
        "all_well": verdict.all_is_well,
        "collector": verdict.collector,
        "at": stamp(now),
        "nodes": len(verdict.found),
        "not_safe": [
            {"node": status.node, "state": status.state.value, "problem": status.problem} for status in verdict.not_safe
        ],
        "safe_again": again,
        "rotten": {status.node: status.rotten for status in verdict.rotten},
        "not_restorable": [status.node for status in verdict.not_proven],
        "unusual": {status.node: status.unusual for status in verdict.unusual},
        "troubles": [{"kind": trouble.kind, "text": trouble.text} for trouble in verdict.troubles],
    }


def call(notify: Notify, data: dict[str, Any], pause: Callable[[float], None] = time.sleep) -> None:
    """Send it, trying again what may pass. Raises KaizenError, also when it has not ended after half a minute."""
    ended: list[KaizenError | None] = []

    def work() -> None:
        ended.append(_with_tries(notify, data, pause))

    # Nobody waits for it when the program ends.
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(_IN_ALL)
    error = ended[0] if ended else UnavailableError(f"{_host(notify)}: no end after {_IN_ALL:.0f} s")
    if error:
        raise error


def _with_tries(notify: Notify, data: dict[str, Any], pause: Callable[[float], None]) -> KaizenError | None:
    for seconds in (*_PAUSES, None):
        try:
            _post(notify, data)
            return None
        except _PassingError as error:
            if seconds is None:
                return UnavailableError(f"{error}; tried {len(_PAUSES) + 1} times")
            pause(seconds)
        except KaizenError as error:
            return error
        except Exception as error:  # a defect of ours; its words may hold the URL
            return UnavailableError(f"{_host(notify)}: unexpected {type(error).__name__}")
    return None


def _post(notify: Notify, data: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "kaizen-backups"}
    host = _host(notify)
    try:
        with requests.post(
            notify.url,
            data=json.dumps(data).encode(),
            headers=headers,
            timeout=notify.timeout,
            allow_redirects=False,
            stream=True,  # what it answers is of no interest, however much it is
        ) as answer:
            code = answer.status_code
    except requests.exceptions.SSLError:
        raise UnavailableError(f"{host}: its certificate is not good, or it speaks no TLS") from None
    except requests.exceptions.Timeout:
        raise _PassingError(f"{host}: no answer within {notify.timeout} s") from None
    except requests.exceptions.ConnectionError:
        raise _PassingError(f"{host}: cannot be reached") from None
    except requests.exceptions.RequestException as error:
        raise UnavailableError(f"{host}: {type(error).__name__}") from None
    if code >= 500 or code == 429:
        raise _PassingError(f"{host}: it answered {code}")
    if not 200 <= code < 300:
        raise UnavailableError(f"{host}: it answered {code}; is the URL right?")


def _host(notify: Notify) -> str:
    return f"notify: {urlsplit(notify.url).hostname}"
