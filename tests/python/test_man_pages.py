"""What the man pages tell: every command, every option, every setting, and examples that can be copied."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from kaizen_backups.cli.beside import Beside
from kaizen_backups.cli.main import cli as kaizen
from kaizen_backups.cli.onboard import cli as onboard
from kaizen_backups.exit_codes import ExitCode
from kaizen_backups.settings import Settings
from manpages.pages import agent, collector, onboarding
from manpages.program_page import Program, fold

ROOT = Path(__file__).parents[2]
AGENT = (ROOT / "files/backups/kaizen-backup").read_text()
PAGES = {page.name: page for place in ("files/backups/man", "python/man") for page in (ROOT / place).iterdir()}


def plain(page: str) -> str:
    """Return a page's source without what is only looks."""
    return re.sub(r"\\f[BIR]|\\&", "", PAGES[page].read_text()).replace(r"\-", "-").replace(r"\(aq", "'")


def terms(text: str) -> list[str]:
    return re.findall(r"(?m)^\.TP\n(.*)$", text)


def section_of(command: str, page: str) -> str:
    found = re.search(rf"(?ms)^\.SS {command}$(.*?)(?=^\.S[SH] |\Z)", plain(page))
    assert found, f"{command} is not in {page}"
    return found[1]


def options_in(text: str) -> set[str]:
    return {option for term in terms(text) for option in re.findall(r"(?<![\w-])--?[a-z][a-z-]*", term)}


def walk(command: click.Command, name: str) -> Iterator[tuple[str, click.Command]]:
    """Yield everything that can be called below a command."""
    context = click.Context(command)
    below: dict[str, click.Command | None] = {}
    if isinstance(command, click.Group):
        below = {one: command.get_command(context, one) for one in command.list_commands(context)}
    elif isinstance(command, Beside):
        below = {one.name or "": one for one in command.commands}
    for one, found in below.items():
        assert found
        yield f"{name} {one}", found
        yield from walk(found, f"{name} {one}")


@pytest.mark.parametrize("program", [kaizen, onboard], ids=["kaizen", "kaizen-onboard"])
def test_every_command_of_the_collector_is_there_with_its_options(program: click.Group) -> None:
    name = "kaizen" if program is kaizen else "kaizen-onboard"
    page = f"{name}.8"
    general = plain(page).partition(".SH OPTIONS")[2].partition(".SH ")[0]
    assert options_in(general) == {"--version", "--config", "-h", "--help"}
    commands = dict(walk(program, name))
    assert len(commands) > 10
    for command, found in commands.items():
        options = [parameter for parameter in found.params if isinstance(parameter, click.Option)]
        wanted = {word for option in options for word in (*option.opts, *option.secondary_opts)}
        assert options_in(section_of(command, page)) == wanted, command
    assert set(re.findall(r"(?m)^\.SS (.*)$", plain(page))) == set(commands)


def function(name: str) -> str:
    """Return the body of a function of the agent."""
    found = re.search(rf"(?ms)^{name}\(\) \{{\n(.*?)^\}}$", AGENT)
    assert found, name
    return found[1]


def test_every_command_of_the_agent_is_there_with_its_options() -> None:
    found = re.search(r"(?m)^ +(run \|.*)\) shift ;;$", function("main"))
    assert found
    commands = found[1].split(" | ")
    for command in commands:
        cases = re.findall(r"(?m)^ +(-[-a-z |]+)\)", function(f"cmd_{command.replace('-', '_')}"))
        wanted = {word for case in cases for word in case.split(" | ")} - {"-vv", "-vvv"}
        assert options_in(section_of(f"kaizen-backup {command}", "kaizen-backup.8")) == wanted, command
    headings = re.findall(r"(?m)^\.SS kaizen-backup (.*)$", plain("kaizen-backup.8"))
    assert sorted(headings) == sorted(commands)
    assert {"--again", "--accept-empty"} <= options_in(section_of("kaizen-backup run", "kaizen-backup.8"))


@pytest.mark.parametrize("page", ["kaizen.8", "kaizen-onboard.8"])
def test_every_exit_code_is_there(page: str) -> None:
    assert [int(term) for term in terms(plain(page).partition(".SH EXIT STATUS")[2]) if term.isdigit()] == list(
        ExitCode
    )


def test_the_agents_exit_codes_are_there() -> None:
    line = next(line for line in AGENT.splitlines() if line.startswith("readonly FAILED="))
    codes = ["0", *re.findall(r"=(\d+)", line)]
    assert [term for term in terms(plain("kaizen-backup.8")) if term.isdigit()] == codes


def test_every_key_of_node_conf_is_there_with_its_default() -> None:
    page = plain("kaizen-node.conf.5")
    cases = re.findall(r"(?m)^ +([a-z_]+(?: \| [a-z_]+)*)\)", function("set_key"))
    keys = {key for case in cases for key in case.split(" | ")}
    told = {term.partition(" = ")[0] for term in terms(page) if " = " in term}
    assert told == keys
    once, repeatable = (next(case for case in cases if case.startswith("role")).split(" | "), keys)
    for key in once:
        default = re.search(rf"(?m)\b{key}='?([^\s']*)", AGENT.partition("# What node.conf and the role file say.")[2])
        assert default
        meaning = page.partition(f".TP\n{key} = ")[2].partition(".TP")[0]
        assert f"Default: {default[1] or 'none'}" in meaning, key
    for key in repeatable - set(once):
        assert f".TP\n{key} = " in page


def test_what_node_conf_takes_is_there() -> None:
    page = plain("kaizen-node.conf.5")
    dumps = re.search(r"known='\^\((.*)\)\$'", function("add_dump"))
    assert dumps
    told = {re.split(r"[:\n]", term)[0] for term in terms(page.partition(".SH DUMPS")[2])}
    assert told == {dump.partition(":")[0] for dump in dumps[1].split("|")}
    arguments = set(re.findall(r"--[a-z-]+", function("add_rsync_arg").partition(")\n")[0]))
    assert "--bwlimit" in arguments
    assert set(re.findall(r"(?m)^(--[a-z-]+)", page)) == arguments


def names(schema: dict[str, Any], part: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Yield the whole name of each setting that a part of a JSON schema describes."""
    for name, field in part["properties"].items():
        yield prefix + name
        named = field.get("additionalProperties")
        for one in (named or field, *field.get("anyOf", ())):
            if "$ref" in one:
                below = f"{prefix}{name}.NAME." if named else f"{prefix}{name}."
                yield from names(schema, schema["$defs"][one["$ref"].rpartition("/")[2]], below)


def test_every_setting_of_the_collector_is_there() -> None:
    schema = Settings.model_json_schema()
    wanted = list(names(schema, schema))
    assert {"store", "sources.puppetdb.url", "mail.smtp.host", "offsite.NAME.forget.days"} <= set(wanted)
    assert terms(plain("kaizen-collector.yaml.5")) == wanted


@pytest.mark.parametrize("program", [agent, collector, onboarding])
def test_examples_can_be_copied_from_what_is_shown(program: Any) -> None:
    about: Program = program()
    page = PAGES[f"{about.commands[0].name}.8"]
    shown = subprocess.run(
        ["groff", "-man", "-Tutf8", "-P-cbou", page], check=True, text=True, stdout=subprocess.PIPE
    ).stdout
    lines = {line.strip() for line in shown.splitlines()}
    examples = [example for command in about.commands for example in command.examples]
    assert examples
    for example in examples:
        folded = fold(example)
        assert max(map(len, folded)) <= 72, example
        assert {line.strip() for line in folded} <= lines


def test_a_long_example_is_the_same_command_in_several_lines() -> None:
    words = ["kaizen", "find", "a b" * 9, "--node", "x" * 30, "--since", "3 days ago", "--name", "*.conf"]
    example = f"kaizen find '{words[2]}' --node {words[4]} --since \"3 days ago\" --name '*.conf'"
    folded = fold(example)
    assert len(folded) > 1
    script = "\n".join(["set -- \\", *folded, "printf '%s\\n' \"$@\""])
    assert subprocess.check_output(["bash", "-c", script], text=True).splitlines() == words


def test_a_remark_stays_in_its_column() -> None:
    first, second = fold(f"kaizen status      {'is everybody safe? ' * 4}".rstrip())
    assert first.startswith("kaizen status      is everybody")
    assert re.match(r" {19}\S", second)


@pytest.mark.parametrize("page", PAGES)
def test_no_dash_or_quote_is_made_pretty_on_any_system(page: str) -> None:
    lines = [line for line in PAGES[page].read_text().splitlines() if not line.startswith(r".\"")]
    assert not [line for line in lines if re.search(r"(?<!\\)[-'`^~]", line)]
