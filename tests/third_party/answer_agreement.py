"""A check with a measurement of its own, as another package would write it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.evidence.measurements import Measurement
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence

View = Literal["mirror", "invert"]


@dataclass(frozen=True)
class ChangedAnswers(Measurement):
    """What the model answers to each image when it is changed: one forward pass an image."""

    view: View

    @property
    def key(self):
        """The view, with the version of its definition."""
        return f"{self.view}/1"

    def observe(self, batch):
        """Return the class predicted for each changed image; -1 where there is no picture."""
        import numpy as np
        from PIL import ImageOps

        change = getattr(ImageOps, self.view)
        seen = [place for place, image in enumerate(batch.images) if image is not None]
        answers = batch.answer([change(batch.images[place]) for place in seen])
        prediction = np.full(len(batch.ids), -1)
        prediction[seen] = answers.argmax(axis=1)
        confidence = np.full(len(batch.ids), np.nan)
        confidence[seen] = answers.max(axis=1)
        return {"prediction": prediction, "confidence": confidence}

    def summarise(self, columns, rows):
        """Return how many answers the change turns over."""
        return {"changed": int((columns["prediction"] != rows.predictions).sum())}


class AnswerAgreement(Rule):
    """Require that answers stay when images are changed in ways that keep their class.

    To fix a failure: train on images changed like this, or take the view out of the rule.
    """

    family: ClassVar = "model"
    formula: ClassVar = "images whose answer stays / images"
    interval: ClassVar = "exact binomial (Clopper and Pearson 1934)"

    check: Literal["answer-agreement"] = "answer-agreement"
    views: tuple[View, ...] = Field(("mirror",), description="What is done to the images.")
    min: float = Field(0.9, ge=0, le=1, description="The lowest share that passes.")

    examples: ClassVar = (
        Example(
            "all answers stay",
            {},
            SyntheticRun(
                test=((50, 0), (0, 50)),
                observations={"test": {"mirror/1": {"prediction": ((50, 0), (50, 1))}}},
            ),
            Outcome.PASSED,
        ),
        Example(
            "all mirrored images are cats",
            {},
            SyntheticRun(
                test=((50, 0), (0, 50)),
                observations={"test": {"mirror/1": {"prediction": ((100, 0),)}}},
            ),
            Outcome.FAILED,
        ),
        Example(
            "no image was mirrored",
            {},
            SyntheticRun(test=((50, 0), (0, 50))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def needs(self):
        """Return a measurement for each view."""
        return tuple(map(ChangedAnswers, self.views))

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the share of answers that stay under each view."""
        from gate.metrics.estimates import Undefined
        from gate.metrics.proportions import share_of
        from gate.metrics.tables import group_codes

        split = evidence.splits.get("test")
        found = []
        for needed in self.needs():
            estimate = Undefined("test was not given")
            if split is not None:
                same = split.rows.observed(needed.key)["prediction"] == split.rows.predictions
                estimate = share_of(same, group_codes(split.rows), "no images")
            found.append(
                Comparison(
                    what=f"share of answers on test that stay under {needed.view}",
                    estimate=estimate,
                    operator=">=",
                    required=self.min,
                    scope=Scope(split="test", part=needed.view),
                    unit="images",
                )
            )
        return found
