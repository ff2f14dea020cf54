"""One session with one switch: log in, get the privilege, turn paging off, ask for the configuration.

netmiko does it, and knows how each kind of switch is spoken to. It blocks, so each session has a thread.
"""

import logging
import re
from collections.abc import Iterator

from kaizen_backups.errors import ConfigError, KaizenError, RefusedError, UnavailableError, printable
from kaizen_backups.switches.credentials import Login
from kaizen_backups.switches.guard import ClosedError, Guard, UnknownKeyError, watched
from kaizen_backups.switches.host_keys import KnownHosts, changed, connect, unknown
from kaizen_backups.switches.inventory import Switch
from kaizen_backups.switches.text import configuration

_NEVER = 3600.0  # seconds: the guard ends what takes too long, whatever it is
MISSING = "netmiko is missing: /opt/kaizen/bin/pip install 'kaizen-backups[switches]'"


def fetch(switch: Switch, login: Login, known_hosts: KnownHosts) -> str:
    """Return a switch's configuration, as it is stored. Raises KaizenError, without any password in it."""
    try:
        import netmiko  # noqa: F401 (few have switches, and it takes long to load)
    except ImportError:
        raise ConfigError(MISSING) from None
    # What they would say on stderr is said better below, and what they log of a session has passwords in it.
    for name in ("paramiko", "netmiko"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    known_hosts.keys(switch.name)  # what is wrong with them is said before anything is asked
    with connect(switch, switch.timeout) as sock, Guard(sock, switch.timeout, login.scrub) as guard:
        try:
            return configuration(_converse(switch, login, known_hosts, guard), switch.family, login.scrub)
        except KaizenError as error:
            raise type(error)(login.scrub(str(error))) from None
        except Exception as error:
            kind, said = _trouble(error, switch, login, known_hosts, guard)
            raise kind(login.scrub(said)) from None


def _converse(switch: Switch, login: Login, known_hosts: KnownHosts, guard: Guard) -> str:
    kind = watched(switch.family.device_type, guard, switch.name, known_hosts.keys(switch.name))
    connection = kind(
        device_type=switch.family.device_type,
        host=switch.name,  # whose host key it is: the socket is connected
        sock=guard.sock,
        username=switch.user,
        password=login.password.get_secret_value() if login.password else "",
        secret=login.enable.get_secret_value() if login.enable else "",
        use_keys=switch.key is not None,
        key_file=str(switch.key) if switch.key else None,
        allow_agent=False,
        ssh_strict=True,
        conn_timeout=_NEVER,
        auth_timeout=_NEVER,
        banner_timeout=_NEVER,
    )
    try:
        if login.enable or switch.family.enable:
            connection.enable()
        if switch.family.paging:
            connection.disable_paging(command=switch.family.paging)
        prompt = connection.find_prompt()
        return str(
            connection.send_command(
                switch.family.command,
                expect_string=rf"(?:^|[\r\n]){re.escape(prompt)}\s*$",
                read_timeout=guard.left(),
            )
        )
    finally:
        connection.remote_conn_pre.close()  # to take leave in each family's way brings nothing


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception, and those in whose handling it was raised: netmiko replaces paramiko's."""
    found: BaseException | None = error
    while found:
        yield found
        found = found.__cause__ or found.__context__


def _trouble(
    error: Exception, switch: Switch, login: Login, known_hosts: KnownHosts, guard: Guard
) -> tuple[type[KaizenError], str]:
    """Say what ended a session, in one line, and of which kind it is."""
    import paramiko

    said = f"; the last it said: {guard.last_line()}" if guard.last_line() else ""
    if guard.over:
        return UnavailableError, f"it was not done within {guard.seconds:g} s{said}"
    chain = list(_chain(error))
    for one in chain:
        match one:
            case paramiko.BadHostKeyException():
                return RefusedError, changed(known_hosts.file, one.key, one.expected_key)
            case UnknownKeyError():
                return RefusedError, unknown(switch, known_hosts.file, one.key)
            case paramiko.AuthenticationException():
                return RefusedError, f"it does not let {printable(switch.user)} in"
    if any(isinstance(one, ClosedError | EOFError | ConnectionError) for one in chain):
        return UnavailableError, f"it closed the connection half-way{said}"
    return _not_understood(login.scrub(str(error)) or type(error).__name__, said)


def _not_understood(error: str, said: str) -> tuple[type[KaizenError], str]:
    if "enable mode" in error:
        return RefusedError, f"it does not give the privilege (enable){said}"
    first = next((line.strip() for line in error.splitlines() if line.strip()), "")
    return UnavailableError, f"it does not speak as expected ({printable(first)[:150]}){said}"
