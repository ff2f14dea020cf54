"""kaizen.prom: what Prometheus hears of a collector."""

import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from collected import Collected
from kaizen_backups.cli.signals import update_metrics, with_metrics
from kaizen_backups.errors import KaizenError
from kaizen_backups.history import History
from kaizen_backups.history_offsite import Copy
from kaizen_backups.night import Event
from kaizen_backups.onboard.authority import Authority
from kaizen_backups.settings import Settings
from kaizen_backups.settings_offsite import Repository
from kaizen_backups.settings_told import Metrics
from kaizen_backups.sharing import collector_of
from kaizen_backups.signals.metrics import FILE, metrics, write_metrics
from kaizen_backups.snapshots import Snapshot

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)

Samples = dict[tuple[str, ...], float]


def seconds(moment: str) -> float:
    return datetime.fromisoformat(f"{moment}+00:00").timestamp()


def samples(text: bytes) -> Samples:
    """Return every sample by its name and the values of its labels."""
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            found[(sample.name, *sample.labels.values())] = sample.value
    return found


def of(collected: Collected, settings: Settings, history: History) -> Samples:
    return samples(metrics(collected.nodes, settings, history, NOW))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Return the directory that node_exporter reads."""
    directory = tmp_path / "node-exporter"
    directory.mkdir()
    return directory


def test_every_node_has_what_was_collected_of_it(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("one", "2026-11-23", "2026-11-24", size=4096)
    found = of(collected, settings, history)
    assert found["kaizen_collect_last_success_timestamp_seconds", "one"] == seconds("2026-11-24T04:00:00")
    assert found["kaizen_collect_snapshot_bytes", "one"] == 4096
    assert found["kaizen_collect_snapshots", "one"] == 2
    assert found["kaizen_collect_unusual", "one"] == 0
    assert found["kaizen_verify_rotten_snapshots", "one"] == 0
    assert found["kaizen_collect_nodes",] == 1


def test_a_node_is_in_one_state(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("fresh", "2026-11-24")
    collected.node("late", "2026-11-23")
    collected.node("stale", "2026-11-20")
    collected.node("failing", "2026-11-24", problem="cannot be reached")
    collected.node("never")
    found = of(collected, settings, history)
    states = {key[1:]: value for key, value in found.items() if key[0] == "kaizen_collect_state"}
    assert {key for key, value in states.items() if value == 1} == {(node.name, node.name) for node in collected.nodes}
    assert len(states) == 25
    assert set(states.values()) == {0, 1}


def test_a_failed_run_keeps_the_last_success(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("one", "2026-11-23", problem="cannot be reached")
    found = of(collected, settings, history)
    assert found["kaizen_collect_state", "one", "failing"] == 1
    assert found["kaizen_collect_last_success_timestamp_seconds", "one"] == seconds("2026-11-23T04:00:00")


@pytest.mark.parametrize(("link", "state"), [(True, "failing"), (False, "never")])
def test_a_store_that_cannot_be_read_or_is_not_there_keeps_the_last_success(
    collected: Collected, settings: Settings, history: History, link: bool, state: str
) -> None:
    collected.node("one", "2026-11-22", "2026-11-23")
    shutil.rmtree(settings.store / "one")
    if link:
        (settings.store / "one").symlink_to("one")
    found = of(collected, settings, history)
    assert found["kaizen_collect_state", "one", state] == 1
    assert found["kaizen_collect_last_success_timestamp_seconds", "one"] == seconds("2026-11-23T04:00:00")


def test_what_never_happened_has_no_time(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("one")
    names = {name for name, *_ in of(collected, settings, history)}
    assert not {name for name in names if name.endswith("timestamp_seconds")}
    assert "kaizen_collect_snapshot_bytes" not in names


def test_a_rotten_snapshot_counts_and_is_no_success(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("one", "2026-11-22", "2026-11-23", "2026-11-24")
    history.set_verdict("one", ["2026-11-23", "2026-11-24"], rotten=True)
    history.set_node_verified("one")
    found = of(collected, settings, history)
    assert found["kaizen_verify_rotten_snapshots", "one"] == 2
    assert found["kaizen_collect_last_success_timestamp_seconds", "one"] == seconds("2026-11-22T04:00:00")
    assert found["kaizen_verify_last_timestamp_seconds", "one"] == seconds(history.nodes_verified()["one"][:-1])


def test_a_drill_that_failed_keeps_the_last_good_one(
    collected: Collected, settings: Settings, history: History
) -> None:
    collected.node("one", "2026-11-24")
    snapshot = Snapshot(date(2026, 11, 24))
    history.add_drill("one", snapshot, 1.0, [], {})
    good = of(collected, settings, history)["kaizen_drill_last_success_timestamp_seconds", "one"]
    assert good == seconds(history.last_drills()["one"].at[:-1])
    history.add_drill("one", snapshot, 1.0, ["a table is gone"], {})
    assert of(collected, settings, history)["kaizen_drill_last_success_timestamp_seconds", "one"] == good


def test_the_collector_has_a_run_a_store_and_a_certificate(
    collected: Collected, settings: Settings, history: History, tmp_path: Path
) -> None:
    collected.node("one", "2026-11-24")
    history.begin_run(1)
    authority = Authority(tmp_path / "ca")
    authority.make()
    keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "kaizen@x", "-f", str(settings.key)]
    subprocess.run(keygen, check=True)
    public = settings.key.with_name("key.pub").read_text().strip()
    made = authority.sign("second.example", public, [], days=30)
    made.rename(settings.key.with_name("key-cert.pub"))
    found = of(collected, settings, history)
    began = history.last_run()
    assert began
    assert found["kaizen_collect_last_run_timestamp_seconds",] == seconds(began[:-1])
    assert 0 < found["kaizen_store_free_bytes",] <= found["kaizen_store_size_bytes",]
    assert found["kaizen_store_floor_bytes",] == settings.floor
    left = found["kaizen_certificate_expiry_timestamp_seconds",] - datetime.now(UTC).timestamp()
    assert 29 * 86400 < left <= 30 * 86400


def test_of_several_collectors_each_has_its_own_share(
    collected: Collected, settings: Settings, history: History, directory: Path
) -> None:
    names = ("a.example", "b.example")
    for number in range(8):
        collected.node(f"n{number}", "2026-11-24")
    shared = settings.model_copy(update={"collectors": names, "name": "a.example"})
    write_metrics(Metrics(directory=directory), collected.nodes, shared, history, NOW)
    found = samples((directory / FILE).read_bytes())
    own = {node.name for node in collected.nodes if collector_of(node.name, names) == "a.example"}
    assert {key[1] for key in found if key[0] == "kaizen_collect_snapshots"} == own
    assert 0 < len(own) < 8
    assert found["kaizen_collect_nodes",] == len(own)


def test_the_file_is_for_everybody_and_has_no_node_that_left_the_list(
    collected: Collected, settings: Settings, history: History, directory: Path
) -> None:
    wanted = settings.model_copy(update={"metrics": Metrics(directory=directory)})
    collected.node("one", "2026-11-24")
    collected.node("two", "2026-11-24")
    update_metrics(wanted, history)
    file = directory / FILE
    assert file.stat().st_mode & 0o777 == 0o644
    assert 'node="two"' in file.read_text()
    collected.forget("two")
    update_metrics(wanted, history)
    assert 'node="two"' not in file.read_text()
    assert 'node="one"' in file.read_text()
    assert [path.name for path in directory.iterdir()] == [FILE]


def test_promtool_has_nothing_to_say(collected: Collected, settings: Settings, history: History) -> None:
    collected.node("one", "2026-11-24")
    history.begin_run(1)
    history.set_node_verified("one")
    text = metrics(collected.nodes, settings, history, NOW)
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_the_directory_it_is_said_and_nothing_else_happens(
    collected: Collected, settings: Settings, history: History, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Metrics(directory=tmp_path / "nowhere")
    with pytest.raises(KaizenError, match=r"nowhere: there is no such directory; is node_exporter installed\?"):
        write_metrics(missing, collected.nodes, settings, history, NOW)
    update_metrics(settings.model_copy(update={"metrics": missing}), history)
    assert capsys.readouterr().err.startswith("kaizen: the metrics could not be written: ")
    assert not missing.directory.exists()
    update_metrics(settings, history)
    assert capsys.readouterr().err == ""


def test_a_long_night_writes_them_as_nodes_come_in_at_most_once_a_minute(
    collected: Collected, settings: Settings, history: History, directory: Path
) -> None:
    clock = 1000.0
    told: list[str] = []
    wanted = settings.model_copy(update={"metrics": Metrics(directory=directory)})
    tell = with_metrics(lambda event: told.append(event.kind), wanted, history, lambda: clock)
    file = directory / FILE

    def written_after(kind: str, later: float) -> bool:
        nonlocal clock
        clock += later
        tell(Event(kind, "one"))
        written = file.exists()
        file.unlink(missing_ok=True)
        return written

    collected.node("one", "2026-11-24")
    steps = [("stored", 59), ("stored", 1), ("done", 59), ("progress", 1), ("waiting", 0), ("done", 900)]
    assert [written_after(*step) for step in steps] == [False, True, False, False, True, True]
    assert told == [kind for kind, _ in steps]


def test_the_age_of_the_worst_copy_counts_and_a_node_without_one_is_as_old_as_can_be(
    collected: Collected, settings: Settings, history: History
) -> None:
    collected.node("a", "2026-11-23", "2026-11-24")
    collected.node("b", "2026-11-24")
    assert not any(name[0].startswith("kaizen_offsite") for name in of(collected, settings, history))
    places = {name: Repository(repository=f"/srv/{name}") for name in ("near", "far")}
    settings = settings.model_copy(update={"offsite": places})
    for place, day in (("near", "2026-11-24"), ("far", "2026-11-23")):
        copy = Copy("1" * 64, "a", day, f"{day}T04:00:00Z", "0" * 64)
        history.set_copies(place, [copy])
    history.note_push("near", None, "2026-11-24T08:00:00Z")
    history.note_push("far", "it is away", "2026-11-24T08:00:00Z")
    found = of(collected, settings, history)
    assert found["kaizen_offsite_newest_timestamp_seconds", "a"] == seconds("2026-11-23T04:00:00")
    assert found["kaizen_offsite_newest_timestamp_seconds", "b"] == 0
    assert (found["kaizen_offsite_failed", "near"], found["kaizen_offsite_failed", "far"]) == (0, 1)
