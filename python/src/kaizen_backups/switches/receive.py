"""One switch: fetch its configuration, store it as a snapshot when it is a whole one, let go of what is out of date."""

import asyncio
import hashlib
import os
from datetime import UTC, datetime
from pathlib import Path

from kaizen_backups.atomic import write_atomically
from kaizen_backups.errors import ConfigError, DataError, KaizenError
from kaizen_backups.expire import expire
from kaizen_backups.history import stamp
from kaizen_backups.night import Event, Night, Outcome
from kaizen_backups.onboard.module_files import package_version
from kaizen_backups.snapshots import INFO, SUMS, Snapshot
from kaizen_backups.store import NodeStore
from kaizen_backups.sums import Checked, check_tree
from kaizen_backups.switches.aside import aside
from kaizen_backups.switches.credentials import Vault
from kaizen_backups.switches.host_keys import KnownHosts
from kaizen_backups.switches.inventory import Switch, Switches
from kaizen_backups.switches.session import MISSING, fetch
from kaizen_backups.switches.stored import CONFIG, ROLE, read_config
from kaizen_backups.switches.text import same

_MUCH = 20  # lines


class SwitchReceiver:
    """Receives from every switch of one run; so many at a time."""

    def __init__(self, load: Switches | KaizenError) -> None:
        """Take the inventory, or why there is none: each switch then has that trouble, and no node has."""
        self.amiss: list[str] = []
        """Lines of known_hosts that are bad, and no switch's trouble."""
        self._load = self._with_keys(load) if isinstance(load, Switches) else load
        self._vault = Vault()
        jobs = load.jobs if isinstance(load, Switches) else 1
        self.slots = asyncio.Semaphore(jobs)

    async def receive(self, night: Night, outcome: Outcome) -> list[str]:
        """Fetch and store; return [], since a switch is as it should be or KaizenError is raised."""
        began = stamp()
        switch, known_hosts = self._find(outcome.node)
        login = await self._vault.login(switch)
        # A session blocks for as long as a minute: it must not take the threads of the nodes' work.
        text = await aside(fetch, switch, login, known_hosts)
        work = _Storing(switch, text, began, night, outcome)
        return await work.carry_out()

    def _with_keys(self, load: Switches) -> tuple[Switches, KnownHosts] | KaizenError:
        try:
            known_hosts = KnownHosts(load.known_hosts)
            self.amiss = known_hosts.nobodys(load.by_name)
        except ConfigError as error:
            return error
        except ImportError:
            return ConfigError(MISSING)
        return load, known_hosts

    def _find(self, name: str) -> tuple[Switch, KnownHosts]:
        if isinstance(self._load, KaizenError):
            raise self._load
        switches, known_hosts = self._load
        if name not in switches.by_name:
            raise ConfigError("switches.yaml does not have it any more")
        return switches.by_name[name], known_hosts


class _Storing:
    """Stores one configuration."""

    def __init__(self, switch: Switch, text: str, began: str, night: Night, outcome: Outcome) -> None:
        self._switch = switch
        self._text = text
        self._began = began
        self._night = night
        self._outcome = outcome
        self._store = NodeStore(night.settings.store, switch.name)
        self._rotten = night.history.rotten(switch.name)

    async def carry_out(self) -> list[str]:
        stored = self._store.snapshots()
        last = stored[-1] if stored else None
        before = read_config(self._store, last) if last and last not in self._rotten else None
        unchanged = before is not None and same(before, self._text, self._switch.family)
        today = self._night.today()
        if not (unchanged and last and last.date == today):
            snapshot = self._next(stored)
            self._outcome.wanted = [str(snapshot)]
            if not self._night.dry_run:
                with self._night.room.reserve(self._switch.name):
                    await self._store_it(snapshot, last if unchanged else None, before)
        if not self._night.dry_run:
            self._outcome.expired += await asyncio.to_thread(expire, self._store, self._night, self._rotten)
        return []

    def _next(self, stored: list[Snapshot]) -> Snapshot:
        """Return the name of the day's first snapshot, or its next: a change within a day is not lost."""
        today, most = self._night.today(), self._night.settings.limits.again
        number = max((snapshot.number for snapshot in stored if snapshot.date == today), default=0) + 1
        if number > most:
            raise DataError(f"there are {most} snapshots of {today} (limits.again)")
        return Snapshot(today, number)

    def _prepare(self) -> None:
        self._store.prepare()
        if partials := self._store.partials():
            self._store.discard(partials)  # a run that was killed left them

    async def _store_it(self, snapshot: Snapshot, link: Snapshot | None, before: str | None) -> None:
        """Write, check, put on record, publish: as it is done with what comes from a node."""
        warnings = _warnings(before, self._text)
        partial, checked = await asyncio.to_thread(self._write, snapshot, link, warnings)
        self._night.history.add_snapshot(self._switch.name, snapshot, checked, warnings=warnings)
        await asyncio.to_thread(self._store.publish, partial, snapshot)
        self._outcome.received.append(str(snapshot))
        self._outcome.new_bytes += checked.new_bytes
        facts = {"files": checked.files, "bytes": checked.bytes, "new_bytes": checked.new_bytes}
        self._night.tell(Event("stored", self._switch.name, {"snapshot": str(snapshot), **facts}))

    def _write(self, snapshot: Snapshot, link: Snapshot | None, warnings: list[str]) -> tuple[Path, Checked]:
        self._prepare()
        partial = self._store.new_partial(snapshot)
        file = partial / CONFIG
        if link:
            os.link(self._store.path(link) / CONFIG, file, follow_symlinks=False)
        else:
            write_atomically(file, self._text, 0o600)
        write_atomically(partial / INFO, self._info(link is None, file.stat().st_size, warnings), 0o600)
        sums = "".join(f"{hashlib.sha256((partial / n).read_bytes()).hexdigest()}  {n}\n" for n in (INFO, CONFIG))
        write_atomically(partial / SUMS, sums, 0o600)
        return partial, check_tree(partial, self._store.path(link) if link else None)

    def _info(self, changed: bool, size: int, warnings: list[str]) -> str:
        rows = {
            "host": self._switch.name,
            "role": ROLE,
            "started": self._began,
            "finished": stamp(datetime.now(UTC)),
            "files": 1,
            "bytes": size,
            "changed_files": int(changed),
            "changed_bytes": size if changed else 0,
            "warnings": len(warnings),
            "status": "complete",
            "agent_version": package_version(),
            "device_type": self._switch.family.device_type,
            "command": self._switch.family.command,
        }
        lines = [f"{key} = {value}" for key, value in rows.items()]
        return "\n".join([*lines, *(f"warning = {warning}" for warning in warnings), ""])


def _warnings(before: str | None, now: str) -> list[str]:
    """Some kinds of switches do not mark the end of a configuration: one that lost half its lines is looked at."""
    old, new = (before or "").count("\n"), now.count("\n")
    if old - new > _MUCH and new < old / 2:
        return [f"the configuration has {new} lines, where it had {old}: is it whole?"]
    return []
