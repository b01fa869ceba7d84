"""Reading a policy: from a path or a name to rules that know their line."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from gate.checks import REGISTRY
from gate.checks.base import CRITICAL, OTHERS, Rule
from gate.errors import Fault
from gate.policy.documents import Document, read_document
from gate.policy.model import ID_PATTERN, Defaults, Header, Policy, rule_faults
from gate.policy.shipped import find_policy
from gate.policy.text import MOST_FAULTS, refuse
from gate.policy.validation import validate
from gate.policy.words import listed, quoted, suggestion
from gate.policy.yaml_reader import Key, Kind, Node

_LATER_IN_POLICY = (
    "extends", "waivers", "waiver_sets", "non_waivable", "max_waiver_days", "data", "min_rules",
)  # fmt: skip
_LATER_IN_RULE = ("lock", "waivers", "non_waivable", "warn_below", "warn_above", "owner")


@dataclass(frozen=True, slots=True)
class PolicySource:
    """A file that a policy was read from, and the SHA-256 of its bytes."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A policy with the places of its rules and the digests that bind a report to it."""

    policy: Policy
    document: Document

    @property
    def sha256(self) -> str:
        """The SHA-256 of the file's bytes, in hexadecimal."""
        return self.document.source.sha256

    @property
    def resolved_sha256(self) -> str:
        """The SHA-256 of the resolved policy as JSON with sorted keys and without spaces."""
        canonical = json.dumps(self.policy.resolved(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def sources(self) -> tuple[PolicySource, ...]:
        """The files that the policy was read from."""
        return (PolicySource(self.document.source.file, self.sha256),)

    def location(self, rule_id: str) -> tuple[str, int, int]:
        """Return file, line and column of a rule, lines and columns from 1."""
        return self.locate(rule_id)

    def locate(self, rule_id: str, *path: Key) -> tuple[str, int, int]:
        """Return file, line and column of a value inside a rule; of the rule where it is a default.

        Raises KeyError for an id that no rule has.
        """
        line, column = self.document.place(("rules", self._index(rule_id), *path))
        return self.document.source.file, line, column

    def _index(self, rule_id: str) -> int:
        for index, rule in enumerate(self.policy.rules):
            if rule.id == rule_id:
                return index
        raise KeyError(rule_id)


def read_policy(path_or_name: str, *, base: Path | None = None) -> PolicyDocument:
    """Return the policy of a file or of a shipped name; paths are relative to ``base``.

    Raises UsageError where there is none, and DocumentError with all faults of the file.
    """
    path, file = find_policy(path_or_name, base)
    document, faults = read_document(path, file, "Policy")
    header, more = _header(document)
    faults += more
    rules, more = _rules(document)
    refuse(faults + more)
    assert header is not None
    values = {info.alias or name: getattr(header, name) for name, info in _HEADER_FIELDS}
    return PolicyDocument(Policy(**values, rules=tuple(rules)), document)


_HEADER_FIELDS = tuple(Header.model_fields.items())


def check_classes(
    document: PolicyDocument, classes: Sequence[str], critical: Sequence[str] = ()
) -> None:
    """Refuse rules that name a class which the model does not have.

    Raises DocumentError with a fault for each of them, and for each use of ``$critical`` or
    ``$others`` where no class is critical: a rule about no class would pass without measuring.
    """
    wrong = (
        document.document.fault(("rules", index, *path), *complaint, of_key=path[-1] == name)
        for index, rule in enumerate(document.policy.rules)
        for path, name in rule.class_names()
        if (complaint := _class_complaint(name, classes, critical))
    )
    refuse(list(islice(wrong, MOST_FAULTS + 1)))


def _class_complaint(
    name: str, classes: Sequence[str], critical: Sequence[str]
) -> tuple[str, str] | None:
    if name in (CRITICAL, OTHERS):
        fact = f"the rule speaks of {name}, and no class is said to be critical"
        return None if critical else (fact, "add critical: [...] to the gate file")
    if name in classes:
        return None
    fact = f"the model has no class {quoted(name)}"
    return fact, suggestion(name, classes, what="its classes are")


def _header(document: Document) -> tuple[Header | None, list[Fault]]:
    root = document.root
    above = {key: node for key, node in root.items.items() if key != "rules"}
    node = Node(Kind.MAPPING, root.place, items=above, keys=root.keys)
    header, faults = validate(
        Header, node, document.source, later=_LATER_IN_POLICY, elsewhere=["rules"]
    )
    if "rules" not in root.items and "rules" not in root.keys:
        faults.append(document.fault((), "the key 'rules' is missing", "add the rules"))
    return header, faults


def _rules(document: Document) -> tuple[list[Rule], list[Fault]]:
    entries = document.root.items.get("rules")
    if entries is None or entries.is_refused:
        return [], []
    if entries.kind is not Kind.LIST:
        fault = document.fault(
            ("rules",), "'rules' must be a list", "write one '- {id: ..., check: ...}' a rule",
            of_key=entries.kind is Kind.SCALAR and not entries.text,
        )  # fmt: skip
        return [], [fault]
    defaults = _stated_defaults(document)
    rules: dict[int, Rule] = {}
    faults: list[Fault] = []
    for index, entry in entries.items.items():
        if len(faults) > MOST_FAULTS:
            break
        rule, more = _rule(document, entry, int(index), defaults)
        faults += more
        if rule is not None:
            rules[int(index)] = rule
    return list(rules.values()), [*faults, *_faults_together(document, entries, rules)]


def _faults_together(
    document: Document, entries: Node, rules: Mapping[int, Rule]
) -> Iterator[Fault]:
    indices = list(rules)
    for position, fact, remedy in rule_faults(list(rules.values())):
        if position is not None:
            yield document.fault(("rules", indices[position], "id"), fact, remedy)
        elif len(rules) == len(entries.items):  # else it may be true of the mended policy no more
            yield document.fault(("rules",), fact, remedy, of_key=True)


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


def _rule(
    document: Document, entry: Node, index: int, defaults: Mapping[str, Any]
) -> tuple[Rule | None, list[Fault]]:
    path = ("rules", index)
    if entry.is_refused:
        return None, []
    if entry.kind is not Kind.MAPPING:
        fault = document.fault(path, "a rule must be a mapping", "write {id: ..., check: ...}")
        return None, [fault]
    faults = [*_bad_check(document, path, entry), *_bad_id(document, path, entry)]
    check = entry.items.get("check")
    if check is None or not isinstance(check.scalar, str) or check.scalar not in REGISTRY:
        return None, faults
    filled = {**defaults, "id": check.scalar}
    rule, more = validate(
        REGISTRY[check.scalar], entry, document.source, filled=filled, later=_LATER_IN_RULE
    )
    return rule, faults + more


def _bad_check(document: Document, path: tuple[Key, ...], entry: Node) -> Iterable[Fault]:
    check = entry.items.get("check")
    if check is None:
        remedy = f"name one of: {listed(REGISTRY)}"
        yield document.fault(path, "the key 'check' is missing", remedy)
    elif check.is_refused:
        return  # and told
    elif check.kind is not Kind.SCALAR:
        remedy = f"name one of: {listed(REGISTRY)}"
        yield document.fault((*path, "check"), "'check' must be the name of a check", remedy)
    elif check.scalar not in REGISTRY:
        fact = f"unknown check {quoted(check.text)}"
        remedy = suggestion(check.text, REGISTRY, what="the checks are")
        yield document.fault((*path, "check"), fact, remedy)


def _bad_id(document: Document, path: tuple[Key, ...], entry: Node) -> Iterable[Fault]:
    node = entry.items.get("id")
    if node and isinstance(node.scalar, str) and not re.fullmatch(ID_PATTERN, node.scalar):
        remedy = "use up to 64 letters, digits, '.', '_' and '-'"
        fact = f"{quoted(node.scalar)} cannot be the id of a rule"
        yield document.fault((*path, "id"), fact, remedy)
