"""The process that a fleet hangs on: pid 1 of the fleet's own pid, network and mount namespace.

It holds the bridge and the nodes' disks, and does nothing but watch its owner. When the owner is
gone, however it went, the anchor ends, and with it the kernel ends every process, mount and
interface of the fleet. Started by fleet.py as

    unshare --net --mount --pid --fork --kill-child python3 -I -S anchor.py STATE_DIR OWNER_PIDFD

It stands alone (no import from the lab) so that it starts in a few milliseconds.
"""

import os
import select
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

BRIDGE = """\
link set dev lo up
link add name br0 type bridge
link set dev br0 up
"""


def set_up(disks: Path) -> None:
    """The bridge, and what the nodes' disks are mounted in: both are in these namespaces alone."""
    disks.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=700,size=16m", "lab", disks], check=True)
    subprocess.run(["ip", "-batch", "-"], input=BRIDGE.encode(), check=True)


def wait_for_owner(pidfd: int, keep: Path) -> None:
    """Return when the owner is gone and has not handed the fleet over."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    poll.poll()
    while keep.exists():
        signal.pause()


def main() -> None:
    """Set up, say so, watch, tidy up."""
    directory, pidfd = Path(sys.argv[1]), int(sys.argv[2])
    disks = directory / "disks"
    set_up(disks)
    # Orphans of the fleet become our children; with SIGCHLD ignored the kernel buries them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    # /proc is still the machine's, so this is our process id as the owner sees it.
    print(Path("/proc/self").readlink(), flush=True)
    null = os.open("/dev/null", os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    wait_for_owner(pidfd, directory / "keep")
    subprocess.Popen(["umount", "-l", disks]).wait()
    shutil.rmtree(directory, ignore_errors=True)
    with suppress(OSError):  # other fleets are up
        directory.parent.rmdir()


if __name__ == "__main__":
    main()
