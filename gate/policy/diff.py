"""The difference of two policies: each change, and whether it is stricter or looser."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gate.checks.reference import write_value
from gate.policy.model import Policy
from gate.policy.operating_point import OperatingPointSpec
from gate.policy.strictness import changes


class Kind(StrEnum):
    """What happened to a rule, or to a key of it."""

    REMOVED = "removed"
    LOOSENED = "loosened"
    CHANGED = "changed"  # which of the two is stricter cannot be said
    TIGHTENED = "tightened"
    ADDED = "added"

    @property
    def may_loosen(self) -> bool:
        """Whether the new policy may accept what the old one refuses."""
        return self in (Kind.REMOVED, Kind.LOOSENED, Kind.CHANGED)


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference; ``rule`` is None where it is of the whole policy, ``key`` of a whole rule."""

    kind: Kind
    rule: str | None
    key: str | None = None
    old: Any = None
    new: Any = None

    def __str__(self) -> str:
        what = ": ".join(filter(None, (self.rule, self.key)))
        if self.key is None:
            return f"{self.kind:<10}{what}"
        return f"{self.kind:<10}{what}: {_show(self.old)} -> {_show(self.new)}"


def diff(old: Policy, new: Policy) -> list[Difference]:
    """Return what is judged differently, the rules in the order of the old policy, then the new.

    Nothing is said of names, descriptions, owners and the order of rules: they judge nothing.
    """
    return [*_of_policies(old, new), *_of_rules(old, new)]


def _of_rules(old: Policy, new: Policy) -> Iterator[Difference]:
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for name in dict.fromkeys((*before, *after)):
        if name not in after:
            yield Difference(Kind.REMOVED, name)
        elif name not in before:
            yield Difference(Kind.ADDED, name)
        else:
            for each in changes(before[name], after[name]):
                yield Difference(Kind(each.direction.value), name, each.key, each.old, each.new)


def _of_policies(old: Policy, new: Policy) -> Iterator[Difference]:
    for key, more in (("min_rules", 1), ("max_waiver_days", -1)):
        before, after = getattr(old, key), getattr(new, key)
        if before != after:
            kind = Kind.TIGHTENED if (after - before) * more > 0 else Kind.LOOSENED
            yield Difference(kind, None, key, before, after)
    for key in ("non_waivable", "critical"):
        was, now = getattr(old, key), getattr(new, key)
        if set(was) != set(now):
            yield Difference(_of_lists(set(was), set(now)), None, key, list(was), list(now))
    if set(old.plugins) != set(new.plugins):  # more of them judge nothing; of others nobody knows
        kind = Kind.ADDED if set(old.plugins) < set(new.plugins) else Kind.CHANGED
        yield Difference(kind, None, "plugins", list(old.plugins), list(new.plugins))
    for key in ("classes", "champion", "operating_point"):
        before, after = getattr(old, key) or None, getattr(new, key) or None
        if before != after:
            yield Difference(_of_pins(before, after), None, key, _plain(before), _plain(after))


def _of_lists(before: set[str], after: set[str]) -> Kind:
    if before < after:
        return Kind.TIGHTENED
    return Kind.LOOSENED if after < before else Kind.CHANGED


def _of_pins(before: object, after: object) -> Kind:
    """Return what became of a pin: without one, anything is accepted."""
    if before is None:
        return Kind.TIGHTENED
    return Kind.LOOSENED if after is None else Kind.CHANGED


def _plain(pin: object) -> object:
    if isinstance(pin, OperatingPointSpec):
        return pin.model_dump(mode="json", by_alias=True, exclude_none=True)
    return list(pin) if isinstance(pin, tuple) else pin


def _show(value: object) -> str:
    return "not set" if value is None else write_value(value)
