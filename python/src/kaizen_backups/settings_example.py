"""collector.yaml with every setting in it, to start from."""

import json
from typing import Any, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefinedType

from kaizen_backups.settings import Settings
from kaizen_backups.units import show_size


def example() -> str:
    """Return a collector.yaml with every setting, its meaning and its default; what has none is commented out."""
    return "\n".join(["# Settings of a kaizen collector.", *_example_of(Settings), ""])


def _example_of(section: type[BaseModel]) -> list[str]:
    lines = []
    for attribute, field in section.model_fields.items():
        name = field.alias or attribute
        lines.append(f"# {field.description}")
        default = field.get_default()
        inner = section_in(field.annotation)
        if inner:
            mark = "# " if default is None else ""
            if get_origin(field.annotation) is dict:
                mark = "# "
                lines.append(f"{mark}{name}:")
                name = f"  {(field.examples or [])[0]}"
            lines.append(f"{mark}{name}:")
            indent = " " * (len(name) - len(name.lstrip()) + 2)
            lines += [f"{mark}{indent}{line}" for line in _example_of(inner)]
        elif isinstance(default, None | PydanticUndefinedType):
            mark = "# " if default is None else ""
            lines += [f"{mark}{name}: {as_yaml(shown)}" for shown in field.examples or ()]
        else:
            lines.append(f"{name}: {shown_default(field)}")
    return lines


def section_in(annotation: Any) -> type[BaseModel] | None:
    """Return the section that a field holds, be it optional or not; None for a plain value."""
    for one in (annotation, *get_args(annotation)):
        if isinstance(one, type) and issubclass(one, BaseModel):
            return one
    return None


def shown_default(field: FieldInfo) -> str:
    """Return a field's default as YAML; of a size, as people write it."""
    default = field.get_default()
    return as_yaml(show_size(default) if "size" in field.metadata else default)


def as_yaml(value: object) -> str:
    """Return a value as YAML has it; a time must be in quotes there."""
    if isinstance(value, str) and ":" in value and "/" not in value:
        return json.dumps(value)
    if isinstance(value, tuple | bool):
        return json.dumps(value)
    return str(value)
