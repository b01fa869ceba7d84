"""A policy must fit the classes of a model: names that do not, wherever they are written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gate.checks.base import CRITICAL, OTHERS, Rule
from gate.policy.model import Policy
from gate.wording import list_names, quote, suggestion

Key = str | int


@dataclass(frozen=True, slots=True)
class Misfit:
    """What does not fit: a fact and a remedy, and what of the policy says it."""

    rule: str | None  # its id; None: a pin above the rules
    path: tuple[Key, ...]  # inside the rule; of a pin, its key and the entry
    fact: str
    remedy: str
    of_key: bool = False  # whether the last key of the path is meant, and not its value


def misfits(
    policy: Policy, classes: Sequence[str], critical: Sequence[str] = ()
) -> Iterator[Misfit]:
    """Yield what of a policy does not fit the classes of the model.

    One for each class that it does not have, for each use of ``$critical`` or ``$others`` where no
    class is critical (a rule about no class would pass without measuring), for what else does not
    fit, such as a cost matrix of another size, and for classes that the policy pins. What the
    policy calls critical is critical, whatever ``critical`` holds.
    """
    yield from _of_pins(policy, classes)
    together = critical_of(policy, classes, critical)
    for rule in policy.rules:
        yield from _of_rule(rule, classes, together)


def critical_of(
    policy: Policy, classes: Sequence[str], critical: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return what is critical, in the order of the classes: what the policy or ``critical`` says.

    Names that are no classes stand at the end.
    """
    said = dict.fromkeys((*policy.critical, *critical))
    known = [name for name in classes if name in said]
    return (*known, *(name for name in said if name not in classes))


def extra_critical(policy: Policy, critical: Sequence[str]) -> tuple[str, ...]:
    """Return the critical classes that a policy does not name, though it names some."""
    return tuple(name for name in critical if policy.critical and name not in policy.critical)


def _of_pins(policy: Policy, classes: Sequence[str]) -> Iterator[Misfit]:
    if policy.classes and policy.classes != tuple(classes):
        fact = (
            f"the model's classes are {list_names(map(quote, classes))}, in another order or others"
        )
        remedy = "judge a model with the classes of the policy, in their order"
        yield Misfit(None, ("classes",), fact, remedy)
    pin = policy.operating_point
    for _, fact, remedy in () if pin is None or pin == "required" else pin.faults(classes):
        yield Misfit(None, ("operating_point",), fact, remedy)
    for name in policy.critical:
        if name not in classes:
            fact = f"the model has no class {quote(name)}, which the policy calls critical"
            remedy = suggestion(name, classes, what="its classes are")
            yield Misfit(None, ("critical", name), fact, remedy)


def _of_rule(rule: Rule, classes: Sequence[str], critical: Sequence[str]) -> Iterator[Misfit]:
    for path, name in rule.class_names():
        if complaint := _complaint(name, classes, critical):
            yield Misfit(rule.id, path, *complaint, of_key=path[-1] == name)
    for path, fact, remedy in rule.misfits(classes):
        yield Misfit(rule.id, path, fact, remedy)


def _complaint(
    name: str, classes: Sequence[str], critical: Sequence[str]
) -> tuple[str, str] | None:
    if name in (CRITICAL, OTHERS):
        fact = f"the rule speaks of {name}, and no class is said to be critical"
        return (
            None
            if critical
            else (fact, "add critical: [...] to the policy or the gate file, or --critical")
        )
    if name in classes:
        return None
    fact = f"the model has no class {quote(name)}"
    return fact, suggestion(name, classes, what="its classes are")
