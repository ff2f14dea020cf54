"""collector.yaml: what a collector's administrator decides."""

import json
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticUndefinedType

from kaizen_backups.fact_path import check_fact_path
from kaizen_backups.node import NodeName
from kaizen_backups.units import Rate, Size, Window, show_size
from kaizen_backups.yaml_file import load_model

DEFAULT_FILE = Path("/etc/kaizen/collector.yaml")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("must be an absolute path")
    return path


def _https(url: str) -> str:
    """Take only what says a host and perhaps a port: host keys come from there, so nothing in clear text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or port == 0 or "@" in parts.netloc:
        raise ValueError("must be https://HOST:PORT")
    return url.rstrip("/")


def _time_of_day(value: object) -> time:
    """Take HH:MM, in a string: YAML reads 12:30 without quotes as a number, of minutes."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('must be a time of day in quotes, such as "06:00"')
    return time.fromisoformat(value)


def _host(host: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]+", host):
        raise ValueError("must be a host's name or address")
    return host


def _mail_address(address: str) -> str:
    """Take what can stand in a header as it is: one address, no name, no line end."""
    if len(address) > 254 or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._+-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?", address):
        raise ValueError("must be a mail address, such as ops@example.com")
    return address


def _webhook(url: str) -> str:
    """Take any path and query, which often are a secret; what is said of a wrong one shows nothing of it."""
    try:
        parts = urlsplit(url)
        good = parts.port != 0 and bool(parts.hostname) and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        parts, good = urlsplit(""), False
    if not good or not (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        raise ValueError("must be https://HOST/...; http:// is for localhost alone")
    return url


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
HttpsUrl = Annotated[str, AfterValidator(_https)]
MailAddress = Annotated[str, AfterValidator(_mail_address)]
FactPath = Annotated[str, AfterValidator(check_fact_path)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), PlainSerializer(lambda value: value.strftime("%H:%M"))]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PuppetDB(_Section):
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


class Sources(_Section):
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


class Keep(_Section):
    """How long snapshots stay in the store; 0 turns a rule off."""

    days: int = Field(default=8, ge=1, le=36500, description="every snapshot of the last so many days")
    weeks: int = Field(default=0, ge=0, le=5200, description="the newest of each of the last so many weeks")
    months: int = Field(default=0, ge=0, le=1200, description="the newest of each of the last so many months")


class Limits(_Section):
    """What one node may send in a run; one that sends more is refused, and harms nobody else."""

    files: int = Field(default=2_000_000, ge=1, description="names of any kind in a snapshot, and new ones in a run")
    bytes: Size = Field(default=2 << 40, ge=1, description="new bytes in a run; k, m, g, t are powers of 1024")
    depth: int = Field(default=1024, ge=1, description="directories within each other; rsync gives up at some 1,000")
    again: int = Field(default=24, ge=1, description="snapshots of one date")


class Metrics(_Section):
    """For Prometheus: what node_exporter's textfile collector reads."""

    directory: AbsolutePath = Field(
        description="where node_exporter looks for *.prom files; kaizen.prom is written there",
        examples=["/var/lib/prometheus/node-exporter"],
    )


class Smtp(_Section):
    """A mail server to hand the digest to, in place of the local sendmail."""

    host: Annotated[str, AfterValidator(_host)] = Field(description="its name or address", examples=["mail.example"])
    port: int = Field(default=25, ge=1, le=65535, description="25, or often 587 where one logs in")
    starttls: bool = Field(
        default=True, description="speak TLS, and check the server's certificate; false: in clear text"
    )
    user: str | None = Field(
        default=None, min_length=1, description="as whom to log in; only over TLS", examples=["kaizen"]
    )
    password_file: AbsolutePath | None = Field(
        default=None, description="a file that holds that user's password", examples=["/etc/kaizen/smtp.password"]
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together")
        if self.user and not self.starttls and self.host not in _LOOPBACK:
            raise ValueError("a password goes over TLS alone: leave starttls at true")
        return self


class Mail(_Section):
    """A digest after the nightly collection, when something is wrong."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    to: tuple[MailAddress, ...] = Field(min_length=1, description="who gets it", examples=["[ops@example.com]"])
    sender: MailAddress | None = Field(
        default=None,
        alias="from",
        description="whom it is from; root of this host unless told",
        examples=["kaizen@example.com"],
    )
    always: bool = Field(default=False, description="send it when all is well, too")
    smtp: Smtp | None = Field(default=None, description="a mail server; without it the local sendmail is used")


class Notify(_Section):
    """A URL that is called when it changes whether all nodes are safe."""

    url: Annotated[str, AfterValidator(_webhook)] = Field(
        repr=False,
        description="gets a POST with JSON; http:// only for this host itself",
        examples=["https://hooks.example/backups"],
    )
    format: Literal["json"] = Field(default="json", description="an object with title, text and what stands behind it")
    timeout: int = Field(default=5, ge=1, le=10, description="how long one of the three tries may take, in seconds")


class StatusPage(_Section):
    """Where the status page goes."""

    directory: AbsolutePath = Field(
        default=Path("/var/lib/kaizen/report"),
        description="the site: it is replaced as a whole, so nothing else may be in it; its parent must exist",
    )
    group: str | None = Field(
        default=None,
        description="a group that may read it beside root: whoever can, knows every node, its sizes and its troubles",
        examples=["www-data"],
    )


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


def example() -> str:
    """Return a collector.yaml with every setting, its meaning and its default; what has none is commented out."""
    return "\n".join(["# Settings of a kaizen collector.", *_example_of(Settings), ""])


def _example_of(section: type[BaseModel]) -> list[str]:
    lines = []
    for attribute, field in section.model_fields.items():
        name = field.alias or attribute
        lines.append(f"# {field.description}")
        default = field.get_default()
        inner = _section_in(field.annotation)
        if inner:
            mark = "# " if default is None else ""
            lines.append(f"{mark}{name}:")
            lines += [f"{mark}  {line}" for line in _example_of(inner)]
        elif isinstance(default, None | PydanticUndefinedType):
            mark = "# " if default is None else ""
            lines += [f"{mark}{name}: {_as_yaml(shown)}" for shown in field.examples or ()]
        else:
            lines.append(f"{name}: {_as_yaml(show_size(default) if 'size' in field.metadata else default)}")
    return lines


def _section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, be it optional or not; None for a plain value."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def _as_yaml(value: object) -> str:
    """Return a value as YAML has it; a time must be in quotes there."""
    if isinstance(value, str) and ":" in value and "/" not in value:
        return json.dumps(value)
    if isinstance(value, tuple | bool):
        return json.dumps(value)
    return str(value)
