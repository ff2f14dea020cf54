"""The collector's metrics, for node_exporter's textfile collector: made anew, all of them, from history and store.

Times are absolute, in seconds; what is not known has no sample.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from kaizen_backups.atomic import write_atomically
from kaizen_backups.certificate import certificate_file, read_certificate
from kaizen_backups.errors import ConfigError, KaizenError
from kaizen_backups.history import History, parse_stamp
from kaizen_backups.node import Node
from kaizen_backups.room import all_bytes, free_bytes
from kaizen_backups.settings import Settings
from kaizen_backups.settings_told import Metrics
from kaizen_backups.sharing import own_share
from kaizen_backups.status import NodeStatus, State, fleet_status

FILE = "kaizen.prom"


def write_metrics(wanted: Metrics, nodes: Iterable[Node], settings: Settings, history: History, now: datetime) -> None:
    """Write the metrics of this collector and its share of the nodes. Raises KaizenError."""
    file = wanted.directory / FILE
    if not wanted.directory.is_dir():
        raise KaizenError(f"{wanted.directory}: there is no such directory; is node_exporter installed?")
    try:
        write_atomically(file, metrics(own_share(nodes, settings), settings, history, now), 0o644)
    except OSError as error:
        raise KaizenError(f"{file}: {error.strerror}") from error


def metrics(nodes: Iterable[Node], settings: Settings, history: History, now: datetime) -> bytes:
    """Return the metrics of this collector and of these nodes, which are its own, as Prometheus reads them."""
    registry = CollectorRegistry()
    found = fleet_status(nodes, settings, history, now)
    _nodes(registry, found, history)
    _proofs(registry, found, history)
    _offsite(registry, found, settings, history)
    _collector(registry, len(found), settings, history)
    return generate_latest(registry)


def _nodes(registry: CollectorRegistry, found: Iterable[NodeStatus], history: History) -> None:
    """Add what was collected of each node."""
    success = _per_node(
        registry, "kaizen_collect_last_success_timestamp_seconds", "When the newest whole snapshot came."
    )
    size = _per_node(registry, "kaizen_collect_snapshot_bytes", "Size of the newest whole snapshot.")
    kept = _per_node(registry, "kaizen_collect_snapshots", "Snapshots in the store.")
    odd = _per_node(registry, "kaizen_collect_unusual", "In how many ways the newest snapshot is unlike those before.")
    state = _per_node(
        registry, "kaizen_collect_state", "1 for the state that the node is in, 0 for the others.", "state"
    )
    for status in found:
        if received := _received(status, history):
            success.labels(status.node).set(_seconds(received))
        if status.bytes is not None:
            size.labels(status.node).set(status.bytes)
        kept.labels(status.node).set(status.kept)
        odd.labels(status.node).set(len(status.unusual))
        for one in State:
            state.labels(status.node, one.value).set(one is status.state)


def _received(status: NodeStatus, history: History) -> str | None:
    """Return when the newest snapshot came; where the store does not have it now, as the history knows."""
    if status.received:
        return status.received
    nights = history.nights(status.node)
    return nights[0].received if nights else None


def _proofs(registry: CollectorRegistry, found: Iterable[NodeStatus], history: History) -> None:
    """Add what verifications and drills found of each node."""
    rotten = _per_node(registry, "kaizen_verify_rotten_snapshots", "Stored snapshots in which something is rotten.")
    verified = _per_node(
        registry, "kaizen_verify_last_timestamp_seconds", "When all that is stored of the node was last read."
    )
    drilled = _per_node(
        registry,
        "kaizen_drill_last_success_timestamp_seconds",
        "When a drill last found all of the node good that it could look into: encrypted dumps it can't.",
    )
    failed = _per_node(registry, "kaizen_drill_failed", "1 where the node's last drill failed, 0 where it did not.")
    counts = Counter(node for node, _ in history.all_rotten())
    times = history.nodes_verified()
    for status in found:
        rotten.labels(status.node).set(counts[status.node])
        if status.node in times:
            verified.labels(status.node).set(_seconds(times[status.node]))
        if status.proven or status.drill_failed:
            failed.labels(status.node).set(bool(status.drill_failed))
        if status.proven:
            drilled.labels(status.node).set(_seconds(status.proven))


def _offsite(registry: CollectorRegistry, found: Iterable[NodeStatus], settings: Settings, history: History) -> None:
    """Add what is in the repositories, where there are any."""
    if not settings.offsite:
        return
    newest = _per_node(
        registry,
        "kaizen_offsite_newest_timestamp_seconds",
        "When the newest snapshot came of which every repository has a copy; 0 where there is none.",
    )
    for status in found:
        newest.labels(status.node).set(_seconds(status.offsite) if status.offsite else 0)
    failed = Gauge(
        "kaizen_offsite_failed",
        "1 where the last push or check of the repository failed.",
        ("repository",),
        registry=registry,
    )
    for name in settings.offsite:
        state = history.offsite_state(name)
        failed.labels(name).set(bool(state.push_problem or state.check_problem))


def _collector(registry: CollectorRegistry, nodes: int, settings: Settings, history: History) -> None:
    """Add what the collector knows of itself."""
    _single(registry, "kaizen_collect_nodes", "Nodes that this collector collects.", nodes)
    if began := history.last_run():
        _single(
            registry,
            "kaizen_collect_last_run_timestamp_seconds",
            "When the last collection began.",
            _seconds(began),
        )
    free, size = free_bytes(settings.store), all_bytes(settings.store)
    _single(registry, "kaizen_store_free_bytes", "Free room in the store's file system.", free)
    _single(registry, "kaizen_store_size_bytes", "All room in the store's file system.", size)
    _single(registry, "kaizen_store_floor_bytes", "Room that collecting leaves free.", settings.floor)
    if ends := _certificate_ends(settings):
        _single(
            registry,
            "kaizen_certificate_expiry_timestamp_seconds",
            "When this collector's SSH certificate ends.",
            ends.timestamp(),
        )


def _certificate_ends(settings: Settings) -> datetime | None:
    try:
        certificate = read_certificate(certificate_file(settings.key))
    except ConfigError:
        return None  # the doors say so, and 'kaizen status'
    return certificate.ends if certificate else None


def _per_node(registry: CollectorRegistry, name: str, text: str, *labels: str) -> Gauge:
    return Gauge(name, text, ("node", *labels), registry=registry)


def _single(registry: CollectorRegistry, name: str, text: str, value: float) -> None:
    Gauge(name, text, registry=registry).set(value)


def _seconds(moment: str) -> float:
    return parse_stamp(moment).timestamp()
