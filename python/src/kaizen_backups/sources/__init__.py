"""Where nodes are known from. Each source gives stated fields by node name, and what it could not use."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One file or node that could not be used: where, why, and which node it is about."""

    node: str
    message: str


@dataclass
class Found:
    """What a source knows: for each node's name the fields it states, and the problems met.

    `source` is what messages call it. What an administrator wrote by hand overrides the others without being asked why.
    """

    source: str
    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    by_hand: bool = False
