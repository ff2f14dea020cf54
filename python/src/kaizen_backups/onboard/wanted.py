"""What is to stand on a host, in the order in which it is put there: what Puppet's classes declare."""

from dataclasses import dataclass
from enum import StrEnum

from kaizen_backups.onboard import module_files, render
from kaizen_backups.onboard.access import Door
from kaizen_backups.onboard.declaration import Declaration
from kaizen_backups.onboard.script import content_lines, data_line

HOME = "/var/lib/kaizen"
AGENT = "/usr/local/sbin/kaizen-backup"
SUDOERS = "/etc/sudoers.d/kaizen-backup"
CRON = "/etc/cron.d/kaizen-backup"
LOGROTATE = "/etc/logrotate.d/kaizen-backup"
MANUAL = "/usr/local/share/man"
_UNITS = "/etc/systemd/system/kaizen-backup"
TIMER_FILES = (f"{_UNITS}.service", f"{_UNITS}.service.d", f"{_UNITS}.service.d/paths.conf", f"{_UNITS}.timer")
_SSH_LABEL = "ssh_home_t"


class Kind(StrEnum):
    """What a path is, as host.sh calls it."""

    FILE = "file"
    DIRECTORY = "directory"
    ABSENT = "absent"


@dataclass(frozen=True)
class Wanted:
    """One path: what it is, whose, what it holds. sshd reads keys of one SELinux type; the others are the system's."""

    path: str
    kind: Kind
    mode: int = 0
    group: str = "root"
    content: str = ""
    label: str = "-"

    def data(self) -> list[str]:
        """Return the lines of data that make it so."""
        if self.kind is Kind.ABSENT:
            return [data_line("gone", self.path)]
        words = (f"{self.mode:04o}", "root", self.group, self.label, self.path)
        return [data_line(self.kind, *words), *content_lines(self.content)]

    def ownership(self) -> list[str]:
        """Return the line of data that sets owner and mode alone."""
        return [data_line("own", f"{self.mode:04o}", "root", self.group, self.label, self.path)]


def wanted(declaration: Declaration, door: Door) -> list[Wanted]:
    """Return every path, a directory before what is in it, and what judges or needs another behind that."""
    user = declaration.user
    keys = render.authorized_keys(door.keys, door.hosts, door.authorities)
    return [
        Wanted("/etc/kaizen", Kind.DIRECTORY, 0o755),
        Wanted(HOME, Kind.DIRECTORY, 0o750, group=user),
        Wanted(declaration.backups_dir, Kind.DIRECTORY, 0o700),
        Wanted(AGENT, Kind.FILE, 0o755, content=module_files.agent()),
        Wanted("/etc/kaizen/roles", Kind.DIRECTORY, 0o755),
        *(
            Wanted(f"/etc/kaizen/roles/{name}.conf", Kind.FILE, 0o644, content=text)
            for name, text in module_files.roles().items()
        ),
        Wanted("/etc/kaizen/node.conf", Kind.FILE, 0o640, content=render.node_conf(declaration)),
        Wanted(LOGROTATE, Kind.FILE, 0o644, content=render.logrotate(declaration.log_file)),
        *(Wanted(_place(name), Kind.FILE, 0o644, content=text) for name, text in module_files.pages().items()),
        Wanted("/etc/kaizen/rsyncd.conf", Kind.FILE, 0o644, content=render.rsyncd_conf(declaration)),
        Wanted(SUDOERS, Kind.FILE, 0o440, content=render.sudoers(user)),
        Wanted(f"{HOME}/.ssh", Kind.DIRECTORY, 0o750, group=user, label=_SSH_LABEL),
        Wanted(f"{HOME}/.ssh/authorized_keys", Kind.FILE, 0o640, group=user, content=keys, label=_SSH_LABEL),
        *_schedule(declaration),
    ]


def _place(page: str) -> str:
    """Return where a man page belongs: its name ends with its section."""
    return f"{MANUAL}/man{page[-1]}/{page}"


def _schedule(declaration: Declaration) -> list[Wanted]:
    service, settings, paths, timer = TIMER_FILES
    if declaration.scheduler == "cron":
        gone = [Wanted(path, Kind.ABSENT) for path in (timer, service, settings)]
        return [Wanted(CRON, Kind.FILE, 0o644, content=render.cron(declaration)), *gone]
    return [
        Wanted(CRON, Kind.ABSENT),
        Wanted(service, Kind.FILE, 0o644, content=module_files.service()),
        Wanted(settings, Kind.DIRECTORY, 0o755),
        Wanted(paths, Kind.FILE, 0o644, content=render.paths_conf(declaration)),
        Wanted(timer, Kind.FILE, 0o644, content=render.timer(declaration)),
    ]


def removal(declaration: Declaration, *, purge: bool) -> list[str]:
    """Return the lines of data that take all of it away: the schedule first, then the door, then the rest.

    The snapshots go when `purge` says so; packages stay.
    """
    service, settings, _, timer = TIMER_FILES
    gone = [CRON, timer, service, settings]
    door = [f"{HOME}/.ssh", SUDOERS, "/etc/kaizen/rsyncd.conf"]
    rest = [AGENT, "/etc/kaizen/node.conf", "/etc/kaizen/roles", LOGROTATE, *map(_place, module_files.pages())]
    if declaration.metrics_dir:
        rest.append(f"{declaration.metrics_dir}/kaizen_backup.prom")
    return [
        data_line("ours", declaration.user),
        data_line("idle"),
        data_line("timer", "off"),
        *(data_line("gone", path) for path in gone),
        data_line("reload"),
        *(data_line("gone", path) for path in door),
        data_line("nouser", declaration.user),
        *(data_line("gone", path) for path in rest),
        data_line("memory", HOME),
        data_line("logs", declaration.log_file),
        *([data_line("snapshots", declaration.backups_dir)] if purge else []),
        *(data_line("empty", path) for path in (declaration.backups_dir, HOME, "/etc/kaizen")),
        *(data_line("empty", f"{MANUAL}/{directory}") for directory in ("man5", "man8")),
        *(data_line("gone", path) for path in ("/run/kaizen-backup.lock", "/run/kaizen-rsyncd.lock")),
    ]
