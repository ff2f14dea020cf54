"""Nodes from Puppet fact files, one a node, YAML or JSON.

A file is called after its node. Taken are the facts themselves (`facter --json`, `facter --yaml`, `puppet facts`), and
facts under `values` beside a `name`, which is what a Puppet Server's fact cache and older `puppet facts` write. A node
is listed when its `kaizen_backup` fact says that it is enabled; see facts.d/kaizen_backup.
"""

from pathlib import Path
from typing import Any

import yaml

from kaizen_backups import lenient_json
from kaizen_backups.errors import ConfigError, KaizenError, printable
from kaizen_backups.fact_path import dig
from kaizen_backups.sources import Found, Problem, shorter
from kaizen_backups.sources.fact_values import address_of, host_keys_of, plain

SUFFIXES = (".yaml", ".yml", ".json")


class _FactLoader(yaml.CSafeLoader):
    """Safe YAML in which Ruby's object tags are mappings: a fact cache begins with one."""


_FactLoader.add_multi_constructor(
    "!ruby/object:", lambda loader, _suffix, node: loader.construct_mapping(node, deep=True)
)


def read_facts(directory: Path, address_fact: str = "networking.ip") -> Found:
    """Read every fact file of a directory; `address_fact` says where an address is.

    Raises ConfigError when the directory itself can't be read.
    """
    found = Found("the facts")
    try:
        files = sorted(f for f in directory.iterdir() if _is_fact_file(f))
    except OSError as error:
        raise ConfigError(f"sources.facts: {directory}: {error.strerror}") from error
    loaded = []
    for file in files:
        try:
            name, facts = _load(file)
            loaded.append((file.stem.lower() != name, file, name, facts))
        except KaizenError as error:
            found.problems.append(Problem(file.stem.lower(), str(error), short=True))
    taken: dict[str, Path] = {}
    # A file with the whole name goes before a short one, which may be of a host that only says it has that name.
    for _, file, name, facts in sorted(loaded, key=lambda entry: entry[:2]):
        backup = facts.get("kaizen_backup")
        if name in taken:
            message = f"{file}: {printable(name)} has another fact file already, {taken[name]}"
            found.problems.append(Problem(file.stem, message))
        elif isinstance(backup, dict) and backup.get("enabled") in (True, "true"):
            found.nodes[name] = _node(name, facts, backup, address_fact)
        taken.setdefault(name, file)
    return found


def _is_fact_file(path: Path) -> bool:
    return path.suffix in SUFFIXES and not path.name.startswith(".") and path.is_file()


def read_fact(directory: Path, name: str, fact: str) -> Any:
    """Return one fact of one node; None when there is none, or no file of that node that holds facts.

    As in the node list, a file with the whole name goes before a short one.
    """
    for stem in (name, *shorter(name)):
        for suffix in SUFFIXES:
            try:
                known, facts = _load(directory / f"{stem}{suffix}")
            except ConfigError:
                continue
            if known == name:
                return facts.get(fact)
    return None


def _load(file: Path) -> tuple[str, dict[str, Any]]:
    """Return the certname and the facts of one file.

    Facts are a node's own words, so the name in them must be the one that the file has, whole or without its domain:
    otherwise one node could take another's place.
    """
    try:
        data = _parse(file)
    except OSError as error:
        raise ConfigError(f"{file}: {error.strerror}") from error
    except Exception as error:  # PyYAML raises whatever int(), datetime() and the like do
        raise ConfigError(f"{file}: neither YAML nor JSON: {printable(' '.join(str(error).split()))[:200]}") from error
    if not isinstance(data, dict):
        raise ConfigError(f"{file}: holds no facts")
    facts = data.get("values", data)
    if not isinstance(facts, dict):
        raise ConfigError(f"{file}: holds no facts under 'values'")
    name = data.get("name") or facts.get("clientcert") or dig(facts, "networking.fqdn")
    if not isinstance(name, str):
        raise ConfigError(f"{file}: says no name: there is neither 'name', 'clientcert' nor 'networking.fqdn'")
    name = name.lower()
    if name != file.stem.lower() and not name.startswith(f"{file.stem.lower()}."):
        raise ConfigError(f"{file}: its facts are those of {printable(name)[:100]}, so the file must have that name")
    return name, facts


def _parse(file: Path) -> Any:
    text = file.read_bytes()
    if file.suffix == ".json":
        return lenient_json.loads(text)
    return yaml.load(text, Loader=_FactLoader)  # noqa: S506 # a safe loader


def _node(name: str, facts: dict[str, Any], backup: dict[str, Any], address_fact: str) -> dict[str, Any]:
    """Return the fields that the facts state; whether they are any good is the node list's to check."""
    address = address_of(name, dig(facts, address_fact), address_fact)
    stated = {"address": plain(address), "host_keys": host_keys_of(facts.get("ssh"))}
    stated |= {key: plain(backup.get(key)) for key in ("role", "user")}
    return {"origin": "facts", **{key: value for key, value in stated.items() if value is not None}}
