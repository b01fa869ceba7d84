"""The reason that a rule about images without an answer has nothing to judge."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Undefined

_MOST_NAMED = 2  # classes beside the first: a line is to be read


def never_abstains(evidence: "Evidence") -> "Undefined":
    """Return that every image gets an answer, with the lines that would change it."""
    from gate.metrics.estimates import Undefined

    if evidence.configuration.operating_point is not None:
        return Undefined(
            "the operating point gives every image an answer",
            remedy="add `otherwise: abstain` to `operating_point:` in the gate file",
        )
    order = ", ".join(_order(evidence))
    return Undefined(
        "no operating point is stated, and every image gets an answer",
        remedy=f"add `operating_point: {{order: [{order}], otherwise: abstain}}` to the gate file, "
        "with a `validation` split",
    )


def _order(evidence: "Evidence") -> Iterator[str]:
    """Yield entries of an order with each class: one that is not listed is never answered."""
    first = (*evidence.critical, *evidence.classes[-1:])[0]
    others = [name for name in evidence.classes if name != first]
    yield f"{{class: {_quoted(first)}, fit: {{recall: 0.95}}}}"
    for name in others[:_MOST_NAMED]:
        yield f"{{class: {_quoted(name)}, at_least: 0.5}}"
    if len(others) > _MOST_NAMED:
        yield "... every other class"


def _quoted(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)
