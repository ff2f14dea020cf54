"""Whose ssh this is: the administrator's, also when sudo made root of them."""

import os
import pwd
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from kaizen_backups.errors import DataError, UnavailableError

_KEPT = ("SSH_AUTH_SOCK", "TERM", "LANG", "DISPLAY", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE")
_MOST_OUTPUT = 16 << 20  # bytes


@dataclass(frozen=True)
class Administrator:
    """The user whose agent, settings and keys are used; ids are None where we run as that user already."""

    name: str
    home: str
    uid: int | None = None
    gid: int | None = None

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float | None = None) -> tuple[int, str, str]:
        """Run a program as that user; return its exit code, stdout and stderr. Raises UnavailableError, DataError."""
        guarded = ["prlimit", f"--fsize={_MOST_OUTPUT}", "--", *argv]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                done = subprocess.run(
                    guarded,
                    input=stdin.encode(),
                    stdout=out,
                    stderr=err,
                    env=self._environment(),
                    timeout=timeout,
                    check=False,
                    user=self.uid,
                    group=self.gid,
                    extra_groups=self._groups(),
                )
            except subprocess.TimeoutExpired:
                raise UnavailableError(f"{argv[0]} to {argv[-2]} did not end within {timeout:g} s") from None
            # Who writes may be ssh's shared connection, and not the process whose end we see.
            if max(os.fstat(file.fileno()).st_size for file in (out, err)) >= _MOST_OUTPUT:
                raise DataError(f"{argv[0]} to {argv[-2]}: what comes from there is endless")
            return done.returncode, _text(out), _text(err)

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the argument list that runs a program as that user, for whoever starts it by other means."""
        switch = [] if self.uid is None else ["setpriv", f"--reuid={self.uid}", f"--regid={self.gid}", "--init-groups"]
        return [*switch, "env", *(f"{name}={value}" for name, value in self._environment().items()), *argv]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        own = {"HOME": self.home, "USER": self.name, "LOGNAME": self.name, "PATH": "/usr/local/bin:/usr/bin:/bin"}
        return kept | own

    def _groups(self) -> list[int] | None:
        return None if self.gid is None else os.getgrouplist(self.name, self.gid)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")


def administrator() -> Administrator:
    """Return who called us: with sudo, the user before that."""
    user = pwd.getpwuid(os.geteuid())
    before = os.environ.get("SUDO_USER", "root")
    if user.pw_uid == 0 and before != "root":
        try:
            found = pwd.getpwnam(before)
        except KeyError:
            return Administrator(user.pw_name, user.pw_dir)
        return Administrator(before, found.pw_dir, found.pw_uid, found.pw_gid)
    return Administrator(user.pw_name, os.environ.get("HOME", user.pw_dir))
