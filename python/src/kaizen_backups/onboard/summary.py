"""What is protected on a host, and what is not, as far as can be seen from what is there."""

from dataclasses import dataclass

from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.facts import HostFacts
from kaizen_backups.onboard.packages import SERVERS, role_dumps, role_values, runs

# Where people keep what no package brings back.
PLACES = (
    *("/etc", "/root", "/home", "/srv", "/opt", "/usr/local", "/var/www", "/var/spool/cron", "/var/mail", "/var/vmail"),
    *("/var/lib/docker/volumes", "/var/lib/containers/storage/volumes", "/var/lib/libvirt", "/var/lib/ldap"),
    *("/var/lib/git", "/var/lib/grafana", "/var/lib/jenkins", "/var/lib/gitea", "/var/named", "/export", "/data"),
)
_WEB_SERVERS = ("nginx", "apache2", "httpd", "lighttpd", "caddy")
# Dumps of what has no server to look for: where its settings are, there it is.
_SETTINGS = {
    "hil": ("/etc/hil.cfg", "/etc/haas.cfg", "/etc/obmd"),
    "libvirt": ("/etc/libvirt",),
    "ceph": ("/etc/ceph",),
}
_SAID = {
    "packages": "the list of packages",
    "hil": "the databases that HIL's and OBMd's settings name",
    "libvirt": "libvirt's domains and networks",
    "ceph": "the Ceph cluster's keys, maps and settings",
}
_SHOWN = {"mysql": "MySQL or MariaDB", "postgresql": "PostgreSQL", "mongodb": "MongoDB", "rabbitmq": "RabbitMQ"}


@dataclass(frozen=True)
class Summary:
    """What is saved, and what is there and is not; a line each."""

    protected: tuple[str, ...]
    unprotected: tuple[str, ...]


def suggested(facts: HostFacts, stated_role: str | None) -> tuple[str, tuple[str, ...], list[str]]:
    """Return the role and the dumps for a host of which nobody said more than perhaps its role, and why."""
    why = []
    role = stated_role or "generic"
    web = next((name for name in _WEB_SERVERS if facts.has("process", name)), None)
    if web and not stated_role:
        role = "website"
        why.append(f"role website: {web} runs here")
    dumps = []
    for kind in ("mysql", "postgresql"):
        if runs(kind, facts) and kind not in role_dumps(role):
            dumps.append(kind)
            why.append(f"dump {kind}: {_SHOWN[kind]} runs here")
    return role, tuple(dumps), why


def paths_of(declaration: Declaration) -> list[str]:
    """Return every path that is to be saved, the role's and the host's own."""
    return [*role_values(declaration.role, "path"), *declaration.paths]


def summary(declaration: Declaration, facts: HostFacts) -> Summary:
    """Say what a run will save, and what it won't."""
    paths = [path for path in paths_of(declaration) if facts.has("exists", path)]
    dumps = [*role_dumps(declaration.role), *declaration.dumps]
    kinds = {dump.partition(":")[0] for dump in dumps}
    saved = [dump for dump in dict.fromkeys(dumps) if _is_there(dump, facts)]
    protected = [f"files below {' '.join(paths)}"] if paths else []
    encrypted = ", encrypted for its dump recipients" if declaration.dump_recipients else ""
    protected += [f"{_say_dump(dump)}{encrypted}" for dump in saved]
    unprotected = [
        f"{place}: no path covers it (--path {place})"
        for place in PLACES
        if facts.has("holds", place) and not _covered(place, paths)
    ]
    unprotected += [
        f"{_SHOWN[kind]} runs here, and no dump names it (--dump {kind})"
        for kind in SERVERS
        if runs(kind, facts) and kind not in kinds
    ]
    excludes = [*role_values(declaration.role, "exclude"), *declaration.excludes]
    unprotected += [f"{exclude}: left out by an exclude" for exclude in excludes if facts.has("exists", exclude)]
    return Summary(tuple(protected), tuple(unprotected))


def _covered(place: str, paths: list[str]) -> bool:
    return any(place == path.rstrip("/") or place.startswith(f"{path.rstrip('/')}/") for path in paths)


def _is_there(dump: str, facts: HostFacts) -> bool:
    if dump in _SETTINGS:
        return any(facts.has("exists", path) for path in _SETTINGS[dump])
    return dump not in SERVERS or runs(dump, facts)


def _say_dump(dump: str) -> str:
    kind, _, rest = dump.partition(":")
    if kind in _SAID:
        return _SAID[kind]
    if kind == "command":
        return f"what {rest.partition(':')[2]} prints"
    return f"the SQLite database {rest}" if kind == "sqlite" else f"every database of {_SHOWN[kind]}"
