"""Switches of every family, asked by ssh as they are asked at night."""

from contextlib import ExitStack

import pytest

from fake_switch import BY_FAMILY, KINDS, FakeSwitch
from kaizen_backups.switches.families import FAMILIES
from switch_site import Site


@pytest.fixture(scope="module")
def asked_twice(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a collector that has asked a switch of each family in two nights."""
    site = Site(tmp_path_factory.mktemp("families"))
    with ExitStack() as stack:
        for kind in KINDS:
            site.add(f"sw-{kind.family}", stack.enter_context(FakeSwitch(kind)))
        results = [site.kaizen("switches")]
        site.a_day_passes()
        results.append(site.kaizen("switches"))
    assert [(result.exit_code, result.output) for result in results] == [(0, ""), (0, "")]
    return site


def test_every_family_is_tried() -> None:
    assert set(FAMILIES) == set(BY_FAMILY)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_configuration_is_stored_whole_and_without_what_changes_by_itself(asked_twice: Site, family: str) -> None:
    expected = "\n".join(BY_FAMILY[family].stored).replace("{hex}", f"{1:032x}") + "\n"
    assert asked_twice.stored(f"sw-{family}") == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_an_unchanged_switch_has_one_file_in_both_nights(asked_twice: Site, family: str) -> None:
    first, second = (path / "running-config" for path in asked_twice.snapshots(f"sw-{family}"))
    assert first.samefile(second)
