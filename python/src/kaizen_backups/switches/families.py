"""What kinds of switches are known: which command shows the configuration, and how a whole one is told from a part."""

from dataclasses import dataclass

_CISCO_LIKE = (r"!\s*Last configuration change at .*",)


@dataclass(frozen=True)
class Family:
    """One kind of switch; patterns are regular expressions that fit a whole line.

    One of the first lines must fit `begins`, the last one `ends`, where these are given. Lines that fit `volatile` are
    left out: they change by themselves. Of what fits `unstable` the switch shows another form each time, so that a
    configuration which differs in nothing else counts as unchanged.
    """

    title: str
    device_type: str
    """How netmiko calls it."""
    command: str = "show running-config"
    begins: str = ""
    ends: str = ""
    volatile: tuple[str, ...] = ()
    unstable: tuple[str, ...] = ()
    paging: str = ""
    """The command that turns paging off, where netmiko does not know it."""
    enable: bool = False
    """Whether only `enable`, with a password or without, lets one see the configuration."""


FAMILIES = {
    "nos": Family(
        "Brocade VDX, Network OS",
        "brocade_vdx",
        begins=r"[a-z][\w-]* .*",  # no line is always there, but a statement is
        ends=r"!",
    ),
    "fastiron": Family(
        "Brocade and Ruckus ICX, FastIron",
        "ruckus_fastiron",
        begins=r"Current configuration.*|ver .*",
        ends=r"end",
        volatile=(r"Current configuration.*",),
    ),
    "nxos": Family(
        "Cisco Nexus, NX-OS",
        "cisco_nxos",
        begins=r"version .*",
        volatile=(r"!Time:.*", r"!Running configuration last done at:.*", r"!NVRAM config last update at:.*"),
    ),
    "cumulus": Family(
        "Cumulus Linux with NVUE", "cumulus_linux", "nv config show --color off", begins=r"- (header|set):.*"
    ),
    "cumulus-nclu": Family(
        "Cumulus Linux with NCLU", "cumulus_linux", "net show configuration commands", begins=r"net (add|del) .*"
    ),
    "mlnx-os": Family(
        "Mellanox, MLNX-OS and Onyx",
        "mellanox_mlnxos",
        begins=r"## Running database.*",
        volatile=(r"##\s*Generated at .*",),
        enable=True,
    ),
    "enos": Family(
        "IBM and Lenovo RackSwitch, (Enterprise) Networking OS",
        "cisco_ios",
        begins=r"Current configuration:.*",
        ends=r"end",
        volatile=(r"Current configuration:.*",),
        unstable=(r'(password|ekey) "[0-9a-f]+"',),
        paging="terminal-length 0",
        enable=True,
    ),
    "cnos": Family(
        "Lenovo RackSwitch, Cloud Networking OS",
        "cisco_nxos",
        begins=r"Current configuration:.*|version .*",
        ends=r"end",
        volatile=(r"Current configuration:.*",),
    ),
    "dell-os6": Family(
        "Dell N series, OS6",
        "dell_os6",
        begins=r"!Current Configuration:.*",
        volatile=(r"!System Up ?Time.*", r"!Current SNTP.*"),
        enable=True,
    ),
    "dell-os9": Family(
        "Dell S and Z series, OS9 (FTOS)",
        "dell_os9",
        begins=r"!\s*Version .*",
        ends=r"end",
        volatile=(r"Current Configuration .*", *_CISCO_LIKE, r"!\s*Startup-config last updated at .*"),
        enable=True,
    ),
    "dell-os10": Family("Dell, OS10", "dell_os10", begins=r"!\s*Version .*", volatile=_CISCO_LIKE),
}
"""Every family, by the name that switches.yaml has for it."""
