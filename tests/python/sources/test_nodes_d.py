"""nodes.d: one file a host."""

from pathlib import Path

from kaizen_backups.sources.nodes_d import read_nodes_d


def test_a_file_names_its_host(tmp_path: Path) -> None:
    (tmp_path / "www.example.yaml").write_text("address: 10.0.0.9\nrole: website\n")
    assert read_nodes_d(tmp_path).nodes == {
        "www.example": {"address": "10.0.0.9", "role": "website", "origin": "onboarded"}
    }


def test_no_directory_is_no_host(tmp_path: Path) -> None:
    assert read_nodes_d(tmp_path / "nowhere").nodes == {}


def test_mistakes_are_named_with_file_and_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("address: [\n")
    (tmp_path / "b.yaml").write_text("name: c\n")
    (tmp_path / "c.yaml").write_text("just words\n")
    (tmp_path / "good.yaml").write_text("address: 10.0.0.9\n")
    found = read_nodes_d(tmp_path)
    assert list(found.nodes) == ["good"]
    assert [problem.message.removeprefix(f"{tmp_path}/").split(": ")[0] for problem in found.problems] == [
        "a.yaml:2",
        "b.yaml",
        "c.yaml:1",
    ]
