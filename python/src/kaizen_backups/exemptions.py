"""exemptions.yaml: which nodes need not be backed up, why, and until when."""

from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, RootModel, StringConstraints

from kaizen_backups.node import NodeName
from kaizen_backups.yaml_file import load_model


class Exemption(BaseModel):
    """Why a node is exempt, and the last day (the collector's) on which it is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reason: Annotated[str, StringConstraints(strip_whitespace=True)] = Field(min_length=3, max_length=500)
    until: date


class Exemptions(RootModel[dict[NodeName, Exemption]]):
    """The file: a node's name, and under it its exemption."""


def read_exemptions(path: Path) -> dict[str, Exemption]:
    """Return the exemptions by node; none when there is no such file. Raises ConfigError with file and line."""
    return load_model(path, Exemptions).root if path.exists() else {}
