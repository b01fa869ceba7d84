"""Check: loss-curve."""

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Burden, Comparison, Example, Outcome, Rule, Scope
from gate.errors import HistoryError
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.curves import CurveFact
    from gate.metrics.estimates import Estimate

_FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
_OVERFITTED = (1.4, 0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)


class LossCurve(Rule):
    """Refuse a training history in which the loss did not fall, or the validation loss rose again.

    No loss may be NaN or infinite; the train loss must fall and must not diverge; at its end it
    must be lower than that of a model that knows only the class shares; the validation loss, where
    it was logged, must not rise for good after its minimum, unless the checkpoint is from the
    minimum. A rise counts when it is large, above the noise and steady, because epochs follow each
    other. A train loss that rises over its last epochs warns.

    To fix a failure: lower the learning rate (diverged), train longer or check the labels (flat),
    or ship the checkpoint of the lowest validation loss and name its epoch in the gate file.
    """

    family: ClassVar = "training"
    formula: ClassVar = (
        "fall = (first - median of last 3) / first; rise = (end - minimum) / minimum of the "
        "validation loss; the end of the train loss by the slope of Theil and Sen (Sen 1968)"
    )
    interval: ClassVar = (
        "none; a rise counts when it exceeds 3 sigma of the noise and has a Mann-Kendall trend "
        "(Mann 1945) with p <= 0.05"
    )

    check: Literal["loss-curve"] = "loss-curve"
    min_drop: float = Field(
        0.10, gt=0, lt=1, description="The least fall of the train loss, as a share of its start."
    )
    max_rise: float = Field(
        0.10,
        gt=0,
        description="The most that the validation loss may rise after its minimum, as a share of "
        "it.",
    )
    loss: Literal["cross-entropy", "other"] = Field(
        "cross-entropy",
        description="`other` (weighted, smoothed, not in nats) is not compared with the entropy of "
        "the classes.",
    )
    history: Literal["required", "optional"] = Field(
        "required", description="Whether a run without a history blocks as inconclusive, or warns."
    )
    validation: Literal["if-logged", "required"] = Field(
        "if-logged", description="Whether a history without validation loss is inconclusive."
    )

    examples: ClassVar = (
        Example("a healthy curve", {}, MadeUp(train_loss=_FALLING), Outcome.PASSED),
        Example("a flat loss", {}, MadeUp(train_loss=(0.69,) * 10), Outcome.FAILED),
        Example(
            "a rising loss",
            {},
            MadeUp(train_loss=tuple(0.7 * 1.1**epoch for epoch in range(10))),
            Outcome.FAILED,
        ),
        Example(
            "the validation loss rises for good",
            {},
            MadeUp(train_loss=_FALLING, validation_loss=_OVERFITTED),
            Outcome.FAILED,
        ),
        Example("one epoch shows nothing", {}, MadeUp(train_loss=(0.7,)), Outcome.INCONCLUSIVE),
        Example("no history was given", {}, MadeUp(), Outcome.INCONCLUSIVE),
    )

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each rule that the history can be asked."""
        from gate.metrics.estimates import Undefined

        if evidence.history is None:
            return [
                Comparison(
                    what="fall of the train loss",
                    estimate=Undefined(_why_none(evidence)),
                    operator=">=",
                    required=self.min_drop,
                    scope=Scope(),
                    optional=self.history == "optional",
                )
            ]
        return [_comparison(what, fact) for what, fact in self._facts(evidence)]

    def _facts(self, evidence: "Evidence") -> "list[tuple[str, CurveFact]]":
        from gate.metrics import curves
        from gate.metrics.priors import prior_entropy

        history = evidence.history
        assert history is not None
        entropy = prior_entropy(evidence) if self.loss == "cross-entropy" else None
        train = curves.Curve.of(history, history.train_loss, "train loss")
        validation = curves.Curve.of(history, history.validation_loss, "validation loss")
        facts = [
            ("number of losses that are NaN or infinite", curves.non_finite([train, validation])),
            (
                "fall of the train loss",
                curves.decreasing(train, min_drop=self.min_drop, prior_entropy=entropy),
            ),
        ]
        if entropy is not None:
            facts.append(
                ("train loss at the end", curves.better_than_prior(train, prior_entropy=entropy))
            )
        if len(validation) or self.validation == "required":
            rising = curves.val_rising(
                validation, checkpoint_epoch=history.checkpoint_epoch, max_rise=self.max_rise
            )
            facts.append(("rise of the validation loss after its minimum", rising))
        tail = curves.tail(train)
        if tail.value is not None:  # a warning, so a history too short for it goes unmentioned
            facts.append(("change of the train loss over its last epochs", tail))
        return facts


def _why_none(evidence: "Evidence") -> str:
    if any(failure.kind == HistoryError.kind for failure in evidence.failures):
        return "the history that was given could not be read"
    return "no history was given"


def _comparison(what: str, fact: "CurveFact") -> Comparison:
    """Return the comparison of one fact: a curve that cannot say leaves it without a value."""
    from gate.metrics.estimates import Count, Indication, Undefined

    estimate: Estimate
    if fact.state == "undecided" or fact.value is None:
        estimate = Undefined(fact.reason)
    elif fact.name == "non_finite":
        estimate = Count(int(fact.value))
    else:
        estimate = Indication(fact.value, confirmed=True, method="loss curve")
    return Comparison(
        what=what,
        estimate=estimate,
        operator=fact.operator,
        required=fact.bound,
        scope=Scope(part=fact.name.replace("_", "-")),
        burden=Burden.TO_FAIL,
        undefined=Outcome.FAILED if fact.state == "unmet" else Outcome.INCONCLUSIVE,
        detail="" if isinstance(estimate, Undefined) else fact.reason,
        advisory=fact.name == "tail",
    )
