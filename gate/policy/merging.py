"""Layers become one policy: rules are merged by id, key by key, and keep the place of each key."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from gate.checks import REGISTRY
from gate.checks.base import Rule
from gate.documents.document import Document
from gate.documents.source_text import MOST_FAULTS
from gate.documents.validation import validate
from gate.documents.yaml_tree import Key
from gate.errors import Fault
from gate.policy.layers import Entry, Layer
from gate.wording import quote, suggestion


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value is stated."""

    document: Document
    path: tuple[Key, ...]

    def below(self, *path: Key) -> "Origin":
        """Return the origin of a value inside this one."""
        return Origin(self.document, (*self.path, *path))

    @property
    def place(self) -> tuple[str, int, int]:
        """File, line and column, lines and columns from 1."""
        return self.document.source.file, *self.document.place(self.path)

    def fault(self, fact: str, remedy: str = "", *, of_key: bool = False) -> Fault:
        """Return a fault at this place."""
        return self.document.fault(self.path, fact, remedy, of_key=of_key)


@dataclass(frozen=True, slots=True)
class PlacedRule:
    """A complete rule: where it is mentioned last, and where each of its keys is stated."""

    rule: Rule
    entry: Origin
    stated: Mapping[str, Origin]  # what is in none of these is a default of the check
    defaulted: Mapping[str, Origin]  # what comes from ``defaults`` of a policy


def merge(layers: Sequence[Layer]) -> tuple[list[PlacedRule], list[Fault]]:
    """Return the rules of all layers, the last one the nearest, and the faults of the last.

    The others are known to be sound. A key that a later layer states goes before an earlier one's;
    ``defaults`` go together in the same way and fill in what no layer's rule states.
    """
    top = layers[-1]
    defaults: dict[str, tuple[Any, Origin]] = {}
    for layer in layers:
        for key, value in layer.defaults.items():
            defaults[key] = value, Origin(layer.document, ("defaults", key))
    mentions = [layer.mentions for layer in layers]
    ids = dict.fromkeys(name for each in mentions for name in each)
    rules: list[PlacedRule] = []
    faults: list[Fault] = []
    for name in ids:
        if len(faults) > MOST_FAULTS:
            break
        said = [
            (layer.document, each[name])
            for layer, each in zip(layers, mentions, strict=True)
            if name in each
        ]
        found, more = _merge(said, defaults, top, list(ids))
        faults += more
        if found is not None:
            rules.append(found)
    return rules, faults


def _merge(
    said: Sequence[tuple[Document, Entry]],
    defaults: Mapping[str, tuple[Any, Origin]],
    top: Layer,
    ids: Sequence[str],
) -> tuple[PlacedRule | None, list[Fault]]:
    """Return the rule that is mentioned in all these entries, the nearest last."""
    document, entry = said[-1]
    check = next((each.check for _, each in said if each.check is not None), None)
    if faults := list(_find_misnamed(said, check, [name for name in ids if name != entry.id])):
        return None, faults
    assert check is not None
    is_new = document is top.document
    inherited = said[:-1] if is_new else said
    values = {key: value for key, (value, _) in defaults.items()} | {"id": entry.id, "check": check}
    for _, each in inherited:
        values |= {**each.given, **each.node.plain()}
    if is_new:
        values |= entry.given
        rule, faults = validate(REGISTRY[check], entry.node, document.source, filled=values)
    else:
        rule, faults = _rebuilt(check, values, top)
    if rule is None:
        return None, faults
    stated = {
        str(key): Origin(where, (*each.path, key))  # the split of `data: {test: ...}`: its entry
        for where, each in said
        for key in (*each.given, *each.node.items)
    }
    defaulted = {key: origin for key, (_, origin) in defaults.items() if key not in stated}
    return PlacedRule(rule, Origin(document, entry.path), stated, defaulted), faults


def _find_misnamed(
    said: Sequence[tuple[Document, Entry]], check: str | None, others: Sequence[str]
) -> Iterator[Fault]:
    """Yield what is wrong with how the nearest entry names its rule."""
    document, entry = said[-1]
    if check is None:
        fact = f"no policy that is extended has a rule {quote(entry.id)}, and it names no check"
        remedy = suggestion(entry.id, others, what="their rules are")
        yield document.fault((*entry.path, "id"), fact, remedy)
    elif entry.check is not None and entry.check != check:
        where, line, _ = Origin(said[0][0], said[0][1].path).place
        fact = (
            f"{quote(entry.id)} asks for the check {check} in {where}:{line}, and for another here"
        )
        yield document.fault((*entry.path, "check"), fact, "give this rule an id of its own")


def _rebuilt(check: str, values: Mapping[str, Any], top: Layer) -> tuple[Rule | None, list[Fault]]:
    """Return a rule that the nearest policy inherits; its parents may not fit together."""
    try:
        return REGISTRY[check].model_validate_json(json.dumps(values)), []
    except ValidationError as error:
        reason = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        fact = f"the rules {quote(values['id'])} of the extended policies do not fit ({reason})"
        return None, [top.document.fault(("extends",), fact, "state the rule here as it is meant")]
