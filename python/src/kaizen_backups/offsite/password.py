"""The password of a repository: made once, kept for root alone, shown once for the safe."""

import base64
import os
import secrets
from pathlib import Path

from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.offsite.repository import Restic
from kaizen_backups.store import sync

SAFE = """\
This password opens the repository {name}. Without it nobody can read what is there, you included:
with this collector gone, it is all that brings the copies back. It is shown this once.

    {password}

Write it down with the repository's place, and put both in a safe, away from this machine:

    {place}
"""


def new_password() -> str:
    """Return a password that can be typed: 160 bits, in groups of four letters and digits."""
    text = base64.b32encode(secrets.token_bytes(20)).decode().lower()
    return "-".join(text[at : at + 4] for at in range(0, len(text), 4))


def write_once(path: Path, password: str) -> None:
    """Put a password where there is none, for root alone. Raises KaizenError where there is one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KaizenError(f"{path} is there already") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{password}\n")
        file.flush()
        os.fsync(file.fileno())
    sync(path.parent)


async def initialize(restic: Restic) -> str | None:
    """Make the repository, with a password of its own; return that, for the safe. Raises KaizenError.

    One that was made before and not used stays, as does a password that is there: None is returned then.
    """
    fresh = None
    if not restic.password_file.exists():
        fresh = new_password()
        write_once(restic.password_file, fresh)
    result = await restic.run("init", "--quiet")
    if result.code == 0:
        return fresh
    if fresh:
        restic.password_file.unlink()  # it opens nothing
    elif "already exists" in result.err or "already initialized" in result.err:
        await restic.require("cat", "config", "--no-lock", "--quiet")
        return None
    raise restic.failure(result)


async def add_key(restic: Restic, file: Path) -> None:
    """Give the repository a second password, which goes into a new file. Raises KaizenError."""
    if file.resolve() == restic.password_file.resolve():
        raise ConfigError(f"{file} is the password_file: choose another file")
    write_once(file, new_password())
    try:
        await restic.require("key", "add", "--quiet", f"--new-password-file={file}")
    except BaseException:
        file.unlink()
        raise
