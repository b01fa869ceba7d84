"""Check: fragility."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from pydantic import Field

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Judged,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
)
from gate.checks.sentences import agree, not_checked
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.proportions import Proportion

_DECIDED = (Outcome.PASSED, Outcome.FAILED, Outcome.INCONCLUSIVE)
_ACCURACY = {"check": "accuracy", "min": 0.95}


class _Weakest(NamedTuple):
    """The result that the fewest labels flip."""

    key: str
    outcome: Outcome
    labels: int
    images: int


class Fragility(Rule):
    """Warn where a few wrong labels of the test images would turn a verdict.

    It looks at what the other blocking rules have said: of each share with exact bounds, how many
    labels would have to be wrong for another outcome, and takes the fewest. Ten public test sets
    have 3.4 % wrong labels on average (Northcutt, Athalye and Mueller 2021). Other metrics, such as
    ranks, losses and means over classes, are left out.

    To fix a failure: have the labels of the test images looked at again, first of those that are
    answered wrongly, or collect more of them.

    To decide it: add a rule on a share of test images, such as recall.
    """

    family: ClassVar = "data"
    formula: ClassVar = (
        "fewest labels that turn the outcome of a blocking result; of the images of a class, those "
        "that bring an image into it"
    )
    interval: ClassVar = "none: they are counted, by the bounds that decided the result"
    shares_error: ClassVar[bool] = False
    looks_back: ClassVar[bool] = True

    check: Literal["fragility"] = "fragility"
    min_labels: int = Field(5, ge=1, description="The fewest labels that a verdict may depend on.")
    expect_noise: float = Field(
        0.01,
        ge=0,
        lt=1,
        description="The share of labels that is expected to be wrong; a verdict must not turn by "
        "a smaller share of the images that it rests on.",
    )

    examples: ClassVar = (
        Example(
            "990 of 1,000 are right: 29 wrong labels would turn that",
            {"min_labels": 5, "expect_noise": 0.01},
            SyntheticRun(test=((495, 5), (5, 495))),
            Outcome.PASSED,
            beside=(_ACCURACY,),
        ),
        Example(
            "487 of 500 are right: 4 wrong labels would",
            {"min_labels": 5, "expect_noise": 0.01},
            SyntheticRun(test=((243, 7), (6, 244))),
            Outcome.FAILED,
            beside=(_ACCURACY,),
        ),
        Example(
            "no other rule is decided",
            {"min_labels": 5, "expect_noise": 0.01},
            SyntheticRun(test=((495, 5), (5, 495))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield limits that every verdict is above."""
        if self.min_labels <= 1 and self.expect_noise == 0:
            yield ("min_labels",), "every verdict takes one label", "ask for more, or delete it"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:  # noqa: ARG002 -- it looks at results
        """Return that nothing was judged before."""
        return self.examine(())

    def examine(self, results: Sequence[Judged]) -> list[Comparison]:
        """Return the fewest labels that turn a result, and the share of its images they are."""
        from gate.metrics.estimates import Count, Indication, Undefined

        found = [each for result in results for each in _labels_of(result)]
        if not found:
            none = Undefined("no blocking rule is decided by a share with exact bounds")
            return [
                Comparison(
                    what="labels that turn a verdict",
                    finding=not_checked(none),
                    estimate=none,
                    operator=">=",
                    required=self.min_labels,
                    scope=Scope(part="labels"),
                )
            ]
        fewest = min(found, key=lambda each: (each.labels, each.key))
        noise = min(found, key=lambda each: (each.labels / each.images, each.key))
        share = noise.labels / noise.images
        return [
            Comparison(
                what="labels that turn a verdict",
                finding=f"{_say(fewest)} (required: {self.min_labels:,})",
                estimate=Count(fewest.labels),
                operator=">=",
                required=self.min_labels,
                scope=Scope(part="labels"),
                proof=ProofRequirement.BOTH,
            ),
            Comparison(
                what="share of labels that turns a verdict",
                finding=f"{_say(noise)}, {_percent(share)} of its labels "
                f"(expected to be wrong: {_percent(self.expect_noise)})",
                estimate=Indication(share, confirmed=True, method="counted"),
                operator=">=",
                required=self.expect_noise,
                scope=Scope(part="noise"),
                proof=ProofRequirement.BOTH,
            ),
        ]


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _say(weakest: _Weakest) -> str:
    labels = weakest.labels
    return (
        f"{labels:,} wrong {agree(labels, 'labels', 'label')} of {weakest.images:,} would turn "
        f"{weakest.key}, which {_STATES[weakest.outcome]}"
    )


_STATES = {
    Outcome.PASSED: "passed",
    Outcome.FAILED: "failed",
    Outcome.INCONCLUSIVE: "is inconclusive",
}


def _labels_of(result: Judged) -> Iterator[_Weakest]:
    """Yield how many labels turn a result, by each set of rows that it was judged on."""
    is_decided = result.outcome in _DECIDED and result.severity == "block" and not result.crash
    if not is_decided or result.rule.decide_on == "point":
        return
    readings = (result, *result.others) if result.outcome is Outcome.PASSED else (result,)
    scope = result.comparison.scope
    moves = (scope.class_name or scope.part) is not None and result.rule.check != "precision"
    for reading in readings:
        share = _share(reading)
        labels = None if share is None else _count(share, reading, moves=moves)
        if share is not None and labels is not None:
            yield _Weakest(result.key, result.outcome, labels, share.denominator)


def _share(reading: Judged) -> "Proportion | None":
    from gate.metrics.proportions import Proportion

    comparison = reading.comparison
    is_asked = comparison.operator in (">=", "<=") and comparison.proof is ProofRequirement.BOTH
    is_share = isinstance(comparison.estimate, Proportion) and not comparison.advisory
    return comparison.estimate if is_asked and is_share else None  # type: ignore[return-value]  # it is


def _count(share: "Proportion", reading: Judged, *, moves: bool) -> int | None:
    from gate.metrics.fragility import Requirement, labels_to_flip

    comparison, bounds = reading.comparison, reading.bounds
    asked = Requirement(
        comparison.operator,  # type: ignore[arg-type]  # one of the two
        comparison.required,
        bounds.confidence,
        bounds.failing_confidence,
    )
    return labels_to_flip(share, asked, reading.outcome.value, moves=moves)  # type: ignore[arg-type]
