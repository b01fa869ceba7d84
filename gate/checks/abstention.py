"""Check: abstention."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.abstaining import never_abstains
from gate.checks.base import (
    CRITICAL,
    OTHERS,
    Comparison,
    DataFacts,
    Example,
    Key,
    Outcome,
    Remark,
    Rule,
    Scope,
    resolve_classes,
)
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows
    from gate.metrics.estimates import Undefined


_Share = Annotated[float, Field(ge=0, le=1)]


class Abstention(Rule):
    """Bound how often a model gives no answer, and how often it is wrong where it gives one.

    A model that may abstain looks better the fewer images it answers, so that errors are judged
    beside the coverage: the share of images that get an answer, of all and of single classes. It
    needs an operating point with `otherwise: abstain`.

    To fix a failure: lower the thresholds for more coverage, or raise them for fewer wrong answers.

    To decide it: measure more images, of the named class where one is named.
    """

    family: ClassVar = "classification"
    formula: ClassVar = (
        "coverage: images with an answer / images; error: wrong answers / images with an answer"
    )
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934), that of the error given which images get an "
        "answer; by group: padded with one group more, as wrong as can be (Fay and Feuer 1997)"
    )

    check: Literal["abstention"] = "abstention"
    min_coverage: float | None = Field(
        None, ge=0, le=1, description="The lowest share of images with an answer that passes."
    )
    max_error: float | None = Field(
        None, ge=0, le=1, description="The highest share of wrong answers that passes."
    )
    min_coverage_per_class: dict[str, _Share] = Field(
        {},
        description="The lowest coverage of the images of a class, by its name, `$critical` or "
        "`$others`; of several that speak of one class, the highest.",
    )

    examples: ClassVar = (
        Example(
            "90 % get an answer, and 1 % of the answers are wrong",
            {"min_coverage": 0.8, "max_error": 0.02, "min_coverage_per_class": {"dog": 0.7}},
            SyntheticRun(test=((895, 5), (13, 887)), abstained=(100, 100)),
            Outcome.PASSED,
        ),
        Example(
            "few mistakes, as half of the dogs get no answer",
            {"max_error": 0.02, "min_coverage_per_class": {"dog": 0.7}},
            SyntheticRun(test=((995, 5), (3, 497)), abstained=(0, 500)),
            Outcome.FAILED,
        ),
        Example(
            "each image gets an answer, because nothing says otherwise",
            {"max_error": 0.02},
            SyntheticRun(test=((995, 5), (5, 995))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _requires_something(self) -> "Abstention":
        if self.min_coverage is None and self.max_error is None and not self.min_coverage_per_class:
            raise ValueError(
                "nothing is required; give min_coverage, max_error or min_coverage_per_class"
            )
        return self

    def class_names(self) -> Iterator[tuple[tuple[Key, ...], str]]:
        """Yield the classes with a coverage of their own."""
        for name in self.min_coverage_per_class:
            yield ("min_coverage_per_class", name), name

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield limits that every model meets, where all of them are."""
        least = [self.min_coverage or 0.0, *self.min_coverage_per_class.values()]
        if max(least) == 0 and self.max_error in (None, 1.0):
            key = "max_error" if self.max_error is not None else "min_coverage"
            yield (key,), "no model has a coverage below 0, or more errors than answers", "ask more"

    def lenient(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit on errors alone: who answers hardly anything meets it."""
        yield from super().lenient(data)
        if self.min_coverage is None and not self.min_coverage_per_class:
            fact = "errors are bounded and the coverage is not: few easy answers are enough"
            yield ("max_error",), fact, "add min_coverage"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the coverage of all images, that of classes, and the error of the answers."""
        from gate.evidence.records import Split
        from gate.metrics.selection import absent

        measured = evidence.splits.get(Split.TEST)
        if measured is None:
            return [self._nothing(absent(evidence, "test"))]
        if not measured.rows.abstains:
            return [self._nothing(never_abstains(evidence))]
        return list(self._compare(measured.rows, evidence))

    def coverages(self, evidence: "Evidence") -> Iterator[tuple[str | None, float]]:
        """Yield each least coverage, of all images (None) and of classes, the most asked."""
        if self.min_coverage is not None:
            yield None, self.min_coverage
        for name in resolve_classes(tuple(self.min_coverage_per_class), evidence):
            stated = [
                self.min_coverage_per_class[key]
                for key in (name, *_roles(name, evidence))
                if key in self.min_coverage_per_class
            ]
            yield name, max(stated)

    def _compare(self, rows: "Rows", evidence: "Evidence") -> Iterator[Comparison]:
        from gate.metrics.rates import coverage, error_of_answers

        for name, required in self.coverages(evidence):
            of = "" if name is None else f" of {name}"
            yield Comparison(
                what=f"coverage{of} on test",
                estimate=coverage(rows, None if name is None else evidence.classes.index(name)),
                operator=">=",
                required=required,
                scope=Scope("test", name, part="coverage"),
                unit="images" if name is None else f"{name} images",
            )
        if self.max_error is not None:
            yield Comparison(
                what="share of wrong answers on test",
                estimate=error_of_answers(rows),
                operator="<=",
                required=self.max_error,
                scope=Scope("test", part="error"),
                unit="images with an answer",
            )

    def _nothing(self, why: "Undefined") -> Comparison:
        return Comparison(
            what="coverage on test",
            estimate=why,
            operator=">=",
            required=self.min_coverage or 0.0,
            scope=Scope("test", part="coverage"),
        )


def _roles(name: str, evidence: "Evidence") -> Iterator[str]:
    """Yield the roles of a class: one that is critical beside the policy's is one of the others."""
    if name in evidence.critical:
        yield CRITICAL
    if name not in evidence.critical or name in evidence.added_critical:
        yield OTHERS
