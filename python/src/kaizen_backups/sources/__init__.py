"""Where nodes are known from. Each source gives stated fields by node name, and what it could not use."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One file or node that could not be used: where, why, and which node it is about.

    Where only a file's name is known, `node` may be `short` of the domain.
    """

    node: str
    message: str
    short: bool = False


@dataclass
class Found:
    """What a source knows: for each node's name the fields it states, and the problems met.

    `source` is what messages call it. What an administrator wrote by hand overrides the others without being asked why.
    """

    source: str
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    by_hand: bool = False


def concerned(problems: Iterable[Problem], names: Iterable[str]) -> set[str]:
    """Return those of the names that a problem is about."""
    problems = list(problems)
    whole = {problem.node for problem in problems}
    short = {problem.node for problem in problems if problem.short}
    return {name for name in names if name in whole or (short and not short.isdisjoint(shorter(name)))}


def shorter(name: str) -> list[str]:
    """Return the names that a host may also be called by, with less of its domain or none, the longest first."""
    labels = name.split(".")
    return [".".join(labels[:end]) for end in range(len(labels) - 1, 0, -1)]
