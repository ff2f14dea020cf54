"""Whose ssh this is: the administrator's, also when sudo made root of them."""

import os
import pwd
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from kaizen_backups.errors import UnavailableError

_KEPT = ("SSH_AUTH_SOCK", "TERM", "LANG", "DISPLAY", "SSH_ASKPASS", "SSH_ASKPASS_REQUIRE")


@dataclass(frozen=True)
class Administrator:
    """The user whose agent, settings and keys are used; ids are None where we run as that user already."""

    name: str
    home: str
    uid: int | None = None
    gid: int | None = None

    def run(self, argv: Sequence[str], *, stdin: str = "", timeout: float | None = None) -> tuple[int, str, str]:
        """Run a program as that user; return its exit code, stdout and stderr. Raises UnavailableError on a timeout."""
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environment |= {
            "HOME": self.home,
            "USER": self.name,
            "LOGNAME": self.name,
            "PATH": "/usr/local/bin:/usr/bin:/bin",
        }
        try:
            done = subprocess.run(
                argv,
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                env=environment,
                timeout=timeout,
                check=False,
                user=self.uid,
                group=self.gid,
                extra_groups=self._groups(),
            )
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{argv[0]} to {argv[-2]} did not end within {timeout:g} s") from None
        return done.returncode, done.stdout, done.stderr

    def _groups(self) -> list[int] | None:
        return None if self.gid is None else os.getgrouplist(self.name, self.gid)


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
