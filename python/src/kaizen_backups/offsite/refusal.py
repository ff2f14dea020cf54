"""Does an append-only door really refuse to delete? It is asked to, for things that are not there.

`rclone serve restic --append-only` refuses before it looks: 403. Without --append-only it looks, and says 404.
"""

import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kaizen_backups.errors import ConfigError, KaizenError, UnavailableError, printable
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.run import ENVIRONMENT

KINDS = ("data", "index", "snapshots", "keys")
_NOTHING = "0" * 64
_SECONDS = 30
_REFUSED = "403"


def require_refusal(restic: Restic) -> None:
    """Raise KaizenError unless the door of an ssh:// repository refuses every kind of removal; or UnavailableError."""
    for kind in KINDS:
        code = ask([*restic.ssh(), "serve restic --stdio"], "DELETE", f"/{kind}/{_NOTHING}")
        if code != _REFUSED:
            raise KaizenError(
                f"{restic.stated.repository}: it does not refuse to delete ({kind}: HTTP {code}, where 403 is due):"
                " it is not append-only"
            )


def ask(door: Sequence[str], method: str, path: str, *options: str) -> str:
    """Ask the server behind a door for something; return the code of its answer. Raises UnavailableError.

    `options` are curl's.
    """
    if not shutil.which("curl"):
        raise ConfigError("curl is missing: install it")
    with _listener() as (listener, address), tempfile.TemporaryFile("w+") as said:
        curl = ["curl", "--silent", "--http2-prior-knowledge", "--unix-socket", str(address)]
        curl += ["--max-time", str(_SECONDS), "--request", method, "--output", "/dev/null"]
        curl += ["--write-out", "%{http_code}", *options, f"http://localhost{path}"]
        asking = subprocess.Popen(curl, env=ENVIRONMENT, stdout=subprocess.PIPE, text=True)
        connection, _ = listener.accept()
        with connection:
            way = connection.fileno()
            ssh = subprocess.Popen(door, env=ENVIRONMENT, stdin=way, stdout=way, stderr=said)
        code, _ = asking.communicate()
        ssh.kill()
        ssh.wait()
        said.seek(0)
        words = said.read().strip().splitlines()
    if asking.returncode != 0:
        why = printable(words[-1])[:300] if words else "nothing was said"
        raise UnavailableError(f"the door does not answer: {why}")
    return code


@contextmanager
def _listener() -> Iterator[tuple[socket.socket, Path]]:
    place = Path(tempfile.mkdtemp(prefix="kaizen-offsite-"))
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.settimeout(_SECONDS)
            listener.bind(str(place / "s"))
            listener.listen(1)
            yield listener, place / "s"
    finally:
        shutil.rmtree(place, ignore_errors=True)
