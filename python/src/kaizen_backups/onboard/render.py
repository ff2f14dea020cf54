"""The files of a node, as the module's templates (templates/backups/*.epp) render them: byte for byte the same.

Both are compared with tests/golden.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from kaizen_backups.onboard.declaration import Declaration

DOOR = 'restrict,command="sudo -n /usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf ."'
RULE = "(root) NOPASSWD: /usr/bin/rsync --server --daemon --config=/etc/kaizen/rsyncd.conf ."
"""The sudo rule, as `sudo -l` shows it."""
PRINCIPAL = "kaizen-collector"
"""Whom a collector's certificate names."""
_HEAD = "# Managed by Puppet, class quickstack::backups, or by kaizen-onboard: a change made here does not last."


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def node_conf(declaration: Declaration) -> str:
    """Return /etc/kaizen/node.conf."""
    d = declaration
    single = {
        "role": d.role,
        "backups_dir": d.backups_dir,
        "keep_days": d.keep_days,
        "verbosity": d.verbosity,
        "dry_run": str(d.dry_run).lower(),
        "log_file": d.log_file,
        **({"metrics_dir": d.metrics_dir} if d.metrics_dir else {}),
    }
    repeated = {
        "path": d.paths,
        "exclude": d.excludes,
        "dump": d.dumps,
        "rsync_arg": d.rsync_args,
        "dump_recipients": d.dump_recipients,
    }
    lines = [f"{key} = {value}" for key, value in single.items()]
    lines += [f"{key} = {value}" for key, values in repeated.items() for value in values]
    return _text([_HEAD, *lines])


def rsyncd_conf(declaration: Declaration) -> str:
    """Return /etc/kaizen/rsyncd.conf: the door's module."""
    day = "/[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
    return f"""[backups]
path = {declaration.backups_dir}
read only = yes
use chroot = yes
uid = 0
gid = 0
numeric ids = yes
list = no
timeout = 600
max connections = 8
lock file = /run/kaizen-rsyncd.lock
transfer logging = no
refuse options = copy-devices write-devices remove-source-files remove-sent-files log-file* copy-links copy-dirlinks \
copy-unsafe-links insecure-links
# Published snapshots and nothing else. What may be read is named here: leaving something out with "exclude" keeps \
nobody from it.
filter = + {day}/*** + {day}.[0-9]*/*** - **
"""


def authorized_keys(keys: Iterable[str], hosts: Iterable[str], authorities: Iterable[str]) -> str:
    """Return the door's authorized_keys: collectors' keys, and the authorities that sign others."""
    addresses = ",".join(sorted(set(hosts)))
    start = f'from="{addresses}",' if addresses else ""
    lines = [f"{start}{DOOR} {key}" for key in sorted(set(keys))]
    lines += [f'cert-authority,principals="{PRINCIPAL}",{DOOR} {key}' for key in sorted(set(authorities))]
    return _text(lines)


def sudoers(user: str) -> str:
    """Return /etc/sudoers.d/kaizen-backup."""
    return f"Defaults:{user} !requiretty, env_reset, !setenv\n{user} ALL={RULE}\n"


def cron(declaration: Declaration) -> str:
    """Return /etc/cron.d/kaizen-backup."""
    mail = [f"MAILTO={declaration.cron_email}"] if declaration.cron_email else []
    command = "/usr/local/sbin/kaizen-backup run >/dev/null"
    return _text(
        [
            _HEAD,
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            *mail,
            f"{declaration.cron_min} {declaration.cron_hour} * * * root {command}",
        ]
    )


def timer(declaration: Declaration) -> str:
    """Return kaizen-backup.timer. However long the delay, the run begins on the day that it is meant for."""
    left = 86400 - 3600 * declaration.cron_hour - 60 * declaration.cron_min
    return f"""{_HEAD}
[Unit]
Description=Nightly snapshot of this node

[Timer]
OnCalendar=*-*-* {declaration.cron_hour:02}:{declaration.cron_min:02}:00
Persistent=true
RandomizedDelaySec={min(300, left // 2)}
AccuracySec=1s

[Install]
WantedBy=timers.target
"""


def paths_conf(declaration: Declaration) -> str:
    """Return the drop-in that names what the unit may write to. SQLite makes files beside a database that it reads."""
    files = [declaration.log_file]
    files += [dump.removeprefix("sqlite:") for dump in declaration.dumps if dump.startswith("sqlite:")]
    places = {declaration.backups_dir, *(str(PurePosixPath(file).parent) for file in files)} - {"/"}
    places |= {declaration.metrics_dir} if declaration.metrics_dir else set()
    quoted = [re.sub(r'(["\\])', r"\\\1", place).replace("%", "%%") for place in sorted(places)]
    return _text([_HEAD, "[Service]", *(f'ReadWritePaths="-{place}"' for place in quoted)])


def logrotate(log_file: str) -> str:
    """Return /etc/logrotate.d/kaizen-backup."""
    return f"""{_HEAD}
{log_file} {{
    weekly
    rotate 8
    missingok
    notifempty
    compress
    delaycompress
    create
    su root root
}}
"""
