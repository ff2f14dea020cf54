"""Passwords: from a file that nobody else may read, from an environment variable, or from a command such as `pass`.

They are asked for once in a run. No message, log or argument list has one in it.
"""

import asyncio
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from kaizen_backups.errors import ConfigError, printable
from kaizen_backups.run import ENVIRONMENT, TooMuchOutputError, run
from kaizen_backups.switches.inventory import Source, Switch

_PATIENCE = 30.0
_LIMIT = 1 << 16  # bytes
# What pass, gopass and gpg look at beside PATH.
_PASSED_ON = ("HOME", "USER", "LOGNAME", "GNUPGHOME", "PASSWORD_STORE_DIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME")


@dataclass(frozen=True)
class Login:
    """What one switch is logged in to with. Printing it shows no password."""

    password: SecretStr | None = None
    enable: SecretStr | None = None

    def scrub(self, text: str) -> str:
        """Return a text without these passwords: a switch may repeat what it was sent."""
        for secret in (self.password, self.enable):
            if secret:
                text = text.replace(secret.get_secret_value(), "***")
        return text


class Vault:
    """The passwords of one run: each is had from its source once, however many switches share it."""

    def __init__(self) -> None:
        self._had: dict[Source, asyncio.Task[SecretStr]] = {}

    async def login(self, switch: Switch) -> Login:
        """Return what a switch is logged in to with. Raises ConfigError, also for a key that cannot be used."""
        if switch.key:
            _check_key(switch.key)
        return Login(await self._get("password", switch.password), await self._get("enable", switch.enable))

    async def _get(self, what: str, source: Source | None) -> SecretStr | None:
        if source is None:
            return None
        if source not in self._had:
            self._had[source] = asyncio.ensure_future(_read(source))
        try:
            return await asyncio.shield(self._had[source])
        except ConfigError as error:
            raise ConfigError(f"{what}: {error}") from None


async def _read(source: Source) -> SecretStr:
    if source.file:
        text, where = _from_file(source.file), str(source.file)
    elif source.environment:
        text, where = os.environ.get(source.environment, ""), f"the environment variable {source.environment}"
    else:
        assert source.command
        text, where = await _from_command(source.command), source.command[0]
    # The first line, as `pass` has it; what follows is notes.
    password = text.split("\n", 1)[0].rstrip("\r")
    if not password:
        raise ConfigError(f"{where} holds none")
    return SecretStr(password)


def _check_key(path: Path) -> None:
    try:
        _from_file(path)
    except ConfigError as error:
        raise ConfigError(f"key: {error}") from None


def _from_file(path: Path) -> str:
    try:
        with path.open() as file:
            status = os.fstat(file.fileno())
            if stat.S_IMODE(status.st_mode) & 0o077 or status.st_uid not in (0, os.geteuid()):
                raise ConfigError(f"{path}: others may read it: 'chown root' and 'chmod 600' put that right")
            return file.read(_LIMIT)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: it is no text") from None


async def _from_command(command: tuple[str, ...]) -> str:
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        async with asyncio.timeout(_PATIENCE):
            result = await run(command, limit=_LIMIT, environment={**ENVIRONMENT, **passed_on})
    except TimeoutError:
        raise ConfigError(f"{command[0]} gave no answer within {_PATIENCE:.0f} s") from None
    except OSError as error:
        raise ConfigError(f"{command[0]}: {error.strerror}") from None
    except TooMuchOutputError:
        raise ConfigError(f"{command[0]}: what it answers is endless") from None
    if result.code:
        raise ConfigError(f"{command[0]}: {printable(result.last_words)[:200]}")
    return result.out
