"""Read YAML (and so JSON) from outside, and say of a mistake in which line it stands."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from kaizen_backups.errors import ConfigError

Model = TypeVar("Model", bound=BaseModel)


def read_yaml(path: Path) -> Any:
    """Return what the file holds. Raises ConfigError with file and line when it is not YAML or can't be read."""
    try:
        return yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except Exception as error:  # PyYAML raises whatever int(), datetime() and the like do
        mark = getattr(error, "problem_mark", None)
        where = f"{path}:{mark.line + 1}" if mark else str(path)
        raise ConfigError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from error


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the mapping that the file holds; an empty file is an empty one. Raises ConfigError."""
    data = read_yaml(path)
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: expected 'key: value' lines, found {type(data).__name__}")
    return data


def load_model(path: Path, model: type[Model]) -> Model:
    """Read `path` into a pydantic model. Raises ConfigError, a line for each mistake."""
    data = read_mapping(path)
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError(explain(error, path)) from error


def explain(error: ValidationError, path: Path) -> str:
    """Say each of pydantic's complaints as `FILE:LINE: key: complaint`."""
    lines = []
    for complaint in error.errors(include_url=False, include_input=False):
        key = ".".join(str(part) for part in complaint["loc"])
        message = complaint["msg"].removeprefix("Value error, ")
        lines.append(f"{path}:{line_of(path, complaint['loc'])}: {key}: {message}")
    return "\n".join(lines)


def line_of(path: Path, location: Sequence[str | int]) -> int:
    """Return the line, from 1, of the deepest part of `location` that the file has."""
    node = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
    line = 1
    for part in location:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line
