"""What a restored node must have, by its role. The tree came from a node: no symlink in it is followed."""

import base64
import binascii
import configparser
import os
import re
from collections.abc import Iterable, Iterator, Mapping

from kaizen_backups.onboard.module_files import roles
from kaizen_backups.restore.contents import Kind, LeadsThroughSymlinkError, gather, lookup
from kaizen_backups.tree import show_name

_SERVICES = ("nova", "neutron", "glance", "cinder", "heat", "ceilometer", "keystone")
_FERNET = b"etc/keystone/fernet-keys"
_KEY_BYTES = 32
_LIMIT = 1 << 22  # bytes of a file that is looked into
_PATH = re.compile(r"^path *= *(/\S+)", re.MULTILINE)


def check_tree(root: int, info: Mapping[str, list[str]], version: str) -> list[str]:
    """Return what is wrong with a restored node: paths of its role, settings, keys, accounts."""
    return [
        *_missing_paths(root, info, version),
        *(problem for service in _SERVICES for problem in _bad_settings(root, service)),
        *_bad_fernet_keys(root),
        *_bad_accounts(root),
    ]


def _missing_paths(root: int, info: Mapping[str, list[str]], version: str) -> Iterator[str]:
    """Name what the role saves and the agent did not say it skipped; of an agent of another release nobody knows."""
    role = info.get("role", [""])[0]
    if info.get("agent_version") != [version]:
        return
    skipped = set(info.get("skipped_path", []))
    for path in _PATH.findall(roles().get(role, "")):  # nothing is known of a role of the site's own
        if path not in skipped and not _exists(root, path.strip("/").encode()):
            yield f"{path}, which role {role} saves, is missing"


def _exists(root: int, name: bytes) -> bool:
    try:
        return lookup(root, name) is not None
    except LeadsThroughSymlinkError:
        return True


def _bad_settings(root: int, service: str) -> Iterator[str]:
    """Read a service's own file of settings, and the others beside it that look like one."""
    top = f"etc/{service}".encode()
    for name in _files_in(root, top):
        if not name.endswith(b".conf"):
            continue
        own = name == b"%b/%b.conf" % (top, service.encode())
        try:
            text = _read(root, name).decode()
        except (OSError, UnicodeDecodeError) as error:
            yield f"/{show_name(name)} cannot be read as settings: {_words(error)}"
            continue
        if own or _begins_with_a_section(text):
            yield from _bad_ini(name, text)


def _bad_ini(name: bytes, text: str) -> Iterator[str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=False, delimiters=("=", ":"))
    try:
        parser.read_string(text)
    except configparser.Error as error:
        line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", [])), (0,))[0]
        # Not what stands there: it may be a password.
        yield f"/{show_name(name)}:{line} is no line of a file of settings"
    else:
        if not parser.sections() and not parser.defaults():
            yield f"/{show_name(name)} has no setting in it"


def _begins_with_a_section(text: str) -> bool:
    lines = (line.strip() for line in text.splitlines())
    return next((line for line in lines if line and line[0] not in "#;"), "").startswith("[")


def _bad_fernet_keys(root: int) -> Iterator[str]:
    """Keystone's tokens: files named by numbers, each a key of 32 bytes in base64; the highest is the one in use."""
    if not _exists(root, _FERNET):
        return
    keys = [name for name in _files_in(root, _FERNET) if name.rpartition(b"/")[2].isdigit()]
    if not keys:
        yield f"/{_FERNET.decode()} has no key in it"
    for name in keys:
        try:
            key = base64.b64decode(_read(root, name).strip().translate(bytes.maketrans(b"-_", b"+/")), validate=True)
        except (OSError, binascii.Error) as error:
            yield f"/{show_name(name)} is no Fernet key: {_words(error)}"
            continue
        if len(key) != _KEY_BYTES:
            yield f"/{show_name(name)} is no Fernet key: {len(key)} bytes, not {_KEY_BYTES}"


def _bad_accounts(root: int) -> Iterator[str]:
    if not _exists(root, b"etc/passwd"):
        return
    try:
        lines = _read(root, b"etc/passwd").splitlines()
    except OSError as error:
        yield f"/etc/passwd cannot be read: {_words(error)}"
        return
    if not any(line.startswith(b"root:") and line.count(b":") == 6 for line in lines):
        yield "/etc/passwd has no account root"


def check_databases(tables: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Return what is wrong with loaded databases, by their dump's name: Keystone knows at least one user."""
    found = []
    for dump, rows in tables.items():
        if re.fullmatch(r"/dumps/\w+/keystone\.(sql|dump)(\.\w+)?", dump) and not rows.get("user"):
            what = "has no row" if "user" in rows else "is missing"
            found.append(f"{dump}: the table user {what}: nobody could log in")
    return found


def missing_tables(
    tables: Mapping[str, Mapping[str, int]], before: Mapping[str, Mapping[str, int]], there: Iterable[str]
) -> list[str]:
    """Return dumps and tables that the last good drill had and this one has not; `there` are all dumps there are.

    What could not be loaded is named already.
    """
    found = [f"{dump}, which the last good drill had, is missing" for dump in before if dump not in set(there)]
    for dump, rows in tables.items():
        lost = sorted(before.get(dump, {}).keys() - rows.keys())
        found += [f"{dump}: the table {show_name(table.encode())}, which it had, is missing" for table in lost]
    return found


def _files_in(root: int, top: bytes) -> list[bytes]:
    """Return the regular files that stand in a directory itself, sorted; none where there is no such directory."""
    try:
        if lookup(root, top) is None:
            return []
    except LeadsThroughSymlinkError:
        return []
    entries = gather(root, [top], lambda _: b"").entries.values()
    return sorted(e.name for e in entries if e.kind == Kind.FILE and e.name.rpartition(b"/")[0] == top)


def _read(root: int, name: bytes) -> bytes:
    if lookup(root, name) is None:
        raise FileNotFoundError(2, "it is missing")
    with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=root), "rb") as file:
        return file.read(_LIMIT)


def _words(error: Exception) -> str:
    return (error.strerror or "unknown") if isinstance(error, OSError) else str(error)
