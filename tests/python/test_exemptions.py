"""exemptions.yaml: each exemption has a reason and an end, and a mistake is named with its line."""

from datetime import date
from pathlib import Path

import pytest

from kaizen_backups.errors import ConfigError
from kaizen_backups.exemptions import read_exemptions


def test_an_exemption_has_a_reason_and_an_end(tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("test01.example: {reason: made anew each night, until: 2027-01-31}\n")
    (exemption,) = read_exemptions(tmp_path / "e.yaml").values()
    assert (exemption.reason, exemption.until) == ("made anew each night", date(2027, 1, 31))


def test_no_file_and_an_empty_one_exempt_nobody(tmp_path: Path) -> None:
    assert read_exemptions(tmp_path / "e.yaml") == {}
    (tmp_path / "e.yaml").write_text("# nobody\n")
    assert read_exemptions(tmp_path / "e.yaml") == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: {reason: because, until: 2027-01-31}\nb: {until: 2027-01-31}", ":2: b.reason: Field required"),
        ("a: {reason: because}", ":1: a.until: Field required"),
        ("a:\n  reason: ' '\n  until: 2027-01-31", ":2: a.reason: "),
        ("a:\n  reason: because\n  until: never", ":3: a.until: "),
        ("a: {reason: because, until: 2027-01-31, for: x}", ":1: a.for: "),
        ("'*': {reason: because, until: 2027-01-31}", "must be a host name"),
        ("- a", ":1: expected 'key: value' lines"),
        ("a: b", ":1: a: "),
        ("a: [", ":2: not YAML|:1: not YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "e.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"e\.yaml.*({complaint})"):
        read_exemptions(tmp_path / "e.yaml")
