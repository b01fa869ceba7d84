"""One file of a policy: what it states, before anything is merged or filled in."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, get_args

from gate.checks import REGISTRY
from gate.checks.base import SplitName
from gate.checks.data_requirements import DataRequirements
from gate.documents.document import Document
from gate.documents.source_text import MOST_FAULTS
from gate.documents.validation import validate
from gate.documents.yaml_tree import Key, Kind, Node
from gate.errors import Fault
from gate.policy.model import ID_PATTERN, Defaults, Header
from gate.wording import list_names, quote, suggestion

_DATA_CHECK = DataRequirements.model_fields["check"].default
_SPLITS = get_args(SplitName)


@dataclass(frozen=True, slots=True)
class Entry:
    """One mention of a rule in one file."""

    path: tuple[Key, ...]  # of the entry in its document
    node: Node
    id: str
    check: str | None  # None where it is left to the policy that is extended
    given: Mapping[str, Any]  # what the place of the entry says: the split of `data: {test: ...}`


@dataclass(frozen=True, slots=True)
class Layer:
    """What one file states: its header, its defaults as far as they are sound, its rules."""

    document: Document
    header: Header | None  # None where it has faults
    defaults: Mapping[str, Any]
    entries: tuple[Entry, ...]

    @property
    def mentions(self) -> dict[str, Entry]:
        """Return the rules by id; of two with one id the first."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            found.setdefault(entry.id, entry)
        return found

    @property
    def is_whole(self) -> bool:
        """Return whether every rule that the file lists could be told to be one."""
        listed = [self.document.root.find((key,)) for key in ("rules", "data")]
        return len(self.entries) == sum(len(node.items) for node in listed if node)


def read_layer(document: Document) -> tuple[Layer, list[Fault]]:
    """Return what a document states and all faults that can be seen in it alone."""
    header, faults = _header(document)
    entries, more = _entries(document)
    return Layer(document, header, _stated_defaults(document), tuple(entries)), faults + more


def _header(document: Document) -> tuple[Header | None, list[Fault]]:
    root = document.root
    above = {key: node for key, node in root.items.items() if key not in ("rules", "data")}
    node = Node(Kind.MAPPING, root.place, items=above, keys=root.keys)
    header, faults = validate(Header, node, document.source, elsewhere=["rules", "data"])
    if "rules" not in root.keys and "extends" not in root.keys:
        faults.append(document.fault((), "the key 'rules' is missing", "add the rules"))
    return header, faults


def _stated_defaults(document: Document) -> Mapping[str, Any]:
    """Return the defaults that the policy states and that could be read."""
    node = document.root.items.get("defaults")
    if node is None or node.kind is not Kind.MAPPING:
        return {}
    kept = {}
    for key, item in node.items.items():
        alone = Node(Kind.MAPPING, node.place, items={key: item}, keys=node.keys)
        if validate(Defaults, alone, document.source)[0] is not None:
            kept[str(key)] = item.plain()
    return kept


def _entries(document: Document) -> tuple[list[Entry], list[Fault]]:
    entries: list[Entry] = []
    faults: list[Fault] = []
    for found in (*_of_rules(document), *_of_data(document)):
        if isinstance(found, Fault):
            faults.append(found)
        else:
            entries.append(found)
    return entries, [*faults, *_repeated(document, entries)]


def _of_rules(document: Document) -> Iterator[Entry | Fault]:
    rules = document.root.items.get("rules")
    if rules is None or rules.is_refused:
        return
    if rules.kind is not Kind.LIST:
        fact, remedy = "'rules' must be a list", "write one '- {id: ..., check: ...}' a rule"
        yield document.fault(("rules",), fact, remedy)
        return
    for index, node in rules.items.items():
        path = ("rules", index)
        if node.is_refused:
            continue
        if node.kind is not Kind.MAPPING:
            yield document.fault(path, "a rule must be a mapping", "write {id: ..., check: ...}")
            continue
        yield from _of_rule(document, path, node)


def _of_rule(document: Document, path: tuple[Key, ...], node: Node) -> Iterator[Entry | Fault]:
    yield from islice(_bad_id(document, path, node), MOST_FAULTS)
    stated, named = node.items.get("id"), node.items.get("check")
    name = stated.scalar if stated and isinstance(stated.scalar, str) else None
    if named is None:
        if name is None or "extends" not in document.root.keys:
            remedy = f"name one of: {list_names(REGISTRY, len(REGISTRY))}"
            yield document.fault(path, "the key 'check' is missing", remedy)
        else:
            yield Entry(path, node, name, None, {})
    elif named.is_refused:
        return  # and told
    elif named.kind is not Kind.SCALAR:
        remedy = f"name one of: {list_names(REGISTRY, len(REGISTRY))}"
        yield document.fault((*path, "check"), "'check' must be the name of a check", remedy)
    elif not isinstance(named.scalar, str) or named.scalar not in REGISTRY:
        fact = f"unknown check {quote(named.text)}"
        remedy = suggestion(named.text, REGISTRY, what="the checks are")
        yield document.fault((*path, "check"), fact, remedy)
    else:
        yield Entry(path, node, name or named.scalar, named.scalar, {})


def _bad_id(document: Document, path: tuple[Key, ...], node: Node) -> Iterator[Fault]:
    stated = node.items.get("id")
    if stated and isinstance(stated.scalar, str) and not re.fullmatch(ID_PATTERN, stated.scalar):
        remedy = "use up to 64 letters, digits, '.', '_' and '-'"
        fact = f"{quote(stated.scalar)} cannot be the id of a rule"
        yield document.fault((*path, "id"), fact, remedy)


def _of_data(document: Document) -> Iterator[Entry | Fault]:
    """Yield a rule for each split that ``data`` asks something of."""
    data = document.root.items.get("data")
    if data is None or data.is_refused:
        return
    if data.kind is not Kind.MAPPING:
        fact, remedy = "'data' must be a mapping", "write data: {test: {min_images: ...}}"
        yield document.fault(("data",), fact, remedy)
        return
    for split, node in data.items.items():
        path = ("data", split)
        if split not in _SPLITS:
            remedy = suggestion(str(split), _SPLITS, what="the splits are")
            fact = f"unknown split {quote(str(split))}"
            yield document.fault(path, fact, remedy, of_key=True)
        elif node.is_refused:
            continue
        elif node.kind is not Kind.MAPPING:
            fact = f"what is asked of {split} must be a mapping"
            yield document.fault(path, fact, f"write {split}: {{min_images: ...}}")
        else:
            yield from _stray_keys(document, path, node)
            given = {"id": f"data-{split}", "check": _DATA_CHECK, "split": split}
            yield Entry(path, node, given["id"], _DATA_CHECK, given)


def _stray_keys(document: Document, path: tuple[Key, ...], node: Node) -> Iterator[Fault]:
    for key in ("id", "check", "split"):
        if key in node.items:
            fact, remedy = f"{key} is given by the place of this entry", "delete it"
            yield document.fault((*path, key), fact, remedy, of_key=True)


def _repeated(document: Document, entries: list[Entry]) -> Iterator[Fault]:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            fact = f"two rules have the id {quote(entry.id)}"
            yield document.fault((*entry.path, "id"), fact, "give one of them another id")
        seen.add(entry.id)
