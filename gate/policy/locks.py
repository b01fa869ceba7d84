"""What a policy may not change in those that it extends."""

from collections.abc import Iterator, Sequence

from gate.checks.reference import write_value
from gate.errors import Fault
from gate.policy.layers import Layer
from gate.policy.merging import Origin, PlacedRule
from gate.policy.strictness import Change, Direction, changes
from gate.wording import quote

_DONE = {
    Direction.TIGHTENED: "tightens",
    Direction.LOOSENED: "loosens",
    Direction.CHANGED: "changes",
}


def broken_locks(
    parent: Sequence[PlacedRule], merged: Sequence[PlacedRule], layer: Layer
) -> Iterator[Fault]:
    """Yield a fault for each thing in ``layer`` that a lock of a policy it extends forbids."""
    now = {placed.rule.id: placed for placed in merged}
    for before in parent:
        after = now.get(before.rule.id)  # None where its own faults are told
        if before.rule.lock == "open" or after is None:
            continue
        for change in _forbidden(before, after):
            yield _fault(before, after, change, layer)


def _forbidden(before: PlacedRule, after: PlacedRule) -> Iterator[Change]:
    for change in changes(before.rule, after.rule):
        if before.rule.lock == "final" or change.direction is not Direction.TIGHTENED:
            yield change
    if before.rule.lock == "final" and before.rule.owner != after.rule.owner:
        yield Change("owner", before.rule.owner, after.rule.owner, Direction.CHANGED)


def _fault(before: PlacedRule, after: PlacedRule, change: Change, layer: Layer) -> Fault:
    file, line, _ = before.stated.get("lock", before.entry).place
    old, new = (_show(value) for value in (change.old, change.new))
    fact = (
        f"the rule {quote(before.rule.id)} is locked as {before.rule.lock} in {file}:{line}, and "
        f"this {_DONE[change.direction]} {change.key}: {old} -> {new}"
    )
    asked = f", or ask {before.rule.owner}" if before.rule.owner else ""
    if change.direction is Direction.CHANGED and before.rule.lock == "tighten-only":
        asked = f" (which of the two is stricter cannot be said){asked}"
    return _culprit(after, change.key, layer).fault(fact, f"delete it{asked}")


def _show(value: object) -> str:
    return "not set" if value is None else write_value(value)


def _culprit(after: PlacedRule, key: str, layer: Layer) -> Origin:
    """Return what in the layer changed the key: the key itself, a default, or what it extends."""
    origin = after.stated.get(key, after.defaulted.get(key))
    if origin is not None and origin.document is layer.document:
        return origin
    return Origin(layer.document, ("extends",))
