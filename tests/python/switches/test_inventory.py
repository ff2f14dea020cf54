"""switches.yaml: what it says is checked, and a mistake is named with file and line."""

from pathlib import Path

import pytest

from kaizen_backups.errors import ConfigError
from kaizen_backups.switches.example import example
from kaizen_backups.switches.families import FAMILIES
from kaizen_backups.switches.inventory import load_inventory

LOGIN = "defaults: {user: backup, password: {file: /p}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the file goes."""
    return tmp_path / "switches.yaml"


def test_a_switch_has_what_the_defaults_say_unless_it_says_otherwise(file: Path) -> None:
    file.write_text(
        "defaults: {user: backup, password: {file: /p}, family: nos, port: 2222, timeout: 9}\n"
        "switches:\n  one: {address: 10.0.0.1}\n  two: {address: 10.0.0.2, family: nxos, user: admin, port: 22}\n"
        "  three: {address: 10.0.0.3, device_type: arista_eos, command: show run, ends: end, volatile: [x]}\n"
    )
    found = load_inventory(file).by_name
    one, two, three = found["one"], found["two"], found["three"]
    assert (one.family, one.user, one.port, one.timeout) == (FAMILIES["nos"], "backup", 2222, 9)
    assert (two.family, two.user, two.port) == (FAMILIES["nxos"], "admin", 22)
    assert (three.family.device_type, three.family.command, three.family.ends) == ("arista_eos", "show run", "end")
    assert three.family.volatile == ("x",)


def test_a_switch_of_another_family_than_the_defaults_has_nothing_of_theirs(file: Path) -> None:
    kind = "device_type: arista_eos, command: show it, begins: b, ends: e, paging: p, volatile: [x]"
    file.write_text(
        f"defaults: {{user: backup, password: {{file: /p}}, {kind}}}\n"
        "switches:\n  one: {address: 10.0.0.1}\n  two: {address: 10.0.0.2, family: nxos}\n"
    )
    found = load_inventory(file).by_name
    assert (found["one"].family.ends, found["one"].family.volatile) == ("e", ("x",))
    assert found["two"].family == FAMILIES["nxos"]


def test_a_switch_that_names_the_family_of_the_defaults_has_what_they_say_of_it(file: Path) -> None:
    file.write_text(
        "defaults: {user: backup, password: {file: /p}, family: nos, ends: e}\n"
        "switches:\n  one: {address: 10.0.0.1, family: nos}\n"
        "  two: {address: 10.0.0.2, device_type: arista_eos, command: show it}\n"
    )
    found = load_inventory(file).by_name
    assert (found["one"].family.ends, found["two"].family.ends) == ("e", "")


def test_null_clears_what_the_defaults_say(file: Path) -> None:
    file.write_text(
        "defaults: {user: backup, password: {file: /p}, enable: {file: /e}, family: cumulus}\n"
        "switches:\n  one: {address: 10.0.0.1, enable: null}\n  two: {address: 10.0.0.2, family: fastiron}\n"
    )
    found = load_inventory(file).by_name
    assert found["one"].enable is None
    assert found["two"].enable is not None


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("switches:\n  one: {address: x, adress: x}", "2: switches.one.adress: Extra inputs are not permitted"),
        ("switches:\n  one: {address: 10.0.0.1, family: nos}", "2: switches.one: user: nobody is named"),
        (f"{LOGIN}switches:\n  one: {{address: 10.0.0.1}}", "3: switches.one: family: give the family"),
        ("switches:\n  one:\n    address: x\n    family: vdx\n", "4: switches.one.family: must be one of nos"),
        ("switches:\n  one: {address: x, user: y, family: nos}", "2: switches.one: password: neither a password"),
        ("switches:\n  keys: {address: x}", "2: switches.keys.[key]: is a command, 'kaizen switches keys'"),
        ("defaults: {ends: '('}", "1: defaults.ends: must be a regular expression"),
        ("defaults: {device_type: arista_eos_telnet}", "1: defaults.device_type: must be one of netmiko's"),
        ("switches:\n  One: {address: x}", "2: switches.One.[key]: must be a host name"),
        ("jobs: 0", "1: jobs: "),
        (
            f"{LOGIN}switches:\n  one: {{address: x, family: cumulus-nclu, enable: {{file: /e}}}}",
            "3: switches.one: enable: Cumulus Linux has none",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as error:
        load_inventory(file)
    assert str(error.value).startswith(f"{file}:{complaint}"), error.value


@pytest.mark.parametrize(
    "value",
    [
        "hunter2",
        "12345678",
        "{value: hunter2}",
        "[hunter2]",
        "{hunter2}",
        "{file: /p, value: hunter2}",
        "{file: /p, environment: X}",
        "{}",
    ],
)
def test_a_password_in_the_file_is_refused_and_not_repeated(file: Path, value: str) -> None:
    file.write_text(f"defaults:\n  password: {value}\n")
    with pytest.raises(ConfigError) as error:
        load_inventory(file)
    assert str(error.value) == (
        f"{file}:2: defaults.password: never stands here itself:"
        " give {file: PATH}, {environment: NAME} or {command: [PROGRAM]}"
    )


def test_the_example_is_good_and_names_every_family(file: Path) -> None:
    file.write_text(example())
    found = load_inventory(file)
    assert len(found.by_name) == 4
    assert all(f"#   {name} " in example() for name in FAMILIES)
