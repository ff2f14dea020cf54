"""What is rendered here is what Puppet renders: both are compared with the golden files."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from kaizen_backups.onboard import module_files, render, store_door
from kaizen_backups.onboard.declaration import PATTERNS, Declaration, fits
from kaizen_backups.onboard.minute import own_minute

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "golden"
ALL: dict[str, Any] = yaml.safe_load((GOLDEN / "inputs.yaml").read_text())
INPUTS, COLLECTOR = ALL["quickstack::backups"], ALL["quickstack::backups::collector"]
ACCESS = {key: INPUTS[f"collector_{key}"] for key in ("keys", "hosts", "authorities")}
DECLARATION = Declaration.model_validate({k: v for k, v in INPUTS.items() if not k.startswith("collector_")})
RENDERED: dict[str, Callable[[], str]] = {
    "node.conf": lambda: render.node_conf(DECLARATION),
    "rsyncd.conf": lambda: render.rsyncd_conf(DECLARATION),
    "authorized_keys": lambda: render.authorized_keys(**ACCESS),
    "sudoers": lambda: render.sudoers(DECLARATION.user),
    "cron": lambda: render.cron(DECLARATION),
    "kaizen-backup.timer": lambda: render.timer(DECLARATION),
    "kaizen-backup.paths.conf": lambda: render.paths_conf(DECLARATION),
    "logrotate": lambda: render.logrotate(DECLARATION.log_file),
    "store-rsyncd.conf": lambda: store_door.rsyncd_conf(Path(COLLECTOR["store"])),
    "store-sudoers": store_door.sudoers,
    "store-authorized_keys": lambda: store_door.authorized_keys(COLLECTOR["store_readers"].values()),
}


@pytest.mark.parametrize("name", RENDERED)
def test_it_is_what_puppet_renders(name: str) -> None:
    assert RENDERED[name]() == (GOLDEN / name).read_text()


def test_no_golden_file_of_a_node_is_forgotten() -> None:
    of_a_collector = (
        "inputs.yaml",
        "collector.yaml",
        "cron-",
        "kaizen-collect.",
        "kaizen-verify.",
        "kaizen-drill.",
        "kaizen-offsite.",
    )
    names = {file.name for file in GOLDEN.iterdir()}
    assert {name for name in names if not name.startswith(of_a_collector)} == set(RENDERED)


def test_a_late_timer_ends_before_midnight_and_odd_paths_are_quoted() -> None:
    late = Declaration(cron_hour=23, cron_min=58, dumps=('sqlite:/srv/a "b" 5%/x.db',), log_file="/kaizen.log")
    assert "RandomizedDelaySec=60\n" in render.timer(late)
    assert 'ReadWritePaths="-/srv/a \\"b\\" 5%%"\n' in render.paths_conf(late)
    assert 'ReadWritePaths="-/"' not in render.paths_conf(late)


def test_the_agent_the_roles_and_the_unit_are_the_modules_own_files() -> None:
    files = ROOT / "files" / "backups"
    assert module_files.agent() == (files / "kaizen-backup").read_text()
    assert module_files.roles() == {path.stem: path.read_text() for path in (files / "roles").iterdir()}
    assert module_files.service() == (files / "systemd" / "kaizen-backup.service").read_text()
    assert f"\nreadonly VERSION={module_files.package_version()}\n" in module_files.agent()


def test_the_wheel_has_them(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT / "python", check=True, capture_output=True)
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        for file in (ROOT / "files" / "backups").rglob("*"):
            if file.is_file():
                name = file.relative_to(ROOT / "files" / "backups")
                assert wheel.read(f"kaizen_backups/module/{name}") == file.read_bytes()
        assert wheel.read("kaizen_backups/onboard/host.sh").startswith(b"#!/bin/bash\n")


def test_the_defaults_are_the_classs() -> None:
    manifest = (ROOT / "manifests" / "backups.pp").read_text()
    for name, field in Declaration.model_fields.items():
        if name == "cron_min":
            continue
        (line,) = [line for line in manifest.splitlines() if f" ${name} " in line and line.endswith(",")]
        default = line.partition(" = ")[2].removesuffix(",").strip("'")
        empty = {"[]": (), "undef": None, "false": False}
        assert empty.get(default, default) in (field.default, str(field.default)), name


# From Puppet itself: fqdn_rand(60, 'kaizen-backup') with these names.
@pytest.mark.parametrize(("name", "minute"), [("a.example", 44), ("www.kaizen.example", 20), ("x", 22)])
def test_a_host_has_the_minute_that_puppet_gives_it(name: str, minute: int) -> None:
    assert own_minute(name) == minute


AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
ED25519 = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ"
VALUES = [
    *("", "/", "/srv", "/srv/", "/srv//www", "/srv/./a", "/srv/..", "/srv/a b", "/srv/a ", "srv", "/srv\n", "/a\tb"),
    *("/backups", "/var/lib", "/var/lib/kaizen", "/etc/x", "/usr/x", "/var/backups", "/srv/x", "/home/x", "/lib64"),
    *("*.tmp", "!", "+ x", "- x", "-x", " x", "x ", "a\nb", "é", "a\x85b", "a\xa0", "\u2003x", "/srv/ü"),
    *(
        "mysql",
        "oracle",
        "hil",
        "libvirt",
        "ceph",
        "sqlite:/a/b.db",
        "sqlite:/a/../b",
        "sqlite:b",
        "command:a:/b",
        "command:-a:/b",
        "command::/b",
    ),
    *(AGE, AGE.upper(), AGE[:-1], f"{AGE} x", f"{AGE}\n", ED25519, f"{ED25519} a b", f"{ED25519} a\nb", f"{ED25519}="),
    *(f"ssh-rsa AAAAB3NzaC1yc2E{'A' * 350}=", "ssh-rsa AAAAB3NzaC1yc2EAAAA", "AGE-SECRET-KEY-1QQQQ"),
    *("--checksum", "--delete", "--bwlimit=20m", "--bwlimit=", "--timeout=1;2", "-x", "--max-size=1.5g"),
    *("kaizen", "root", "systemd-network", "systemd-", "Kaizen", "a" * 31, "a" * 32, "a" * 33, "_x", "9x", "compute"),
    *("ops@x.example", "ops,root", "ops@", "ops@x, y", "a@b.c\n", "-x"),
    *(
        "ssh-ed25519 AAAAC3==",
        "ssh-ed25519 AAAAC3 a b",
        "ssh-dss AAAA1",
        "restrict ssh-rsa AAAA1",
        "ssh-rsa AAAA1 x\ny",
    ),
    *("ssh-ed25519-cert-v01@openssh.com AAAA1", "sk-ssh-ed25519@openssh.com AAAA1", "ssh-rsa  AAAA1", "ssh-rsa BAAA"),
]
RUBY = r"""
require 'json'
types, values = JSON.parse($stdin.read)
verdicts = types.to_h do |name|
  text = File.read("types/backups/#{name}.pp")
  words = text[/Enum\[(.*?)\]/m, 1].to_s.scan(/'([^']*)'/).flatten
  patterns = text.scan(/Pattern\[\s*\/((?:\\.|[^\\\/])*)\//m).flatten.map { |source| Regexp.new(source) }
  [name, values.map { |value| words.include?(value) || patterns.any? { |pattern| pattern.match?(value) } }]
end
puts verdicts.to_json
"""


def test_what_is_refused_is_what_the_modules_types_refuse() -> None:
    done = subprocess.run(
        ["ruby", "-e", RUBY],
        input=json.dumps([list(PATTERNS), VALUES]),
        capture_output=True,
        check=True,
        text=True,
        cwd=ROOT,
    )
    for kind, verdicts in json.loads(done.stdout).items():
        assert any(verdicts), kind
        for value, taken in zip(VALUES, verdicts, strict=True):
            assert fits(kind, value) == taken, (kind, value)
