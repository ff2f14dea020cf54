"""collector.yaml: what is wrong is named with file, line and key."""

from pathlib import Path

import pytest
import yaml

from kaizen_backups.errors import ConfigError
from kaizen_backups.settings import Settings, example, load_settings


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


def test_the_example_is_good_and_shows_every_setting(tmp_path: Path) -> None:
    assert load(tmp_path, example()) == Settings()
    shown = yaml.safe_load(example())
    assert set(shown) == set(Settings.model_fields)
    assert example().count("# ") >= len(Settings.model_fields)
