"""`kaizen notify`, and what a collection tells by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from collected import Collected
from kaizen_backups.cli import signals
from kaizen_backups.cli.main import cli
from kaizen_backups.errors import KaizenError
from kaizen_backups.history import open_history
from kaizen_backups.lock import only_run
from kaizen_backups.settings import Settings, load_settings
from receivers import MailServer, WebServer


@pytest.fixture
def receivers() -> Iterator[tuple[MailServer, WebServer]]:
    """Yield a mail server and a web server."""
    with MailServer() as mails, WebServer() as web:
        yield mails, web


@pytest.fixture
def config(settings: Settings, tmp_path: Path, receivers: tuple[MailServer, WebServer]) -> Path:
    """Return settings that tell both, of a collector whose one node is stale."""
    mails, web = receivers
    data: dict[str, Any] = settings.model_dump(mode="json", exclude={"mail", "notify"})
    data["mail"] = {"to": ["ops@example.com"], "smtp": {"host": "127.0.0.1", "port": mails.port, "starttls": False}}
    data["notify"] = {"url": web.url}
    data["retry_seconds"] = 0
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(data))
    with open_history(settings.history_file) as history:
        Collected(settings, history).node("one", "2020-01-01")
    return path


def notify(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--config", str(config), "notify", *arguments])


def told(receivers: tuple[MailServer, WebServer]) -> tuple[list[str], list[str]]:
    mails, web = receivers
    return [str(mail["Subject"]) for mail in mails.mails], [str(one["title"]) for one in web.calls]


BAD = "kaizen: 1 of 1 node not safe"


def test_it_tells_whatever_was_told_before(config: Path, receivers: tuple[MailServer, WebServer]) -> None:
    for _ in range(2):
        assert notify(config).exit_code == 0
    assert told(receivers) == ([BAD, BAD], [BAD, BAD])
    signals.tell(load_settings(config))
    assert told(receivers) == ([BAD, BAD], [BAD, BAD])


def test_one_of_both_can_be_chosen(config: Path, receivers: tuple[MailServer, WebServer]) -> None:
    notify(config, "--mail")
    assert told(receivers) == ([BAD], [])
    notify(config, "--webhook")
    assert told(receivers) == ([BAD], [BAD])


def test_a_test_says_so_and_does_not_count(config: Path, receivers: tuple[MailServer, WebServer]) -> None:
    assert notify(config, "--test").exit_code == 0
    test = f"kaizen: this is only a test ({BAD})"
    assert told(receivers) == ([test], [test])
    signals.tell(load_settings(config))
    assert told(receivers) == ([test, BAD], [test, BAD])


def test_a_dry_run_shows_it_and_sends_nothing(config: Path, receivers: tuple[MailServer, WebServer]) -> None:
    result = notify(config, "--dry-run")
    assert result.exit_code == 0
    assert f"To: ops@example.com\nSubject: {BAD}\n\n{BAD}\n" in result.output
    assert f'"title": "{BAD}"' in result.output
    assert "secret-token" not in result.output
    assert told(receivers) == ([], [])


def test_what_fails_is_named_and_the_other_is_told_all_the_same(
    config: Path, receivers: tuple[MailServer, WebServer]
) -> None:
    data = yaml.safe_load(config.read_text())
    with WebServer([404]) as refusing:
        data["notify"]["url"] = refusing.url
        config.write_text(yaml.safe_dump(data))
        result = notify(config)
    assert result.exit_code == 69
    assert "kaizen: notify: 127.0.0.1: it answered 404" in result.stderr
    assert "secret-token" not in result.output
    assert told(receivers)[0] == [BAD]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "neither 'mail' nor 'notify'"), (["--mail"], "no 'mail'"), (["--webhook"], "no 'notify'")],
)
def test_without_settings_it_says_what_is_missing(
    settings: Settings, tmp_path: Path, arguments: list[str], said: str
) -> None:
    path = tmp_path / "collector.yaml"
    path.write_text(yaml.safe_dump(settings.model_dump(mode="json")))
    error = notify(path, *arguments).exception
    assert isinstance(error, KaizenError)
    assert error.exit_code == 78
    assert said in str(error)


def test_after_a_night_what_fails_is_said_and_nothing_more(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = yaml.safe_load(config.read_text())
    data["mail"]["smtp"]["host"] = "127.0.0.2"
    with WebServer([404]) as refusing:
        data["notify"]["url"] = refusing.url
        config.write_text(yaml.safe_dump(data))
        signals.tell(load_settings(config))
    mail, webhook = capsys.readouterr().err.splitlines()
    assert mail.startswith("kaizen: the digest was not sent: mail: 127.0.0.2:")
    assert webhook.startswith("kaizen: the webhook was not called: notify: 127.0.0.1: it answered 404")


@pytest.mark.parametrize(("arguments", "tells"), [([], True), (["one"], False), (["--dry-run"], False)])
def test_a_collection_of_all_nodes_tells_and_another_does_not(
    config: Path, receivers: tuple[MailServer, WebServer], settings: Settings, arguments: list[str], tells: bool
) -> None:
    assert settings.sources.nodes_d
    host = {"address": "127.0.0.1", "port": 1, "host_keys": [_key(settings)]}
    (settings.sources.nodes_d / "one.yaml").write_text(yaml.safe_dump(host))
    result = CliRunner().invoke(cli, ["--config", str(config), "collect", *arguments])
    assert result.exit_code == 1
    assert told(receivers) == (([BAD], [BAD]) if tells else ([], []))


def test_a_collection_that_cannot_begin_is_told(
    config: Path, receivers: tuple[MailServer, WebServer], settings: Settings
) -> None:
    """Where nobody reads cron's mail, no news would be good news."""
    settings.nodes_file.unlink()
    result = CliRunner().invoke(cli, ["--config", str(config), "collect"])
    assert result.exit_code == 1
    title = "kaizen: no node is known, no collection"
    assert told(receivers) == ([title], [title])


def test_a_part_of_the_node_list_that_cannot_be_used_is_told(
    config: Path, receivers: tuple[MailServer, WebServer], settings: Settings
) -> None:
    assert settings.sources.nodes_d
    host = {"address": "127.0.0.1", "port": 1, "host_keys": [_key(settings)]}
    (settings.sources.nodes_d / "one.yaml").write_text(yaml.safe_dump(host))
    (settings.sources.nodes_d / "two.yaml").write_text("address: [\n")
    CliRunner().invoke(cli, ["--config", str(config), "collect"])
    (title,) = told(receivers)[1]
    assert title.endswith(", node list")


def test_a_broken_history_is_told(config: Path, receivers: tuple[MailServer, WebServer], settings: Settings) -> None:
    settings.history_file.write_bytes(b"no database at all" * 100)
    CliRunner().invoke(cli, ["--config", str(config), "collect"])
    (title,) = set(told(receivers)[0])
    assert "no collection" in title
    assert "history" in title


def test_a_collection_that_another_one_keeps_out_tells_nothing(
    config: Path, receivers: tuple[MailServer, WebServer], settings: Settings
) -> None:
    with only_run(settings.lock_file):
        result = CliRunner().invoke(cli, ["--config", str(config), "collect"])
    assert result.exit_code != 0
    assert told(receivers) == ([], [])


def _key(settings: Settings) -> str:
    nodes = yaml.safe_load(settings.nodes_file.read_text())["nodes"]
    return str(nodes[0]["host_keys"][0])


def test_report_with_mail_sends_the_digest_when_one_is_due(
    config: Path, receivers: tuple[MailServer, WebServer], tmp_path: Path
) -> None:
    (tmp_path / "www").mkdir()
    for _ in range(2):
        arguments = ["--config", str(config), "report", "--to", str(tmp_path / "www/report"), "--mail"]
        run = CliRunner().invoke(cli, arguments)
        assert (run.exit_code, run.output) == (0, f"{tmp_path}/www/report/index.html\n")
    assert told(receivers) == ([BAD], [])


def test_report_with_mail_needs_to_know_whom_to_mail(config: Path) -> None:
    config.write_text(
        "".join(f"{line}\n" for line in config.read_text().splitlines() if line[:5] in ("store", "state"))
    )
    run = CliRunner().invoke(cli, ["--config", str(config), "report", "--mail"])
    assert run.exit_code != 0
    assert "the settings have no 'mail'" in str(run.exception) + run.output


def test_a_page_that_cannot_be_written_keeps_no_mail_back(
    config: Path, receivers: tuple[MailServer, WebServer], tmp_path: Path
) -> None:
    run = CliRunner().invoke(cli, ["--config", str(config), "report", "--to", str(tmp_path / "no/where"), "--mail"])
    assert run.exit_code != 0
    assert told(receivers) == ([BAD], [])


def test_a_password_that_no_mail_server_could_be_told_is_an_error_that_does_not_show_it(
    config: Path, receivers: tuple[MailServer, WebServer], tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("geheimnisvöll\n")
    data = yaml.safe_load(config.read_text())
    data["mail"]["smtp"] |= {"user": "kaizen", "password_file": str(tmp_path / "password"), "host": "127.0.0.1"}
    config.write_text(yaml.safe_dump(data))
    run = notify(config, "--mail")
    assert run.exit_code != 0
    said = f"{run.output}{run.stderr}"
    assert f"{tmp_path}/password: the password for the mail server must be ASCII" in said
    assert "geheimnis" not in said
