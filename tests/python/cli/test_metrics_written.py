"""Which commands write the metrics anew."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from kaizen_backups.cli.main import cli
from kaizen_backups.settings import Settings
from samples import host_key
from stored import Nights


@pytest.mark.parametrize(
    ("arguments", "writes"),
    [
        (["collect"], True), (["collect", "n.example"], True), (["verify"], True), (["drill"], True),
        (["collect", "--dry-run"], False), (["status"], False),
    ],
)  # fmt: skip
def test_what_changes_them_writes_them(settings: Settings, tmp_path: Path, arguments: list[str], writes: bool) -> None:
    directory = tmp_path / "node-exporter"
    directory.mkdir()
    config = tmp_path / "collector.yaml"
    wanted = {"metrics": {"directory": str(directory)}, "retry_seconds": 0}
    config.write_text(yaml.safe_dump({**settings.model_dump(mode="json", exclude={"metrics"}), **wanted}))
    assert settings.sources.nodes_d
    host = {"address": "127.0.0.1", "port": 1, "host_keys": [host_key()]}
    (settings.sources.nodes_d / "n.example.yaml").write_text(yaml.safe_dump(host))
    Nights(settings.store).add("2026-11-24", {"etc/hosts": b"127.0.0.1 localhost\n"})
    CliRunner().invoke(cli, ["--config", str(config), "nodes", "refresh"])
    result = CliRunner().invoke(cli, ["--config", str(config), *arguments])
    assert result.exit_code in (0, 1), result.output
    file = directory / "kaizen.prom"
    assert file.exists() == writes
    if writes:
        assert 'kaizen_collect_snapshots{node="n.example"} 1.0' in file.read_text()
