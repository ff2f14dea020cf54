"""Programs in Clojure (Puppet Server, PuppetDB) in a node.

Debian's jars hold source, which such a program compiles anew at each start: three quarters of the
start's time. (Upstream's packages are compiled.) So it is compiled once, into .cache/clojure, which
every node sees below the module quickstack. The first start in a checkout takes a minute longer.
"""

from __future__ import annotations

import fcntl
import hashlib
import shlex
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.fleet import REPO
from lab.puppet import ENVIRONMENT
from lab.result import LabError

if TYPE_CHECKING:
    from lab.node import Node

CACHE = Path(".cache/clojure")
# Much of a run here is start: a simple collector and a compiler that does not try too hard halve it.
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_COMPILE = """\
out=$1 jar=$2 services=$3
shift 3
spaces=$(find "$services" -name '*.cfg' -exec sed -n 's,^\\([a-z].*\\)/.*,\\1,p' {} + | sort -u)
mkdir "$out"
java "$@" -cp "$out:$jar" "-Dclojure.compile.path=$out" clojure.main -e "(run! compile '[$MAIN $spaces])"
"""
_START = """\
install -d -o "$1" -g "$1" "/run/$2"
cd /
umask 027
printf 0 >"/run/$2/restart"
chown "$1:" "/run/$2/restart"
log=/var/log/$2/console.log
user=$1
export USER="$user" LOGNAME="$user" HOME
HOME=$(getent passwd "$user" | cut -d: -f6)
shift 2
setsid setpriv --reuid="$user" --regid="$user" --init-groups "$@" </dev/null >"$log" 2>&1 &
echo $!
"""


@dataclass(frozen=True)
class Program:
    """What the unit file of a package says, and how much memory it gets here.

    `options` are Java's, `main` is the main class with its first arguments, `namespace` what that
    class loads, `config` and `services` are files or directories below /etc.
    """

    name: str
    user: str
    options: tuple[str, ...]
    main: tuple[str, ...]
    namespace: str
    config: str
    services: str

    @property
    def jar(self) -> str:
        """The package's jar, which names all others that it needs."""
        return f"/usr/share/{self.name}/{self.name}.jar"

    @property
    def restart_file(self) -> str:
        """Holds 0 until the program is ready."""
        return f"/run/{self.name}/restart"


class Daemon:
    """A program that runs in a node; it ends with the node, or by stop()."""

    def __init__(self, node: Node, program: Program) -> None:
        self.node = node
        self.program = program
        line = ["java", *program.options, *_QUICK, "-cp", f"{compiled(node, program)}:{program.jar}", *program.main]
        line += ["--config", program.config, "--bootstrap-config", program.services]
        line += ["--restart-file", program.restart_file]
        script = ["bash", "-euc", _START, "bash", program.user, program.name, *line]
        self._pid = node.plain(script).out.strip()

    @property
    def is_running(self) -> bool:
        """Has it not ended?"""
        return self.node.path(f"/proc/{self._pid}").exists()

    def wait_ready(self, timeout: float = 240) -> None:
        """Return when it answers."""
        restarts = self.node.path(self.program.restart_file)
        deadline = time.monotonic() + timeout
        while restarts.read_text() in ("", "0"):
            if not self.is_running or time.monotonic() > deadline:
                how = f"is not ready after {timeout:g} s" if self.is_running else "has ended"
                raise LabError(f"{self.node.name}: {self.program.name} {how}\n{self.log()}")
            time.sleep(0.1)

    def stop(self, timeout: float = 60) -> None:
        """Stop it as its unit file would; returns when it is gone."""
        self.node.plain(["kill", self._pid])
        deadline = time.monotonic() + timeout
        while self.is_running:
            if time.monotonic() > deadline:
                raise LabError(f"{self.node.name}: {self.program.name} does not stop\n{self.log()}")
            time.sleep(0.05)

    def log(self) -> str:
        """The end of all that it said."""
        script = 'cd "/var/log/$1" && tail -v -n 40 console.log "$1.log" 2>&1 || true'
        return self.node.plain(["bash", "-c", script, "bash", self.program.name]).out


def compiled(node: Node, program: Program) -> str:
    """The program's compiled classes: a jar that every node sees. Made in this node if need be."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${Version}\n", "puppet*", "*clojure*"]
    key = hashlib.sha256(node.plain(query).out.encode()).hexdigest()[:12]
    jar = REPO / CACHE / f"{program.name}-{key}.jar"
    jar.parent.mkdir(parents=True, exist_ok=True)
    with jar.with_name(f"{program.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not jar.exists():
            _compile(node, program, jar)
    return f"{ENVIRONMENT}/modules/quickstack/{CACHE}/{jar.name}"


def _compile(node: Node, program: Program, target: Path) -> None:
    out = f"/tmp/{target.stem}"
    script = f"MAIN={shlex.quote(program.namespace)}\n{_COMPILE}"
    node.plain(["bash", "-euc", script, "bash", out, program.jar, program.services, *_QUICK])
    classes = node.path(out)
    fresh = target.with_suffix(".fresh")
    with zipfile.ZipFile(fresh, "w") as jar:
        for file in classes.rglob("*"):
            jar.write(file, file.relative_to(classes))
    for old in target.parent.glob(f"{program.name}-*.jar"):
        old.unlink()
    fresh.rename(target)
    node.plain(["rm", "-r", out])
