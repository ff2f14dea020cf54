"""How one host is backed up: the parameters of the class quickstack::backups, for a host without it.

What is refused is what the module's types refuse (types/backups/*.pp): a test compares the two.
"""

import ipaddress
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

_CONTROL = r"\x00-\x1f\x7f-\x9f"
_SPACE = r"\s"
_SEGMENTS = rf"(?:/(?!\.{{1,2}}(?:/|\Z))[^/{_CONTROL}]+)+"
_SYSTEM_DIRS = (
    "bin|boot|dev|etc|home|lib|lib32|lib64|libx32|media|mnt|opt|proc|root|run|sbin|srv|sys|tmp|usr|var"
    "|var/(?:backups|cache|lib|log|mail|opt|run|spool|tmp)"
)
_SYSTEM_TREES = "bin|boot|dev|etc|lib|lib64|proc|run|sbin|sys|usr|var/lib/kaizen"
_PLAIN = r"(?:/(?!\.{1,2}(?:/|\Z))[A-Za-z0-9._+-]+)+"
_MAIL = r"[A-Za-z0-9][A-Za-z0-9._+-]*(?:@[A-Za-z0-9][A-Za-z0-9.-]*)?"
_SYSTEM_USERS = (
    "root|adm|apache|avahi|backup|bin|chrony|clevis|daemon|dbus|dnsmasq|ftp|games|geoclue|gnats|haproxy|halt|irc|ldap"
    "|libvirt-qemu|list|lp|mail|man|memcached|messagebus|mysql|named|news|nginx|nobody|ntp|operator|polkitd|postfix"
    "|postgres|proxy|pulse|puppet|puppetdb|qemu|rabbitmq|redis|rpc|rpcuser|rtkit|saslauth|shutdown|sshd|sssd|sync|sys"
    "|syslog|systemd-[a-z]+|tcpdump|tss|unbound|uucp|www-data|_apt|nova|keystone|glance|cinder|neutron|heat|swift|ceph"
)
_RSYNC_WORDS = "checksum|fsync|no-whole-file|one-file-system|open-noatime|preallocate|whole-file"
_KEY_TYPES = r"ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-(?:ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com"

PATTERNS: dict[str, tuple[str, str]] = {
    "role": (r"[a-z][a-z0-9_-]{0,31}", "a role's name, such as website"),
    "path": (rf"{_SEGMENTS}/?(?<!{_SPACE})", "an absolute path below /, without '.', '..' or '//'"),
    "exclude": (
        rf"(?!!\Z|[+-] )[^{_CONTROL}{_SPACE}](?:[^{_CONTROL}]*[^{_CONTROL}{_SPACE}])?",
        "an rsync pattern or an absolute path, and no filter rule",
    ),
    "dump": (
        "|".join(
            ["mysql|postgresql|mongodb|rabbitmq|packages|hil|libvirt|ceph"]
            + [rf"{kind}:{_SEGMENTS}(?<!{_SPACE})" for kind in ("sqlite", "command:[A-Za-z0-9][A-Za-z0-9_-]*")]
        ),
        "one of mysql, postgresql, mongodb, rabbitmq, packages, hil, libvirt, ceph, sqlite:/path, command:NAME:/path",
    ),
    "plainpath": (_PLAIN, "an absolute path without blanks, quotes, wildcards or '..'"),
    "datadir": (
        rf"(?!/(?:{_SYSTEM_DIRS})\Z)(?!/(?:{_SYSTEM_TREES})/|/var/lib/kaizen\Z){_PLAIN}",
        "a directory of its own for snapshots, none of the system's",
    ),
    "rsyncarg": (
        "--(?:" + _RSYNC_WORDS + "|(?:bwlimit|max-alloc|max-size|timeout)=[A-Za-z0-9.]+)",
        "an option of rsync that leaves alone what a snapshot promises, such as --bwlimit=20m",
    ),
    "recipient": (
        (
            r"age1[02-9ac-hj-np-z]{58}"
            rf"|ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI[A-Za-z0-9+/]{{43}}(?: [^{_CONTROL}]+)?"
            rf"|ssh-rsa AAAAB3NzaC1yc2E[A-Za-z0-9+/]{{300,}}={{0,2}}(?: [^{_CONTROL}]+)?"
        ),
        "a public key that age takes: age1..., ssh-ed25519 AAAA... or ssh-rsa AAAA...",
    ),
    "user": (rf"(?!(?:{_SYSTEM_USERS})\Z)[a-z_][a-z0-9_-]{{0,30}}", "a user's name, none of the system's"),
    "mailto": (rf"{_MAIL}(?:,{_MAIL})*", "whom cron mails: addresses with commas between them"),
    "publickey": (
        rf"(?:{_KEY_TYPES}) AAAA[A-Za-z0-9+/]+={{0,2}}(?: [^{_CONTROL}]+)?",
        "one OpenSSH public key as in a .pub file, without options",
    ),
}
"""What a value must look like, by the name of the module's type, and how that is said."""


def fits(kind: str, value: str) -> bool:
    """Tell whether a value is one of that type."""
    return re.fullmatch(PATTERNS[kind][0], value) is not None


def _checked(kind: str) -> AfterValidator:
    def check(value: str) -> str:
        if not fits(kind, value):
            raise ValueError(f"must be {PATTERNS[kind][1]}")
        return value

    return AfterValidator(check)


def _check_ip(value: str) -> str:
    try:
        # A scope id (fe80::1%eth0) may hold anything, a quote and another key, too.
        ipaddress.ip_network(value.replace("%", "//"))
    except ValueError:
        raise ValueError("must be an address, or a network without host bits") from None
    return value


Role = Annotated[str, _checked("role")]
PublicKey = Annotated[str, _checked("publickey")]
IpAddress = Annotated[str, AfterValidator(_check_ip)]


class Declaration(BaseModel):
    """The parameters of quickstack::backups, with the same defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Role = "generic"
    paths: tuple[Annotated[str, _checked("path")], ...] = ()
    excludes: tuple[Annotated[str, _checked("exclude")], ...] = ()
    dumps: tuple[Annotated[str, _checked("dump")], ...] = ()
    backups_dir: Annotated[str, _checked("datadir")] = "/backups"
    log_file: Annotated[str, _checked("plainpath")] = "/var/log/kaizen-backup.log"
    metrics_dir: Annotated[str, _checked("plainpath")] | None = None
    keep_days: int = Field(default=2, ge=1, le=99999)
    verbosity: int = Field(default=0, ge=0, le=3)
    dry_run: bool = False
    rsync_args: tuple[Annotated[str, _checked("rsyncarg")], ...] = ()
    dump_recipients: tuple[Annotated[str, _checked("recipient")], ...] = ()
    user: Annotated[str, _checked("user")] = "kaizen"
    scheduler: Literal["cron", "timer"] = "cron"
    cron_hour: int = Field(default=1, ge=0, le=23)
    cron_min: int = Field(default=0, ge=0, le=59)
    cron_email: Annotated[str, _checked("mailto")] | None = None
