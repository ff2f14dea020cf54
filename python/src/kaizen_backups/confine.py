"""The cage in which anything that a node sends is received, and is restored (bubblewrap).

Inside there is no network, no key, and nothing of the store but one node's directory. The only way out is the
control socket of an ssh master outside, which has logged in to that node; five capabilities are left, to give
received files their owners and modes. So nothing that a node stores can lead a later run elsewhere.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

SOCKET = "/m"
STORE = "/store"
SOURCE = "/source"
TARGET = "/target"
READY = "ready"
PLACE = "/place"

_CAPABILITIES = ("CAP_CHOWN", "CAP_FOWNER", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_SETFCAP")
_NETWORK = ("/etc/hosts", "/etc/resolv.conf", "/etc/nsswitch.conf", "/etc/ssl", "/etc/pki")


def confined(command: Sequence[str], *, socket: Path, store: Path | None) -> list[str]:
    """Return the argument list that runs `command` in the cage, with `store` writable at /store if it is given."""
    view = ["--bind", str(store), STORE] if store else []
    return _cage([*view, "--ro-bind", str(socket), SOCKET], _CAPABILITIES if store else (), command)


def restoring(
    command: Sequence[str],
    *,
    source: Path | None = None,
    target: Path | None = None,
    writable: bool = False,
    socket: Path | None = None,
) -> list[str]:
    """Return the argument list that runs `command` where nothing is to be seen but what a restore is about.

    That is a snapshot at /source, the directory restored to at /target, or the control socket of an ssh that has
    logged in. So no symlink in either tree leads anywhere else.
    """
    view = ["--ro-bind", str(source), SOURCE] if source else []
    view += ["--bind" if writable else "--ro-bind", str(target), TARGET] if target else []
    view += ["--ro-bind", str(socket), SOCKET] if socket else []
    return _cage(view, _CAPABILITIES, command)


def reading(command: Sequence[str], *, view: Mapping[Path, str], network: bool = False) -> list[str]:
    """Return the argument list that runs `command` where it sees what `view` puts where, and writes nothing.

    With `network` it has this machine's, and what names of hosts and their certificates are looked up in.
    """
    places = [word for path, place in view.items() for word in ("--ro-bind", str(path), place)]
    if network:
        places += [word for place in _NETWORK for word in ("--ro-bind-try", place, place)]
    return _cage(places, (), command, network=network)


def serving(command: Sequence[str], *, user: int, group: int, place: Path) -> list[str]:
    """Return the argument list that runs `command` as that user, without a network, until it ends or we do.

    It can write to `place` alone, which is /place there.
    """
    setpriv = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--bounding-set=-all"]
    view = ["--bind", str(place), PLACE, "--symlink", PLACE.lstrip("/"), "/tmp"]  # noqa: S108 (the cage's own)
    view += [word for file in ("/etc/group", "/etc/localtime") for word in ("--ro-bind-try", file, file)]
    return _cage(view, ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"), [*setpriv, "--", *command])


def _cage(
    view: Sequence[str], capabilities: Sequence[str], command: Sequence[str], *, network: bool = False
) -> list[str]:
    cage = ["bwrap"]
    cage += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", *([] if network else ["--unshare-net"])]
    cage += ["--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", "/usr/bin"]
    cage += ["--ro-bind", "/usr", "/usr"]
    for name in ("bin", "lib", "lib64"):
        cage += ["--symlink", f"usr/{name}", f"/{name}"]
    cage += ["--proc", "/proc", "--dev", "/dev", "--dir", "/etc", "--ro-bind", "/etc/passwd", "/etc/passwd"]
    cage += [*view, "--remount-ro", "/", "--cap-drop", "ALL"]
    for capability in capabilities:
        cage += ["--cap-add", capability]
    return [*cage, "--", *command]


def dying_with_us(command: Sequence[str], *, writable: Path) -> list[str]:
    """Return the argument list that runs `command` until it ends or we do; it can write below `writable` alone.

    It says READY, and begins when it has read a line. bwrap asks the kernel to be killed with its parent, but whose
    parent was killed just before that would live on for ever: nobody is left to write that line.
    """
    view = ["--ro-bind", "/", "/", "--dev", "/dev", "--bind", str(writable), str(writable)]
    wait = f'echo {READY} && read -r _ && exec "$@" </dev/null'
    return ["bwrap", *view, "--die-with-parent", "--new-session", "--", "sh", "-c", wait, "sh", *command]
