"""The kinds of values that collector.yaml is made of, each checked when it is read."""

import re
from datetime import time
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer

from kaizen_backups.fact_path import check_fact_path


def _absolute(path: Path) -> Path:
    if not path.is_absolute() or ".." in path.parts:
        raise ValueError("must be an absolute path")
    return path


def _https(url: str) -> str:
    """Take only what says a host and perhaps a port: host keys come from there, so nothing in clear text."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "https" or not parts.hostname or parts.path not in ("", "/") or port == 0 or "@" in parts.netloc:
        raise ValueError("must be https://HOST:PORT")
    return url.rstrip("/")


def _time_of_day(value: object) -> time:
    """Take HH:MM, in a string: YAML reads 12:30 without quotes as a number, of minutes."""
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(r"([01][0-9]|2[0-3]):[0-5][0-9]", value):
        raise ValueError('must be a time of day in quotes, such as "06:00"')
    return time.fromisoformat(value)


AbsolutePath = Annotated[Path, AfterValidator(_absolute)]
HttpsUrl = Annotated[str, AfterValidator(_https)]
FactPath = Annotated[str, AfterValidator(check_fact_path)]
TimeOfDay = Annotated[time, BeforeValidator(_time_of_day), PlainSerializer(lambda value: value.strftime("%H:%M"))]


class Section(BaseModel):
    """A part of collector.yaml: a key that it does not know is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True)
