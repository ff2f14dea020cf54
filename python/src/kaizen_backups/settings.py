"""collector.yaml: what a collector's administrator decides."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from kaizen_backups.units import Rate, Size, Window, show_size
from kaizen_backups.yaml_file import load_model

DEFAULT_FILE = Path("/etc/kaizen/collector.yaml")


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("must be an absolute path")
    return path


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Sources(_Section):
    """Where nodes are known from; those that are given are merged."""

    nodes_d: AbsolutePath | None = Field(
        default=Path("/etc/kaizen/nodes.d"), description="one file a host that Puppet does not configure"
    )
    facts: AbsolutePath | None = Field(
        default=None, description="a directory of Puppet fact files (YAML or JSON), one a node"
    )


class Keep(_Section):
    """How long snapshots stay in the store; 0 turns a rule off."""

    days: int = Field(default=8, ge=1, le=36500, description="every snapshot of the last so many days")
    weeks: int = Field(default=0, ge=0, le=5200, description="the newest of each of the last so many weeks")
    months: int = Field(default=0, ge=0, le=1200, description="the newest of each of the last so many months")


class Limits(_Section):
    """What one snapshot may be; a node that sends more is refused, and harms nobody else."""

    files: int = Field(default=2_000_000, ge=1, description="names of any kind in a snapshot")
    bytes: Size = Field(default=2 << 40, ge=1, description="new bytes of a snapshot; k, m, g, t are powers of 1024")
    depth: int = Field(default=1024, ge=1, description="directories within each other; rsync gives up at some 1,000")
    again: int = Field(default=24, ge=1, description="snapshots of one date")


class Settings(_Section):
    """All of collector.yaml. The order here is the order of `kaizen config example`."""

    store: AbsolutePath = Field(
        default=Path("/backups/nodes"), description="collected snapshots: STORE/NODE/YYYY-MM-DD"
    )
    state: AbsolutePath = Field(
        default=Path("/var/lib/kaizen"), description="generated files and the history of collections"
    )
    sources: Sources = Field(
        default=Sources(), description="where nodes are known from; those that are given are merged"
    )
    key: AbsolutePath = Field(
        default=Path("/etc/kaizen/ssh/id_ed25519"), description="the private key that opens the nodes' doors"
    )
    keep: Keep = Field(default=Keep(), description="how long snapshots stay")
    jobs: int = Field(default=8, ge=1, le=1000, description="how many nodes are collected at the same time")

    timeout: int = Field(default=14400, ge=10, description="how long one node may take, in seconds")

    # What the collector allows a node, and itself.
    limits: Limits = Field(default=Limits(), description="what one snapshot may be; more is refused")
    floor: Size = Field(
        default=512 << 20, ge=0, description="room that collecting leaves free in the store's file system"
    )
    rate: dict[Window, Rate] = Field(
        default={}, description='bytes a second, all nodes together, in parts of the day: {"07:00-19:00": 20m}'
    )
    silence: int = Field(default=120, ge=5, le=3600, description="how long a node may say nothing, in seconds")
    retry_seconds: int = Field(
        default=20, ge=0, le=60, description="for how long a node that can't be reached is tried again in one pass"
    )
    ask_again: int = Field(
        default=60,
        ge=1,
        le=900,
        description="after how many seconds a node is asked again before the deadline; doubles up to 900",
    )

    @property
    def nodes_file(self) -> Path:
        """The generated node list."""
        return self.state / "nodes.yaml"

    @property
    def known_hosts_file(self) -> Path:
        """The generated known_hosts: exactly the listed nodes' keys."""
        return self.state / "known_hosts"

    @property
    def lock_file(self) -> Path:
        """What a run holds, so that there is one at a time."""
        return self.state / "collect.lock"

    @property
    def history_file(self) -> Path:
        """The database of what was collected and when."""
        return self.state / "history.sqlite"


def load_settings(path: Path = DEFAULT_FILE) -> Settings:
    """Read and check collector.yaml. Raises ConfigError, which names file, line and key."""
    return load_model(path, Settings)


def example() -> str:
    """Return a collector.yaml with every setting, its meaning and its default."""
    return "\n".join(["# Settings of a kaizen collector.", *_example_of(Settings, ""), ""])


def _example_of(model: type[BaseModel], indent: str) -> list[str]:
    lines = []
    for name, field in model.model_fields.items():
        lines.append(f"{indent}# {field.description}")
        default = field.default
        if isinstance(default, BaseModel):
            lines += [f"{indent}{name}:", *_example_of(type(default), indent + "  ")]
        elif default is None:
            lines.append(f"{indent}# {name}: /var/lib/kaizen/{name}")
        else:
            lines.append(f"{indent}{name}: {show_size(default) if 'size' in field.metadata else default}")
    return lines
