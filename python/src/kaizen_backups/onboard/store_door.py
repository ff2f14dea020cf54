"""The door to a collector's store, for an offsite machine: another user, another rsyncd.conf, one module [store].

As at a node's door, whoever has the key can read published snapshots, here everybody's, and do nothing else. The class
quickstack::backups::store_door makes the same: both are compared with tests/golden.
"""

import subprocess
from collections.abc import Iterable
from pathlib import Path

from kaizen_backups.errors import KaizenError, printable
from kaizen_backups.onboard.facts import DONE, HELLO
from kaizen_backups.onboard.script import content_lines, data_line, script

USER = "kaizen-store"
HOME = f"/var/lib/{USER}"
CONF = "/etc/kaizen/rsyncd-store.conf"
SUDOERS = f"/etc/sudoers.d/{USER}"
_DAEMON = f"/usr/bin/rsync --server --daemon --config={CONF} ."
_DATE = "[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]"
_REFUSED = (
    "copy-devices write-devices remove-source-files remove-sent-files log-file* copy-links copy-dirlinks"
    " copy-unsafe-links insecure-links"
)


def rsyncd_conf(store: Path) -> str:
    """Return the daemon's settings: published snapshots of nodes, and nothing else."""
    return f"""\
[store]
path = {store}
read only = yes
use chroot = yes
uid = 0
gid = 0
numeric ids = yes
list = no
timeout = 600
max connections = 64
lock file = /run/kaizen-rsyncd-store.lock
transfer logging = no
refuse options = {_REFUSED}
# Published snapshots and nothing else, as in a node's rsyncd.conf.
filter = + /[a-z0-9]*/ + /[a-z0-9]*/{_DATE}/*** + /[a-z0-9]*/{_DATE}.[0-9]*/*** - **
"""


def sudoers() -> str:
    """Return the rule that lets the user run that daemon, and nothing else."""
    return f"Defaults:{USER} !requiretty, env_reset, !setenv\n{USER} ALL=(root) NOPASSWD: {_DAEMON}\n"


def authorized_keys(keys: Iterable[str]) -> str:
    """Return the door's authorized_keys."""
    return "".join(f'restrict,command="sudo -n {_DAEMON}" {key}\n' for key in sorted(set(keys)))


def data(store: Path, keys: Iterable[str]) -> list[str]:
    """Return the data that open the door for these keys."""
    files = ((CONF, "0644", rsyncd_conf(store)), (SUDOERS, "0440", sudoers()))
    return [
        *(data_line("need", program) for program in ("rsync", "sudo", "visudo")),
        data_line("keeper", USER, HOME),
        *(line for path, mode, text in files for line in _file(path, mode, text)),
        data_line("directory", "0755", "root", "root", "-", HOME),
        data_line("directory", "0755", "root", "root", "ssh_home_t", f"{HOME}/.ssh"),
        *_file(f"{HOME}/.ssh/authorized_keys", "0644", authorized_keys(keys)),
    ]


def removal() -> list[str]:
    """Return the data that close it."""
    gone = [data_line("gone", path) for path in (f"{HOME}/.ssh", SUDOERS, CONF)]
    return [*gone, data_line("nouser", USER), data_line("empty", HOME)]


def _file(path: str, mode: str, text: str) -> list[str]:
    return [data_line("file", mode, "root", "root", "-", path), *content_lines(text)]


def carry_out(lines: Iterable[str]) -> list[str]:
    """Carry out data on this machine; return what was done. Raises KaizenError."""
    done = subprocess.run(["bash", "-s"], input=script("apply", lines), capture_output=True, text=True, check=False)
    said = done.stdout.splitlines()
    if done.returncode != 0 or not said or said[-1] != DONE:
        last = [line.removeprefix("kaizen-onboard: ") for line in done.stderr.splitlines() if line.strip()]
        raise KaizenError(printable(last[-1])[:400] if last else f"bash ended with code {done.returncode}")
    return [line.removeprefix("did ") for line in said if line not in (HELLO, DONE)]
