"""Check: severe-error."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Concern, Example, Operator, Outcome, Remark, resolve_classes
from gate.checks.grades import GradesRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate

_GRADES = ("none", "mild", "severe")


class SevereError(GradesRule):
    """Allow at most this share of answers that are several grades wrong.

    To take a severe disease for a mild one is one thing, for none another. The classes must stand
    in the order of their grades: `order` says it where they are declared in another. An image
    without an answer is no severe error; `abstention` limits those.

    To fix a failure: look at the images that are furthest from the truth; train with a loss that
    knows the order of the classes.

    To decide it: measure more images of the split.
    """

    formula: ClassVar = "images whose answer is `distance` classes or more from the truth / images"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )
    operator: ClassVar[Operator] = "<="

    check: Literal["severe-error"] = "severe-error"
    distance: int = Field(
        2, ge=1, description="How many classes apart answer and truth are, at least."
    )
    class_: str | None = Field(
        None,
        alias="class",
        min_length=1,
        description="The true class to look at, by name, `$critical` or `$others`; by default all "
        "images together.",
    )
    max: float = Field(ge=0, le=1, description="The highest share that passes.")

    examples: ClassVar = (
        Example(
            "2 of 600 are two grades wrong",
            {"distance": 2, "max": 0.02},
            SyntheticRun(classes=_GRADES, test=((180, 19, 1), (15, 170, 15), (1, 9, 190))),
            Outcome.PASSED,
        ),
        Example(
            "40 of 200 severe ones are taken for none",
            {"distance": 2, "class": "severe", "max": 0.02},
            SyntheticRun(classes=_GRADES, test=((190, 9, 1), (15, 170, 15), (40, 10, 150))),
            Outcome.FAILED,
        ),
        Example(
            "none of 60 proves little",
            {"distance": 2, "max": 0.02},
            SyntheticRun(classes=_GRADES, test=((18, 2, 0), (1, 18, 1), (0, 1, 19))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @property
    def concern(self) -> Concern | None:
        """Single classes, where one is named."""
        return Concern.PER_CLASS if self.class_ is not None and self.split == "test" else None

    def guess(self, classes: int) -> float:
        """Return the share that is so far from the truth by chance."""
        pairs = [(a, b) for a in range(classes) for b in range(classes)]
        return sum(abs(a - b) >= self.distance for a, b in pairs) / len(pairs)

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the class, and the names in ``order``."""
        if self.class_ is not None:
            yield ("class",), self.class_
        yield from super().class_names()

    def misfits(self, classes: Sequence[str]) -> Iterator[Remark]:
        """Yield a distance that no two of the classes are apart."""
        yield from super().misfits(classes)
        if self.distance >= len(classes):
            fact = f"no two of {len(classes)} classes are {self.distance} apart"
            yield ("distance",), fact, f"ask for at most {len(classes) - 1}, or delete the rule"

    def targets(self, evidence: "Evidence") -> "Iterator[tuple[str | None, float]]":
        """Yield the class, or all images."""
        if self.class_ is None:
            yield None, self.max
            return
        for class_name in resolve_classes((self.class_,), evidence):
            yield class_name, self.max

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the share of all rows, or of those of one class."""
        from gate.metrics.ordinal import severe_error

        if contradiction := self.contradiction(evidence):
            return contradiction
        return severe_error(rows, label, self.grades(evidence), self.distance)
