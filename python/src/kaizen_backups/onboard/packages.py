"""What a host needs to have installed, and what its packages are called there."""

from dataclasses import dataclass

from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.facts import HostFacts
from kaizen_backups.onboard.module_files import roles

_FAMILIES = {"apt-get": "debian", "dnf": "redhat", "yum": "redhat", "zypper": "suse"}

# Programs, any one of which will do, and the package by family of systems. What a database's own server brings along is
# not installed beside it: where the server is, it is.
_BASE: dict[tuple[str, ...], dict[str, str]] = {
    ("rsync",): {"debian": "rsync", "redhat": "rsync", "suse": "rsync"},
    ("sudo",): {"debian": "sudo", "redhat": "sudo", "suse": "sudo"},
    ("visudo",): {"debian": "sudo", "redhat": "sudo", "suse": "sudo"},
    ("zstd",): {"debian": "zstd", "redhat": "zstd", "suse": "zstd"},
    ("flock",): {"debian": "util-linux", "redhat": "util-linux", "suse": "util-linux"},
    ("awk",): {"debian": "mawk", "redhat": "gawk", "suse": "gawk"},
}
_CRON: dict[tuple[str, ...], dict[str, str]] = {
    ("cron", "crond"): {"debian": "cron", "redhat": "cronie", "suse": "cron"}
}
_AGE: dict[tuple[str, ...], dict[str, str]] = {("age",): {"debian": "age", "redhat": "age", "suse": "age"}}
_DUMPS: dict[str, dict[tuple[str, ...], dict[str, str]]] = {
    "mysql": {
        ("mariadb-dump", "mysqldump"): {"debian": "default-mysql-client", "redhat": "mariadb", "suse": "mariadb-client"}
    },
    "postgresql": {("pg_dump",): {"debian": "postgresql-client", "redhat": "postgresql", "suse": "postgresql"}},
    "sqlite": {("sqlite3",): {"debian": "sqlite3", "redhat": "sqlite", "suse": "sqlite3"}},
    "mongodb": {("mongodump",): {}},
    "rabbitmq": {("rabbitmqctl",): {}},
}
CRON_PURPOSE = "the schedule"
SERVERS = {
    "mysql": ("mariadbd", "mysqld"),
    "postgresql": ("postgres", "postmaster"),
    "mongodb": ("mongod",),
    "rabbitmq": ("beam.smp",),
}
"""The processes of databases that can be dumped."""
_TABLES: list[dict[tuple[str, ...], dict[str, str]]] = [_BASE, _CRON, _AGE, *_DUMPS.values()]
PROGRAMS = tuple(program for table in _TABLES for programs in table for program in programs)
"""Every program that is asked for."""


@dataclass(frozen=True)
class Missing:
    """A program that a host lacks; the package that has it, if that is known; what it is for."""

    program: str
    package: str | None
    purpose: str

    def __str__(self) -> str:
        where = f"package {self.package}" if self.package else "no package of it is known for this system"
        return f"{self.program}, for {self.purpose} ({where})"


def missing(declaration: Declaration, facts: HostFacts) -> list[Missing]:
    """Return what the host lacks. A role's dump of a database that isn't there is left out by the agent, too."""
    family = _FAMILIES.get(facts.get("manager"), "")
    needs = [(programs, names, "every run") for programs, names in _BASE.items()]
    if declaration.scheduler == "cron":
        needs += [(programs, names, CRON_PURPOSE) for programs, names in _CRON.items()]
    if declaration.dump_recipients:
        needs += [(programs, names, "dump recipients") for programs, names in _AGE.items()]
    for dump in dumps_needed(declaration, facts):
        needs += [(programs, names, f"the dump {dump}") for programs, names in _DUMPS.get(dump, {}).items()]
    return [
        Missing(programs[0], names.get(family), purpose)
        for programs, names, purpose in needs
        if not any(facts.has("program", program) for program in programs)
    ]


def dumps_needed(declaration: Declaration, facts: HostFacts) -> list[str]:
    """Return the kinds of dump that will be made: those declared, and the role's of which a server runs."""
    declared = [dump.partition(":")[0] for dump in declaration.dumps]
    return list(dict.fromkeys(declared + [kind for kind in role_dumps(declaration.role) if runs(kind, facts)]))


def runs(kind: str, facts: HostFacts) -> bool:
    """Tell whether a database of that kind runs on the host."""
    return any(facts.has("process", process) for process in SERVERS.get(kind, ()))


def role_values(role: str, key: str) -> list[str]:
    """Return what a shipped role says for a repeatable key; nothing for a role of a site's own."""
    lines = roles().get(role, "").splitlines()
    return [line.partition("=")[2].strip() for line in lines if line.startswith(f"{key} =")]


def role_dumps(role: str) -> list[str]:
    """Return a shipped role's dumps."""
    return role_values(role, "dump")
