"""A policy as it judged, complete enough to judge again without its files."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from gate.checks.base import Rule
from gate.checks.plugins import packages_of, reading, registry_with
from gate.policy.model import Policy
from gate.policy.operating_point import OperatingPointSpec
from gate.policy.reading import PolicyDocument, PolicySource

Place = tuple[str, int, int]  # file, line and column, lines and columns from 1

_LAST_LINE = 1 << 31  # of a document; no file has as many


@dataclass(frozen=True, slots=True)
class PolicyRecord:
    """A resolved policy, with the digests of its files and the places of its rules."""

    policy: Policy
    sha256: str  # of the bytes of the file that was named
    sources: tuple[PolicySource, ...]
    places: Mapping[str, Place]  # of the rules, by id

    @classmethod
    def of(cls, document: PolicyDocument) -> Self:
        """Return the record of a policy that was read from its files."""
        ids = [rule.id for rule in document.policy.rules]
        places = {name: document.location(name) for name in ids}
        return cls(document.policy, document.sha256, document.sources, places)

    @property
    def resolved_sha256(self) -> str:
        """The SHA-256 of the resolved policy: computed from its rules, never taken from a file."""
        return self.policy.resolved_sha256

    def location(self, rule_id: str) -> Place:
        """Return file, line and column of a rule; raises KeyError for an id that no rule has."""
        return self.places[rule_id]

    def as_json(self) -> dict[str, Any]:
        """Return the record as plain JSON values."""
        return {
            "resolved_sha256": self.resolved_sha256,
            "resolved": self.policy.resolved(),
            "sha256": self.sha256,
            "sources": [{"path": each.path, "sha256": each.sha256} for each in self.sources],
            "places": {name: list(place) for name, place in self.places.items()},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Self:
        """Return the record that ``as_json`` gave.

        Raises ValueError, LookupError or TypeError for anything else, and where the digest that it
        states is not that of the rules that it states; UsageError as :func:`rebuilt` does.
        """
        policy = rebuilt(said["resolved"])
        if policy.resolved_sha256 != said["resolved_sha256"]:
            raise ValueError("the digest of the policy does not follow from its rules")
        places = {str(name): place_of(place) for name, place in said["places"].items()}
        if places.keys() != {rule.id for rule in policy.rules}:
            raise ValueError("the places are not those of the rules")
        sources = tuple(
            PolicySource(_text(e["path"]), sha256_said(e["sha256"])) for e in said["sources"]
        )
        return cls(policy, sha256_said(said["sha256"]), sources, places)


def rebuilt(resolved: Mapping[str, Any]) -> Policy:
    """Return the policy that :meth:`Policy.resolved` gave.

    Raises ValueError (pydantic's is one), LookupError or TypeError where it is none, and UsageError
    where a plugin of it is not installed, OtherVersionError where it is in another version.
    """
    checks = registry_with(packages_of(map(_text, resolved.get("plugins", ()))))
    rules = tuple(_rule(checks[rule["check"]], rule) for rule in resolved["rules"])
    header = {key: value for key, value in resolved.items() if key != "rules"}
    pin = header.get("operating_point")
    if isinstance(pin, Mapping):
        header["operating_point"] = OperatingPointSpec.model_validate_json(json.dumps(pin))
    return Policy.model_validate({**_tuples(header), "rules": rules})


def _rule(check: type[Rule], said: Mapping[str, Any]) -> Rule:
    with reading(check):
        return check.model_validate_json(json.dumps(said))


def _tuples(header: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a header as strict validation takes them from Python."""
    return {key: tuple(each) if isinstance(each, list) else each for key, each in header.items()}


def place_of(said: Any) -> Place:  # noqa: ANN401 -- what JSON holds
    """Return a place that JSON holds as a list; raises TypeError or ValueError for others."""
    file, line, column = said
    if not (_is_a_count(line) and _is_a_count(column)):
        raise TypeError("a place is a file, a line and a column")
    return _text(file), line, column


def sha256_said(value: Any) -> str:  # noqa: ANN401 -- what JSON holds
    """Return a SHA-256 in small hexadecimal digits; raises TypeError or ValueError for others."""
    if not re.fullmatch("[0-9a-f]{64}", _text(value)):
        raise ValueError("a digest is no SHA-256")
    return str(value)


def _is_a_count(value: Any) -> bool:  # noqa: ANN401 -- what JSON holds
    return type(value) is int and 1 <= value <= _LAST_LINE


def _text(value: Any) -> str:  # noqa: ANN401 -- what JSON holds
    if not isinstance(value, str):
        raise TypeError("this must be text")
    return value
