"""The commands of the agent, read from its help."""

import re
import subprocess
from pathlib import Path

from manpages.commands import Command, blocks, exit_codes, is_examples

AGENT = Path(__file__).parents[2] / "files" / "backups" / "kaizen-backup"
_CALL = re.compile(r"^  kaizen-backup ([a-z][a-z-]*)(?: (.*))?$")
_OPTION = re.compile(r"^  (-.*?)  +(.*)$")


def agent_help(*command: str) -> str:
    """Return what the agent prints when it is asked for help."""
    return subprocess.run(["bash", AGENT, *command, "--help"], check=True, text=True, stdout=subprocess.PIPE).stdout


def agent_commands() -> list[Command]:
    """Return the agent itself and each of its commands."""
    title, calls, *rest = blocks(agent_help())
    arguments = {found[1]: found[2] or "" for line in calls if (found := _CALL.match(line))}
    paragraphs = [_sentence(title[0]), *(" ".join(block) for block in rest if not _is_codes(block))]
    main = Command("kaizen-backup", "COMMAND [ARGUMENT]...", paragraphs)
    return [main, *(_described(name, arguments[name]) for name in arguments)]


def agent_exit_codes() -> list[tuple[str, str]]:
    """Return the agent's exit codes and what they mean."""
    return next(exit_codes("\n".join(block)) for block in blocks(agent_help()) if _is_codes(block))


def _described(name: str, arguments: str) -> Command:
    title, *rest = blocks(agent_help(name))
    paragraphs, examples = [_sentence(title[0])], list[str]()
    options: list[tuple[str, str]] = []
    for block in rest:
        if is_examples(block):
            examples += [line[2:] for line in block[1:]]
        elif _OPTION.match(block[0]):
            options += [(found[1], found[2]) for line in block if (found := _OPTION.match(line))]
        else:
            paragraphs.append(" ".join(block))
    return Command(f"kaizen-backup {name}", arguments, paragraphs, examples, options)


def _is_codes(block: list[str]) -> bool:
    return block[0] == "Exit codes:"


def _sentence(title: str) -> str:
    """Return what stands behind the name in a first line, as a sentence."""
    text = title.partition(": ")[2]
    return f"{text[0].upper()}{text[1:]}."
