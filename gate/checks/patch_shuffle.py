"""A model that recognises shapes is lost when a picture is cut up."""

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Scope
from gate.checks.views import ViewRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate

_KEY = "view shuffle:4 v1 images=1000"


def _seen(right: int) -> SyntheticRun:
    columns = {
        "prediction": ((right, 0), (500 - right, 1), (500 - right, 0), (right, 1)),
        "state": ((1000, 1),),
    }
    return SyntheticRun(test=((500, 0), (0, 500)), observations={"test": {_KEY: columns}})


class PatchShuffle(ViewRule):
    """Warn where the answers hardly need the shapes: they stay when the picture is cut up.

    The picture is cut into squares, which change places. What is right then was answered by texture
    or colour. For some tasks that is how it should be; require it where the task is about shape.
    Skill is 0 for guessing and 1 for always being right. Where an operating point is stated it must
    hold by the highest score, too. A net that recognises the cuts and then answers anything passes:
    that only says that nothing was found.

    To fix a failure: train with other textures and colours (stylised images, colour jitter).

    To decide it: measure again with this policy, and ask about more images with `images`.
    """

    formula: ClassVar = (
        "(balanced accuracy - 1 / classes) / (1 - 1 / classes) on shuffled patches (Geirhos et al. "
        "2019; Brendel and Bethge 2019)"
    )
    interval: ClassVar = "padded (Fay and Feuer 1997), as of balanced accuracy"

    check: Literal["patch-shuffle"] = "patch-shuffle"
    grid: int = Field(4, ge=2, le=16, description="The squares along a side.")
    max_skill: float = Field(0.5, gt=0, lt=1, description="The highest skill that passes.")

    examples: ClassVar = (
        Example("hardly better than a guess", {}, _seen(280), Outcome.PASSED),
        Example("nearly as good as before", {}, _seen(470), Outcome.FAILED),
        Example(
            "it was not measured", {}, SyntheticRun(test=((5, 0), (0, 5))), Outcome.INCONCLUSIVE
        ),
    )

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers to the shuffled images."""
        return (self.answers_to(f"shuffle:{self.grid}"),)

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return balanced accuracy on shuffled images against that of the allowed skill.

        By the highest score, too, where an operating point is stated.
        """
        found = self._compare(evidence)
        if evidence.configuration.operating_point is None:
            return [found]
        from gate.metrics.operating_point import by_the_highest_score

        plain = self._compare(by_the_highest_score(evidence))
        scope = replace(plain.scope, part="score")
        return [found, replace(plain, what=f"{plain.what} by the highest score", scope=scope)]

    def _compare(self, evidence: "Evidence") -> Comparison:
        from gate.metrics.left_out import LeftOut
        from gate.metrics.rates import balanced_accuracy
        from gate.metrics.view_answers import NotAsked, answers_to

        view = self.answers_to(f"shuffle:{self.grid}")
        answered = answers_to(evidence, self.split, [view])
        guess, detail = 1 / len(evidence.classes), ""
        most = guess + self.max_skill * (1 - guess)
        estimate: Estimate
        only_warns = False
        if isinstance(answered, NotAsked):
            estimate, only_warns = answered.estimate, answered.is_harmless
        else:
            left_out = LeftOut.of(evidence, self.split, [view])
            right = balanced_accuracy(answered.seen(), len(evidence.classes))
            estimate = left_out.admit(right, answered, ("<=", most), worst=1)
            asked = self.describe_sample(len(answered.rows), evidence)
            detail = f"{asked}. A guess reaches {guess:.3f}"
        return Comparison(
            what=f"balanced accuracy on {self.split} images cut into {self.grid} x {self.grid}",
            estimate=estimate,
            operator="<=",
            required=most,
            scope=Scope(self.split),
            detail=detail,
            optional=only_warns,
        )
