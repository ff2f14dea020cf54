"""switches.yaml with every key in it, to start from."""

from kaizen_backups.switches.families import FAMILIES

_HEAD = """\
# Switches whose running configuration is stored every night. No password stands here; see docs/switches.md.

# Their host keys, by the names below: 'kaizen switches keys NAME' prints lines for it, to be compared first.
known_hosts: /etc/kaizen/switches.known_hosts
# How many are asked at the same time.
jobs: 20

# What holds for every switch that does not say otherwise; each of these keys may also stand with a switch.
defaults:
  family: fastiron
  user: backup
  # A password: {file: PATH}, owned by root, mode 0600; {environment: NAME}; or {command: [PROGRAM, ARGUMENT, ...]}.
  password: {file: /etc/kaizen/switches.password}
  # The password of 'enable', where there is one.
  # enable: {command: [pass, show, switches/enable]}
  # A private key to log in with, in place of a password or beside it.
  # key: /etc/kaizen/ssh/switches
  # port: 22
  # How long one session may take, in seconds.
  timeout: 60

switches:
  icx1.example: {address: 10.0.0.11}
  vdx1.example: {address: 10.0.0.12, family: nos}
  leaf1.example:
    address: 10.0.0.13
    family: nxos
    user: admin
    password: {environment: LEAF_PASSWORD}
  # Whatever else netmiko knows: its device_type, the command, and how a whole answer begins and ends.
  # Patterns are regular expressions that fit a whole line; lines that fit one of 'volatile' are left out.
  other1.example:
    address: 10.0.0.14
    device_type: arista_eos
    command: show running-config
    begins: "! Command: show running-config.*"
    ends: end
    volatile: ["! Last configuration change .*"]
    # paging: terminal length 0

# The families:
"""


def example() -> str:
    """Return a switches.yaml to start from."""
    return _HEAD + "".join(f"#   {name:13} {family.title}\n" for name, family in FAMILIES.items())
