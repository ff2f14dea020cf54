"""collector.yaml: what is wrong is named with file, line and key."""

import json
import re
from datetime import time
from pathlib import Path

import pytest
import yaml

from kaizen_backups.errors import ConfigError
from kaizen_backups.settings import Keep, PuppetDB, Settings, Sources, load_settings
from kaizen_backups.settings_example import example
from kaizen_backups.settings_offsite import Forget, Repository
from kaizen_backups.settings_told import Mail, Metrics, Notify, Smtp, StatusPage


def load(tmp_path: Path, text: str) -> Settings:
    (tmp_path / "collector.yaml").write_text(text)
    return load_settings(tmp_path / "collector.yaml")


def test_an_empty_file_gives_the_defaults(tmp_path: Path) -> None:
    settings = load(tmp_path, "")
    assert settings.store == Path("/backups/nodes")
    assert settings.keep.days == settings.jobs == 8


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("keep:\n  days: 0\n", ":2: keep.days: "),
        ("jobs: many\n", ":1: jobs: "),
        ("store: backups\n", ":1: store: must be an absolute path"),
        ("store: /a/../b\n", ":1: store: must be an absolute path"),
        ("\n\nstor: /backups\n", ":3: stor: "),
        ("keep: 8\n", ":1: keep: "),
        ("jobs: [\n", ":2: not YAML: "),
        ("- a\n", ":1: expected 'key: value' lines"),
        ("jobs: 0\nkeep: {days: 0}\n", ":2: keep.days: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as error:
        load(tmp_path, text)
    assert f"{tmp_path}/collector.yaml{complaint}" in str(error.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml: No such file"):
        load_settings(tmp_path / "nowhere.yaml")


def test_the_example_is_good_and_shows_every_setting_with_its_meaning(tmp_path: Path) -> None:
    assert load(tmp_path, example()) == Settings()
    everything = example()
    for _level in range(3):  # a section in a section is commented out twice, and what has no default in it once more
        everything = re.sub(r"(?m)^( *)# ( *(# +)*[a-z_]+:( .*)?)$", r"\1\2", everything)
    shown = load(tmp_path, everything).model_dump()
    assert shown.keys() == Settings.model_fields.keys()
    sections = [
        shown,
        shown["sources"],
        shown["metrics"],
        shown["mail"],
        shown["mail"]["smtp"],
        shown["notify"],
        shown["report"],
        shown["offsite"]["cluster"],
    ]
    assert None not in [value for section in sections for value in section.values()]
    assert re.search(r"(?m)^ *from: kaizen@example", everything)
    for section in (Settings, Sources, PuppetDB, Keep, Metrics, Mail, Smtp, Notify, StatusPage, Repository, Forget):
        for field in section.model_fields.values():
            assert f"# {field.description}\n" in example()


@pytest.mark.parametrize(
    "url",
    [
        "http://puppetdb.example:8080", "puppetdb.example", "https://", "https://a:port", "https://a:0", "https://a:70000",
        "https://user:secret@a", "https://a/x", "https://[::1", "ldaps://a", "",
    ],
)  # fmt: skip
def test_puppetdb_is_asked_over_tls_or_not_at_all(tmp_path: Path, url: str) -> None:
    files = "ca: /a, cert: /b, key: /c"
    with pytest.raises(ConfigError, match=r":1: sources\.puppetdb\.url: must be https://HOST:PORT"):
        load(tmp_path, f"sources: {{puppetdb: {{url: '{url}', {files}}}}}")
    assert load(tmp_path, f"sources: {{puppetdb: {{url: 'https://a:8081/', {files}}}}}").sources.puppetdb


@pytest.mark.parametrize("fact", ["name", "networking.ip", 'networking.interfaces."eth0.100".ip', "ipaddress_br-ex"])
def test_an_address_fact_is_a_path(tmp_path: Path, fact: str) -> None:
    assert load(tmp_path, f"address_fact: '{fact}'").address_fact == fact


@pytest.mark.parametrize(
    "fact", ["", ".", "a..b", "a.", "a b", 'a"', 'a."b', "a] {", "a, certname", 'a."b\n"', "a" * 201]
)
def test_what_could_change_a_query_is_no_address_fact(tmp_path: Path, fact: str) -> None:
    with pytest.raises(ConfigError, match="address_fact: must be a fact's name"):
        load(tmp_path, yaml.safe_dump({"address_fact": fact}))


def test_a_deadline_is_a_time_of_day_in_quotes(tmp_path: Path) -> None:
    assert load(tmp_path, 'deadline: "06:30"').deadline == time(6, 30)
    assert load(tmp_path, "").deadline is None
    for text in ("12:30", '"24:00"', '"6:00"', '"06:00:00"', '"6"', "600", "soon"):
        with pytest.raises(ConfigError, match='deadline: must be a time of day in quotes, such as "06:00"'):
            load(tmp_path, f"deadline: {text}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("collectors: [a, a]", ":1: collectors: one is named twice"),
        ("collectors: [a, b]\nname: c", ":2: name: c is not one of the collectors"),
        ("collectors: ['../a']", "collectors.0: must be a host name"),
        ("name: A", "name: must be a host name"),
    ],
)
def test_a_mistake_among_the_collectors_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load(tmp_path, text)


@pytest.mark.parametrize(
    "url",
    [
        "srv", "/srv/../etc", "ftp://a/b", "sftp://a/b", "sftp://u@a", "sftp://-oProxyCommand=x@a/b", "sftp://u@-oX/b",
        "ssh://u@a/b", "ssh://u:secret@a", "rest:http://a/b", "rest:https://u:secret@a/b", "s3:https://k@a/b",
        "/srv/a b", "sftp://u@a:0/b", "sftp://u@a/b?c", "ssh://u@a'b", "",
    ],
)  # fmt: skip
def test_a_repository_is_a_place_without_a_password_or_an_option_in_it(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigError, match=r"collector.yaml:1: offsite.cluster.repository: must"):
        load(tmp_path, f"offsite: {{cluster: {{repository: {json.dumps(url)}}}}}")


@pytest.mark.parametrize(
    "url",
    [
        "/srv/offsite", "sftp://u@a.example:2222/srv/x", "ssh://u@a.example", "ssh://u@10.0.0.9:22", "rest:https://a/b",
        "s3:https://rgw.example:7480/bucket", "s3:http://127.0.0.1:7480/bucket",
    ],
)  # fmt: skip
def test_a_repository_may_be_anywhere_that_is_named(tmp_path: Path, url: str) -> None:
    found = load(tmp_path, f"offsite: {{cluster: {{repository: {json.dumps(url)}}}}}")
    assert found.offsite["cluster"].repository == url
