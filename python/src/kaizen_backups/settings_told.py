"""collector.yaml: who is told how it went, and where it can be seen."""

import re
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from kaizen_backups.settings_values import AbsolutePath, Section

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


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


MailAddress = Annotated[str, AfterValidator(_mail_address)]


class Metrics(Section):
    """For Prometheus: what node_exporter's textfile collector reads."""

    directory: AbsolutePath = Field(
        description="where node_exporter looks for *.prom files; kaizen.prom is written there",
        examples=["/var/lib/prometheus/node-exporter"],
    )


class Smtp(Section):
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


class Mail(Section):
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


class Notify(Section):
    """A URL that is called when it changes whether all nodes are safe."""

    url: Annotated[str, AfterValidator(_webhook)] = Field(
        repr=False,
        description="gets a POST with JSON: title, text and what stands behind them; http:// only for this host",
        examples=["https://hooks.example/backups"],
    )
    timeout: int = Field(default=5, ge=1, le=10, description="how long one of the three tries may take, in seconds")


class StatusPage(Section):
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
