"""The page of the collector's settings, from the model that reads them."""

import re
from collections.abc import Iterator
from typing import get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from kaizen_backups.settings import Settings
from kaizen_backups.settings_example import as_yaml, section_in, shown_default
from manpages.roff import Page, escape

_ABOUT = """
What the administrator of a collector decides. The file is YAML, read by kaizen(8) and kaizen-onboard(8).

Every setting is here with its whole name: `keep.days` is `days` in the section `keep`. What is not given has its
default; an unknown name or a value that is wrong is an error (exit code 78). NAME is a name that you give.

`kaizen config check` reads the file and names every mistake with its line; `kaizen config example` prints a file
with all settings.
"""
_EXAMPLE = """
store: /backups/nodes
sources:
  nodes_d: /etc/kaizen/nodes.d
  facts: /var/lib/kaizen/facts
keep: {days: 8, weeks: 5, months: 6}
jobs: 8
deadline: "06:00"
"""


def settings_page(version: str) -> str:
    """Return the page."""
    page = Page("kaizen-collector.yaml", 5, source=f"kaizen {version}")
    page.heading("NAME")
    page.paragraph("kaizen-collector.yaml - settings of a collector of backups")
    page.heading("SYNOPSIS")
    page.paragraph("`/etc/kaizen/collector.yaml`")
    page.heading("DESCRIPTION")
    for paragraph in _ABOUT.split("\n\n"):
        page.paragraph(paragraph)
    page.heading("SETTINGS")
    for name, text in settings_of(Settings):
        page.item(rf"\fB{escape(name)}\fR", text)
    page.heading("EXAMPLE")
    page.verbatim(_EXAMPLE.strip().splitlines())
    page.heading("SEE ALSO")
    page.paragraph("kaizen(8), kaizen-onboard(8), kaizen-node.conf(5)")
    return str(page)


def settings_of(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield every setting's whole name, and what it means."""
    for attribute, field in section.model_fields.items():
        name = prefix + (field.alias or attribute)
        text = f"{(field.description or '')[:1].upper()}{(field.description or '')[1:]}."
        inner = section_in(field.annotation)
        if inner:
            yield name, re.sub(r"\bAAAA\w{20,}", "AAAA...", text)  # a key is longer than a line
            yield from settings_of(inner, f"{name}.NAME." if get_origin(field.annotation) is dict else f"{name}.")
            continue
        default = field.get_default()
        if default is PydanticUndefined:
            text += (
                f" It must be given, as in {as_yaml(field.examples[0])}." if field.examples else " It must be given."
            )
        elif default is None:
            text += f" Example: {as_yaml(field.examples[0])}." if field.examples else ""
        else:
            text += f" Default: {shown_default(field)}."
        yield name, re.sub(r"\bAAAA\w{20,}", "AAAA...", text)  # a key is longer than a line
