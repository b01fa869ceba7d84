"""A likely cause: what it looks for, and what it says where the evidence is strong."""

from collections.abc import Callable
from dataclasses import dataclass

from gate.checks.base import Outcome
from gate.decision import Decision, Result
from gate.evidence.records import Evidence, Rows, Split
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.row_sets import clean_rows

ANSWERS = frozenset({"classification", "traps"})  # families of rules on the model's answers
SKILL = ANSWERS | {"generalisation", "baseline"}
MODEL = SKILL | {"model"}
DATA = SKILL | {"data"}


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What causes are found in: what was measured, and what was decided on it."""

    evidence: Evidence
    decision: Decision

    @property
    def classes(self) -> int:
        """The number of classes that are declared."""
        return len(self.evidence.classes)

    def rows_of(self, split: Split) -> Rows | None:
        """Return a split without leaked and repeated images; None where none are left."""
        rows = clean_rows(self.evidence, split)
        return rows if rows is not None and len(rows) else None


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause that holds: one sentence with its numbers, and what to do first."""

    message: str
    remedy: str
    # Whether the remedy of a result that did not pass is wrong while this cause holds.
    explains: Callable[[Result], bool] = lambda _: False


@dataclass(frozen=True, slots=True)
class Cause:
    """One kind of cause."""

    kind: str
    find: Callable[[Facts], Finding | None]
    families: frozenset[str]  # of rules; it is looked for where one of them is not met
    evidence: str  # what it takes for it to be named, for the reference
    example: SyntheticRun  # made-up evidence in which it is named
    hides: frozenset[str] = frozenset()  # causes that are its symptoms where it holds


def is_unmet(result: Result) -> bool:
    """Return whether something was measured, and the requirement is not met, or not surely.

    A failure without a number is one: the precision of a class that is never predicted.
    """
    if result.crash:
        return False
    measured = result.comparison.estimate.value is not None
    return result.outcome is Outcome.FAILED or (measured and result.outcome is Outcome.INCONCLUSIVE)


def is_about_answers(result: Result) -> bool:
    """Return whether an unmet result would change with other answers of the model."""
    rule = result.rule
    return is_unmet(result) and (rule.family in ANSWERS or rule.check == "class-order")
