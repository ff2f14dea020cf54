"""collector.yaml: what a collector's administrator decides."""

from pathlib import Path

from pydantic import Field, ValidationInfo, field_validator

from kaizen_backups.node import MOST_KEYS, Address, HostKey, NodeName, User
from kaizen_backups.settings_offsite import Repository, RepositoryName
from kaizen_backups.settings_told import Mail, Metrics, Notify, StatusPage
from kaizen_backups.settings_values import AbsolutePath, FactPath, HttpsUrl, Section, TimeOfDay
from kaizen_backups.units import Rate, Size, Window
from kaizen_backups.yaml_file import load_model

DEFAULT_FILE = Path("/etc/kaizen/collector.yaml")


class PuppetDB(Section):
    """Where PuppetDB is, and the certificates with which this host's Puppet agent talks to it."""

    url: HttpsUrl = Field(description="where it answers over TLS", examples=["https://puppetdb.example:8081"])
    ca: AbsolutePath = Field(
        description="the CA that signed its certificate", examples=["/etc/puppetlabs/puppet/ssl/certs/ca.pem"]
    )
    cert: AbsolutePath = Field(
        description="this host's certificate, which PuppetDB's allowlist must name",
        examples=["/etc/puppetlabs/puppet/ssl/certs/HOST.pem"],
    )
    key: AbsolutePath = Field(
        description="that certificate's key", examples=["/etc/puppetlabs/puppet/ssl/private_keys/HOST.pem"]
    )
    timeout: int = Field(default=120, ge=1, le=3600, description="how long its whole answer may take, in seconds")


class CollectorSource(Section):
    """Another collector, whose store is collected: this one is its offsite machine."""

    name: NodeName = Field(description="its name", examples=["backup.example"])
    address: Address = Field(description="where its sshd is", examples=["192.0.2.10"])
    port: int = Field(default=22, ge=1, le=65535, description="and at which port")
    user: User = Field(
        default="kaizen-store", description="whose door leads to its store; made there by 'kaizen-onboard store'"
    )
    host_keys: tuple[HostKey, ...] = Field(
        min_length=1,
        max_length=MOST_KEYS,
        description="its host keys",
        examples=["[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDRx7v0sGZwVvNfMzWCm1i6zvKbCDuGMwOGgL6uHdeMZ]"],
    )


class Sources(Section):
    """Where nodes are known from; those that are given are merged."""

    nodes_d: AbsolutePath | None = Field(
        default=Path("/etc/kaizen/nodes.d"), description="one file a host that Puppet does not configure"
    )
    facts: AbsolutePath | None = Field(
        default=None,
        description="a directory of Puppet fact files (YAML or JSON), one a node",
        examples=["/var/lib/kaizen/facts"],
    )
    puppetdb: PuppetDB | None = Field(
        default=None, description="PuppetDB: the nodes whose catalog holds an enabled Quickstack::Backups"
    )
    switches: AbsolutePath | None = Field(
        default=None,
        description="switches whose configuration is fetched; 'kaizen switches example' prints such a file",
        examples=["/etc/kaizen/switches.yaml"],
    )
    collector: CollectorSource | None = Field(
        default=None, description="another collector, of which this one is the offsite machine: the nodes in its store"
    )


class Keep(Section):
    """How long snapshots stay in the store; 0 turns a rule off."""

    days: int = Field(default=8, ge=1, le=36500, description="every snapshot of the last so many days")
    weeks: int = Field(default=0, ge=0, le=5200, description="the newest of each of the last so many weeks")
    months: int = Field(default=0, ge=0, le=1200, description="the newest of each of the last so many months")


class Limits(Section):
    """What one node may send in a run; one that sends more is refused, and harms nobody else."""

    files: int = Field(default=2_000_000, ge=1, description="names of any kind in a snapshot, and new ones in a run")
    bytes: Size = Field(default=2 << 40, ge=1, description="new bytes in a run; k, m, g, t are powers of 1024")
    depth: int = Field(default=1024, ge=1, description="directories within each other; rsync gives up at some 1,000")
    again: int = Field(default=24, ge=1, description="snapshots of one date")


class Settings(Section):
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
    exemptions: AbsolutePath = Field(
        default=Path("/etc/kaizen/exemptions.yaml"), description="who need not be backed up, why, and until when"
    )
    address_fact: FactPath = Field(
        default="networking.ip",
        description="the fact that says a node's address, such as networking.interfaces.eth1.ip; 'name' takes its name",
    )
    collectors: tuple[NodeName, ...] = Field(
        default=(), description="the names of all collectors that share the nodes; none: this one has them all"
    )
    name: NodeName | None = Field(
        default=None,
        description="which of the collectors this one is; without it, the one with this host's full name",
        examples=["backup1.example"],
    )

    key: AbsolutePath = Field(
        default=Path("/etc/kaizen/ssh/id_ed25519"), description="the private key that opens the nodes' doors"
    )
    keep: Keep = Field(default=Keep(), description="how long snapshots stay")
    jobs: int = Field(default=8, ge=1, le=1000, description="how many nodes are collected at the same time")
    timeout: int = Field(default=14400, ge=10, description="how long one node may take, in seconds")
    deadline: TimeOfDay | None = Field(
        default=None,
        description="a time of day, here, by which every node must be in; the schedule's run asks until then",
        examples=["06:00"],
    )

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

    # Who is told how it went.
    metrics: Metrics | None = Field(default=None, description="for Prometheus, by way of node_exporter")
    mail: Mail | None = Field(
        default=None, description="a digest after the nightly collection, when something is wrong"
    )
    notify: Notify | None = Field(
        default=None, description="a URL that is called when it changes whether all nodes are safe"
    )
    # What is told of it.
    report: StatusPage | None = Field(default=None, description="the status page, made anew after every collection")

    # Where a second copy of everything goes.
    offsite: dict[RepositoryName, Repository] = Field(
        default={},
        description="encrypted copies elsewhere: restic repositories, each with a name",
        examples=["cluster"],
    )

    @field_validator("collectors")
    @classmethod
    def _check_collectors(cls, collectors: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(collectors)) < len(collectors):
            raise ValueError("one is named twice")
        return collectors

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str | None, others: ValidationInfo) -> str | None:
        collectors = others.data.get("collectors")
        if name and collectors and name not in collectors:
            raise ValueError(f"{name} is not one of the collectors")
        return name

    @property
    def nodes_file(self) -> Path:
        """The generated node list."""
        return self.state / "nodes.yaml"

    @property
    def memory_file(self) -> Path:
        """When the node list was last found good, and whom it held yesterday."""
        return self.state / "nodes.memory.json"

    @property
    def peers_file(self) -> Path:
        """What the other collectors told last."""
        return self.state / "peers.json"

    @property
    def known_hosts_file(self) -> Path:
        """The generated known_hosts: exactly the listed nodes' keys."""
        return self.state / "known_hosts"

    @property
    def lock_file(self) -> Path:
        """What a run holds, so that there is one at a time."""
        return self.state / "collect.lock"

    @property
    def offsite_directory(self) -> Path:
        """What belongs to the copies elsewhere: the lock, restic's caches, what arrived when."""
        return self.state / "offsite"

    @property
    def history_file(self) -> Path:
        """The database of what was collected and when."""
        return self.state / "history.sqlite"

    @property
    def told_directory(self) -> Path:
        """What was last told, and to whom: so that nothing is told twice."""
        return self.state / "told"

    @property
    def index_directory(self) -> Path:
        """What names and versions the stored snapshots hold, a file a node."""
        return self.state / "index"


def load_settings(path: Path = DEFAULT_FILE) -> Settings:
    """Read and check collector.yaml. Raises ConfigError, which names file, line and key."""
    return load_model(path, Settings)
