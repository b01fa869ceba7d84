"""Check: deployment-precision."""

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Example, Outcome
from gate.checks.classification import ClassMetric
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Estimate


_ROUNDING = 1e-6  # of thirds written with six digits


class DeploymentPrecision(ClassMetric):
    """Require a minimum precision at the class shares of the place where the model will work.

    A precision of 0.95 on a test set with as many positives as negatives is 0.16 where one image in
    a hundred is positive. `prevalence` declares the shares; what it leaves out shares the rest as
    in the data. Assumes that the images of a class look alike here and there (label shift only).

    To fix a failure: lower the false-positive rate; at a low prevalence it decides the precision.

    To decide it: measure more images of every class that occurs in deployment, and declare a
    prevalence that leaves something for each.
    """

    formula: ClassVar = (
        "share_c recall_c / sum over true classes j of share_j (rate at which j is taken for c)"
    )
    interval: ClassVar = (
        "recovered for the ratio of false alarms, padded with one image or group more that is one "
        "(Fay and Feuer 1997), to recall, Clopper and Pearson's (1934) or by group padded with one "
        "group more that is missed (MOVER-R: Donner and Zou 2012). 1,000 images a "
        "class without a mistake prove 0.77 where 1 in 100 is of the class, 0.25 where 1 in 1,000"
    )

    check: Literal["deployment-precision"] = "deployment-precision"
    min: float | None = Field(None, ge=0, le=1, description="The lowest precision that passes.")
    prevalence: dict[str, float] = Field(
        min_length=1, description="The share of each class in deployment, in (0, 1), by class name."
    )

    examples: ClassVar = (
        Example(
            "no false alarm in 10,000, one image in ten is a dog",
            {"min": 0.85, "prevalence": {"dog": 0.1}, "classes": ["dog"]},
            SyntheticRun(test=((10000, 0), (50, 950))),
            Outcome.PASSED,
        ),
        Example(
            "precision 0.95 here is 0.16 where one image in a hundred is a dog",
            {"min": 0.85, "prevalence": {"dog": 0.01}, "classes": ["dog"]},
            SyntheticRun(test=((95, 5), (5, 95))),
            Outcome.FAILED,
        ),
    )

    @model_validator(mode="after")
    def _shares(self) -> "DeploymentPrecision":
        for name, share in self.prevalence.items():
            if not 0 < share < 1:
                raise ValueError(f"the prevalence of {name} is {share:g}, which is not in (0, 1)")
        total = math.fsum(self.prevalence.values())
        if total > 1 + _ROUNDING:
            raise ValueError(f"the prevalences add up to {total:g}, more than 1")
        return self

    def class_names(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the classes of ``prevalence`` and those of every class metric."""
        for name in self.prevalence:
            yield ("prevalence", name), name
        yield from super().class_names()

    def misfits(self, classes: Sequence[str]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
        """Yield shares that leave too much or too little for the classes."""
        total = math.fsum(self.prevalence.values())
        undeclared = [name for name in classes if name not in self.prevalence]
        if not undeclared and abs(total - 1) > _ROUNDING:
            fact = f"the prevalences of all classes add up to {total:g}"
            yield ("prevalence",), fact, "make them add up to 1, or leave a class out"
        if undeclared and total > 1 - _ROUNDING:
            fact = f"the prevalences add up to {total:g} and leave nothing for {undeclared[0]}"
            yield ("prevalence",), fact, "declare every class, or less for these"

    def estimate(self, rows: "Rows", label: int | None, evidence: "Evidence") -> "Estimate":
        """Return the precision of one class at the declared shares."""
        from gate.metrics.deployment import deployment_precision
        from gate.metrics.estimates import Undefined

        shares = self._complete(rows, evidence)
        if shares is None:
            return Undefined("the prevalences leave nothing for the other classes, or too much")
        assert label is not None, "a metric of classes is asked for a class"
        return deployment_precision(rows, label, shares)

    def _complete(self, rows: "Rows", evidence: "Evidence") -> list[float] | None:
        """Return a share for every class; the undeclared ones divide the rest as in the data."""
        rest = 1 - math.fsum(self.prevalence.values())
        here = {
            name: int((rows.labels == label).sum())
            for label, name in enumerate(evidence.classes)
            if name not in self.prevalence
        }
        total = sum(here.values())
        if not here:
            return (
                [self.prevalence[name] for name in evidence.classes]
                if abs(rest) <= _ROUNDING
                else None
            )
        if rest <= _ROUNDING or total == 0:
            return None
        return [
            self.prevalence.get(name, rest * here.get(name, 0) / total) for name in evidence.classes
        ]
