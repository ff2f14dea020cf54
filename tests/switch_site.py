"""A collector's settings, its switches.yaml and known_hosts, and `kaizen` run with them."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import paramiko
import yaml
from click.testing import CliRunner, Result

from fake_switch import FakeSwitch
from kaizen_backups.cli.main import cli
from kaizen_backups.settings import Settings, load_settings


def _keep_clear_of_midnight() -> None:
    """Wait for the next day where this one has only a minute left: what a test calls today's is to stay that."""
    while (now := datetime.now().astimezone()).date() != (now + timedelta(minutes=1)).date():
        time.sleep(1)


class Site:
    """One collector; everything of it is below one directory."""

    def __init__(self, root: Path, retry_seconds: int = 0) -> None:
        _keep_clear_of_midnight()
        self.root = root
        self.config = root / "collector.yaml"
        self.known_hosts = root / "switches.known_hosts"
        self.inventory = root / "switches.yaml"
        self._switches: dict[str, dict[str, Any]] = {}
        (root / "nodes.d").mkdir()
        self.password = root / "password"
        self.password.touch(mode=0o600)
        self.password.write_text("p4ssw0rd\nnotes\n")
        sources = {"nodes_d": str(root / "nodes.d"), "switches": str(self.inventory)}
        settings = {"store": str(root / "store"), "state": str(root / "state"), "sources": sources}
        self.config.write_text(yaml.safe_dump({**settings, "floor": 0, "retry_seconds": retry_seconds}))
        self.write()

    @property
    def settings(self) -> Settings:
        """The settings, as every command reads them."""
        return load_settings(self.config)

    def add(self, name: str, switch: FakeSwitch, *, known: bool = True, **more: Any) -> None:
        """Put a switch into switches.yaml, and its host key into known_hosts."""
        enable = {"enable": {"environment": "TEST_ENABLE"}} if switch.kind.enable else {}
        place = {"address": "127.0.0.1", "port": switch.port, "family": switch.kind.family}
        self._switches[name] = {**place, **enable, **more}
        if known:
            self.know(name, switch.key)
        self.write()

    def know(self, name: str, key: paramiko.PKey) -> None:
        """Add a line to known_hosts."""
        with self.known_hosts.open("a") as file:
            file.write(f"{name} {key.get_name()} {key.get_base64()}\n")

    def write(self) -> None:
        """Write switches.yaml."""
        defaults = {"user": "backup", "password": {"file": str(self.password)}}
        whole = {"known_hosts": str(self.known_hosts), "defaults": defaults, "jobs": 50, "switches": self._switches}
        self.inventory.write_text(yaml.safe_dump(whole))

    def kaizen(self, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
        """Run `kaizen` in this process."""
        return CliRunner().invoke(
            cli, ["--config", str(self.config), *arguments], env={"TEST_ENABLE": "en4ble", **(env or {})}
        )

    def snapshots(self, name: str) -> list[Path]:
        """Return what is stored of a switch, oldest first."""
        return sorted((self.root / "store" / name).glob("[0-9]*"))

    def stored(self, name: str) -> str:
        """Return the newest configuration of a switch."""
        return (self.snapshots(name)[-1] / "running-config").read_text()

    def a_day_passes(self) -> None:
        """Make every snapshot a day older, in the store and on record."""
        with closing(sqlite3.connect(self.settings.history_file)) as history, history:
            for path in sorted((self.root / "store").glob("*/[0-9]*")):
                older = f"{date.fromisoformat(path.name[:10]) - timedelta(days=1)}{path.name[10:]}"
                path.rename(path.with_name(older))
                for table in ("snapshots", "nights"):
                    change = f"UPDATE {table} SET snapshot = ? WHERE node = ? AND snapshot = ?"
                    history.execute(change, (older, path.parent.name, path.name))
