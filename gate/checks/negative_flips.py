"""Check: negative-flips."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, DataFacts, Example, Outcome, Remark, Rule, Scope, SplitName
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_HALF = 0.5


class NegativeFlips(Rule):
    """Allow at most this share of images that the champion had right and this model has wrong.

    A model can gain accuracy and still break images that worked: those are what users notice. The
    list of broken images lies beside the report.

    A champion that is the model itself breaks nothing: that is inconclusive, as for `regression`.

    To fix a failure: look at the broken images; distil from the champion, or weight those images.

    To decide it: give what the run of the champion on the same images left as `baseline:`. Where
    the limit is too near, measure more images.
    """

    family: ClassVar = "baseline"
    formula: ClassVar = "images right before and wrong now / images (Yan et al. 2021)"
    interval: ClassVar = (
        "exact binomial (Clopper and Pearson 1934); by group: padded with one group more, as wrong "
        "as can be (Fay and Feuer 1997)"
    )

    check: Literal["negative-flips"] = "negative-flips"
    max: float = Field(0.02, ge=0, le=1, description="The highest share that passes.")
    split: SplitName = Field("test", description="The split that both were measured on.")
    allow_same: bool = Field(
        False,
        description="Whether the champion may be the judged model itself: a model in production "
        "that is judged again.",
    )

    examples: ClassVar = (
        Example(
            "4 images broken of 1,000",
            {},
            SyntheticRun(test=((480, 20), (20, 480)), broken=4, repaired=6),
            Outcome.PASSED,
        ),
        Example(
            "40 images broken of 1,000, 60 repaired",
            {},
            SyntheticRun(test=((480, 20), (20, 480)), broken=40, repaired=60),
            Outcome.FAILED,
        ),
        Example(
            "the champion is this very checkpoint",
            {},
            SyntheticRun(test=((480, 20), (20, 480)), broken=0, same_champion=True),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "the champion is this very checkpoint, in production and judged again",
            {"allow_same": True},
            SyntheticRun(test=((480, 20), (20, 480)), broken=0, same_champion=True),
            Outcome.PASSED,
        ),
        Example(
            "there is no champion",
            {},
            SyntheticRun(test=((480, 20), (20, 480))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a share that is half of all images or more."""
        if self.max >= _HALF:
            yield (
                ("max",),
                "half of the images may be newly broken",
                "allow less, or delete the rule",
            )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the share of broken images."""
        from gate.metrics.baseline import negative_flips, newly_broken
        from gate.metrics.champion import champion_pairs
        from gate.metrics.estimates import Undefined

        pairs = champion_pairs(evidence, self.split, allow_same=self.allow_same)
        estimate: Estimate
        if isinstance(pairs, Undefined):
            estimate, detail = pairs, ""
        else:
            estimate, broken = negative_flips(pairs), newly_broken(pairs)
            detail = f"such as {', '.join(broken[:3])}" if broken else ""
        return [
            Comparison(
                what=f"share of {self.split} images newly broken",
                estimate=estimate,
                operator="<=",
                required=self.max,
                scope=Scope(self.split),
                detail=detail,
                unit="images",
            )
        ]
