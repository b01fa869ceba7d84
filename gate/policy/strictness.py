"""The order of strictness between two rules, for locks, diffs and shadows.

A rule is at least as strict as another where it never accepts what the other refuses. What this
module cannot prove it calls incomparable, and nobody takes that for stricter.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from gate.checks.base import CRITICAL, OTHERS, Rule
from gate.checks.classification import ClassificationRule, ClassMetric

Values = Mapping[str, Any]

# Words from loose to strict.
_SCALES: Mapping[str, tuple[str | bool, ...]] = {
    "severity": ("warn", "block"),
    "decide_on": ("point", "interval"),
    "on_inconclusive": ("point", "block"),
    "lock": ("open", "tighten-only", "final"),
    "history": ("optional", "required"),
    "validation": ("if-logged", "required"),
    "groups": ("optional", "required"),
    "subject": ("optional", "required"),
    "match": ("exact", "alike"),
    "columns": ("any", "same"),
    "allow_same": (True, False),
    "unread": ("warn", "refuse"),
}
# A pair of splits that is judged beside others where the key is left out.
_AMONG_OTHERS: Mapping[tuple[str, str], list[str]] = {
    ("train-test-overlap", "between"): ["train", "test"],
}
# Numbers whose name says nothing of their direction, or the wrong thing; +1: more is stricter.
_DIRECTIONS: Mapping[tuple[str, str], int] = {
    ("accuracy-paradox", "min_accuracy"): -1,  # the accuracy from which on the check looks at all
    ("input-contract", "floor"): +1,  # the accuracy from which on the check looks no further
    ("input-contract", "min_gain"): -1,
    ("regression", "margin"): -1,
    ("recall-at-fpr", "fpr"): -1,
    ("repeatable", "images"): +1,
    ("top-k-accuracy", "k"): -1,
}
_ANYWHERE = {"one_sided_confidence": 1, "warn_below": 1, "warn_above": -1}
_NOT_JUDGED = ("owner",)  # says whom to ask, and changes no outcome
_NOBODY = "\0"  # a class that no rule names


class Direction(StrEnum):
    """What became of strictness."""

    TIGHTENED = "tightened"
    LOOSENED = "loosened"
    CHANGED = "changed"  # neither can be said


@dataclass(frozen=True, slots=True)
class Change:
    """One key of a rule that says something else; None where it says nothing."""

    key: str
    old: Any
    new: Any
    direction: Direction


def changes(old: Rule, new: Rule) -> list[Change]:
    """Return what judges differently in ``new``, in the order of its keys.

    Swapping the two swaps tightened and loosened. Keys that say the same in other words, such as a
    requirement of one class that equals the common one, are left out.
    """
    before, after = values_of(old), values_of(new)
    if old.check != new.check:
        return [Change("check", old.check, new.check, Direction.CHANGED)]
    aspects = list(_aspects(old, before, new, after))
    return [
        Change(key, before.get(key), after.get(key), direction)
        for key in dict.fromkeys((*before, *after))
        for keys, direction in aspects
        if key in keys and before.get(key) != after.get(key)
    ]


def at_least_as_strict(rule: Rule, other: Rule) -> bool:
    """Return whether ``rule`` is known never to accept what ``other``, of its check, refuses."""
    return all(change.direction is Direction.TIGHTENED for change in changes(other, rule))


def values_of(rule: Rule) -> dict[str, Any]:
    """Return what a rule says, as a policy writes it, without its name."""
    values = rule.model_dump(mode="json", by_alias=True, exclude_none=True)
    return {key: value for key, value in values.items() if key not in ("id", *_NOT_JUDGED)}


def _aspects(
    old: Rule, before: Values, new: Rule, after: Values
) -> Iterator[tuple[tuple[str, ...], Direction]]:
    """Yield keys that are compared together, with what became of them."""
    together: tuple[str, ...] = ()
    if isinstance(old, ClassificationRule) and isinstance(new, ClassificationRule):
        together = ("classes", "per_class", "min", "max")
        yield from _directed(together, *_requirements(old, new))
    for key in dict.fromkeys((*before, *after)):
        if key not in together and before.get(key) != after.get(key):
            yield from _directed((key,), *_order(old.check, key, before.get(key), after.get(key)))


def _directed(
    keys: tuple[str, ...], tighter: bool, looser: bool
) -> Iterator[tuple[tuple[str, ...], Direction]]:
    """Yield the direction, given whether each side is at least as strict; both: nothing changed."""
    if tighter and looser:
        return
    only = Direction.TIGHTENED if tighter else Direction.LOOSENED
    yield keys, only if tighter or looser else Direction.CHANGED


def _order(check: str, key: str, old: Any, new: Any) -> tuple[bool, bool]:  # noqa: ANN401 -- values of any rule
    """Return whether the new value, and whether the old one, is at least as strict."""
    among = _AMONG_OTHERS.get((check, key))
    if among is not None and (old, new) in ((among, None), (None, among)):
        return new is None, old is None
    if key in _SCALES and old in _SCALES[key] and new in _SCALES[key]:
        old, new, more = _SCALES[key].index(old), _SCALES[key].index(new), 1
    else:
        more = _direction(check, key)
    if not more:
        return False, False
    if isinstance(old, dict) or isinstance(new, dict):  # limits by class
        return _order_of_each(old or {}, new or {}, more)
    if old is None or new is None:  # a limit that is not there refuses nothing
        return old is None, new is None
    if _is_share(key, old) != _is_share(key, new) and old and new:
        return False, False
    return (new - old) * more >= 0, (old - new) * more >= 0


def _order_of_each(old: Values, new: Values, more: int) -> tuple[bool, bool]:
    """Return whether each new limit, and each old one, is at least as strict as the other's."""

    def covers(one: Values, other: Values) -> bool:
        return all(name in one and (one[name] - other[name]) * more >= 0 for name in other)

    return covers(new, old), covers(old, new)


def _direction(check: str, key: str) -> int:
    stated = _DIRECTIONS.get((check, key), _ANYWHERE.get(key))
    if stated is not None:
        return stated
    return {"min": 1, "max": -1}.get(key.partition("_")[0], 0)


def _is_share(key: str, value: Any) -> bool:  # noqa: ANN401 -- a value of any rule
    """Return whether a limit is a share of images: 2 copies and 0.02 of them cannot be compared."""
    return key.startswith("max_") and isinstance(value, float)


def _requirements(old: ClassificationRule, new: ClassificationRule) -> tuple[bool, bool]:
    """Return whether the new, and the old, rule requires at least as much of everything."""
    upwards = 1 if old.operator == ">=" else -1
    pairs = [
        (_required(old, name, role), _required(new, name, role))
        for name in {*_named(old), *_named(new), _NOBODY}
        for role in (CRITICAL, OTHERS)
    ]
    if not isinstance(old, ClassMetric):
        pairs.append((old.common, new.common))
    return (
        all(_requires(after, before, upwards) for before, after in pairs),
        all(_requires(before, after, upwards) for before, after in pairs),
    )


def _requires(stricter: float | None, looser: float | None, upwards: int) -> bool:
    if looser is None:
        return True
    return stricter is not None and (stricter - looser) * upwards >= 0


def _named(rule: ClassificationRule) -> set[str]:
    return {name for _, name in rule.class_names()} - {CRITICAL, OTHERS}


def _required(rule: ClassificationRule, name: str, role: str) -> float | None:
    """Return what a rule requires of a class by its name and role, None where it judges it not."""
    by_name = rule.per_class.get(name, rule.per_class.get(role))
    # What has a requirement of its own is judged, whatever ``classes`` says.
    if by_name is not None or not isinstance(rule, ClassMetric):
        return by_name
    listed = (rule.classes,) if isinstance(rule.classes, str) else rule.classes
    if listed is not None and name not in listed and role not in listed:
        return None
    return rule.common
