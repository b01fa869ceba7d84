"""Check: loss-curve."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
)
from gate.checks.sentences import add_to_brackets, agree, allow, not_checked, number
from gate.errors import HistoryError
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, History
    from gate.metrics.curves import Curve, CurveFact
    from gate.metrics.estimates import Count, Estimate

_FALLING = (2.2, 1.6, 1.2, 0.9, 0.7, 0.55, 0.45, 0.4, 0.36, 0.33)
_MOST_NAMED = 5
_NO_FALL, _NO_RISE = 0.001, 10.0  # as shares
_NONE = "no training history (add `history:`)"
_UNREAD = "the training history could not be read"
_REMEDIES = {
    _NONE: "give the log of the training as `history:` in the gate file",
    _UNREAD: "repair it as its error says, or name another file",
    "unlogged": "log it in every epoch and give that history. Where the log has it under another "
    "name, say which in the gate file: `history: {path: ..., validation: [NAME, ...]}`",
    "few": "give the history of all epochs; where there were no more, train longer",
    "non_finite": "lower the learning rate, clip the gradients, and look for the batch that gave "
    "it. Where nothing was logged, leave the cell empty",
    "diverged": "lower the learning rate, and train again",
    "decreasing": "train longer or with a higher learning rate, and check that the labels belong "
    "to their images",
    "better_than_prior": "train longer, and check that the labels belong to their images. Where "
    "the loss is weighted, smoothed or not in nats, write `loss: other` in the rule",
    "tail": "lower the learning rate towards the end of the training",
    "val_rising": "ship the checkpoint of {lowest}, where it was lowest, and write it as "
    "`checkpoint_epoch:` under `history:`; or stop the training there",
}
_OVERFITTED = (1.4, 0.9, 0.6, 0.5, 0.55, 0.62, 0.7, 0.8, 0.9, 1.0)


class LossCurve(Rule):
    """Refuse a training history in which the loss did not fall, or the validation loss rose again.

    No loss may be NaN or infinite; the train loss must fall and must not diverge; at its end it
    must be lower than that of a model that knows only the class shares; the validation loss, where
    it was logged, must not rise for good after its minimum, unless the checkpoint is from the
    minimum. A rise counts when it is large, above the noise and steady, because epochs follow each
    other. A train loss that rises over its last epochs warns.

    Of several validation losses the worst decides. A column that looks like one and was not read
    (`holdout_loss`), and a validation loss that ends before the training does, warn; with
    `unread: refuse` they leave the result inconclusive, because what they hide could decide it.
    Name all held-out losses in the gate file: `history: {path: ..., validation: [NAME, ...]}`.

    To fix a failure: lower the learning rate (diverged), train longer or check the labels (flat),
    or ship the checkpoint of the lowest validation loss and name its epoch in the gate file.

    To decide it: give the log of the training as `history:`, with train and validation loss of
    every epoch.
    """

    family: ClassVar = "training"
    of_answers: ClassVar = False
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
        "required",
        description="Whether a run without a history, or with one that is too short to "
        "tell, blocks as inconclusive, or warns.",
    )
    validation: Literal["if-logged", "required"] = Field(
        "if-logged", description="Whether a history without validation loss is inconclusive."
    )
    unread: Literal["warn", "refuse"] = Field(
        "warn",
        description="Whether a column that looks like a held-out loss and was not read, or a "
        "validation loss that ends before the training, warns or is inconclusive.",
    )

    examples: ClassVar = (
        Example("a healthy curve", {}, SyntheticRun(train_loss=_FALLING), Outcome.PASSED),
        Example("a flat loss", {}, SyntheticRun(train_loss=(0.69,) * 10), Outcome.FAILED),
        Example(
            "a rising loss",
            {},
            SyntheticRun(train_loss=tuple(0.7 * 1.1**epoch for epoch in range(10))),
            Outcome.FAILED,
        ),
        Example(
            "the validation loss rises for good",
            {},
            SyntheticRun(train_loss=_FALLING, validation_loss=_OVERFITTED),
            Outcome.FAILED,
        ),
        Example(
            "the validation loss ends where it was lowest",
            {"unread": "refuse"},
            SyntheticRun(train_loss=_FALLING, validation_loss=_OVERFITTED[:4]),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "a loss that seems held out was not read",
            {"unread": "refuse"},
            SyntheticRun(
                train_loss=_FALLING, validation_loss=_FALLING, unread_losses=("holdout_loss",)
            ),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "one epoch shows nothing", {}, SyntheticRun(train_loss=(0.7,)), Outcome.INCONCLUSIVE
        ),
        Example("no history was given", {}, SyntheticRun(), Outcome.INCONCLUSIVE),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a fall that any loss has, and a rise that none has."""
        if self.min_drop < _NO_FALL:
            fact = f"a loss that stays what it was falls by {self.min_drop:g} now and then"
            yield ("min_drop",), fact, "0.1 is usual"
        if self.max_rise >= _NO_RISE:
            fact = f"no validation loss ends {1 + self.max_rise:g} times as high as it was"
            yield ("max_rise",), fact, "0.1 is usual"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return one comparison for each rule that the history can be asked."""
        from gate.metrics.estimates import Undefined

        if evidence.history is None:
            why = _why_none(evidence)
            missing = Undefined(why, remedy=_REMEDIES[why])
            return [
                Comparison(
                    what="fall of the train loss",
                    estimate=missing,
                    operator=">=",
                    required=self.min_drop,
                    scope=Scope(),
                    finding=not_checked(missing),
                    optional=self.history == "optional",
                )
            ]
        return [
            *self._train(evidence.history, evidence),
            *self._validation(evidence.history),
            *self._left_out(evidence.history),
            *_tail(evidence.history),
        ]

    def _train(self, history: "History", evidence: "Evidence") -> "Iterator[Comparison]":
        from gate.metrics import curves
        from gate.metrics.priors import prior_entropy

        optional = self.history == "optional"
        entropy = prior_entropy(evidence) if self.loss == "cross-entropy" else None
        train, *validation = _curves(history)
        yield _comparison(
            "losses that are NaN or infinite",
            curves.non_finite([train, *validation]),
            train,
            optional=optional,
        )
        fall = curves.decreasing(train, min_drop=self.min_drop, prior_entropy=entropy)
        yield _comparison("fall of the train loss", fall, train, optional=optional)
        if entropy is not None:
            better = curves.better_than_prior(train, prior_entropy=entropy)
            yield _comparison("train loss at the end", better, train, optional=optional)

    def _validation(self, history: "History") -> "Iterator[Comparison]":
        """Yield the rise of each validation loss, so that the worst decides."""
        from gate.metrics import curves

        _, *losses = _curves(history)
        if not losses and self.validation == "required":
            losses = [curves.Curve("validation loss", (), ())]
        for index, loss in enumerate(losses):
            rising = curves.val_rising(
                loss, checkpoint_epoch=history.checkpoint_epoch, max_rise=self.max_rise
            )
            several = f":{history.validation_losses[index]}" if len(losses) > 1 else ""
            yield _comparison(
                f"rise of the {loss.name} after its minimum",
                rising,
                loss,
                several,
                optional=self.history == "optional" and bool(history.validation_losses),
            )

    def _left_out(self, history: "History") -> "Iterator[Comparison]":
        """Yield what may hide a rise; what is in order is told only where it is asked for."""
        from gate.metrics import curves
        from gate.metrics.estimates import Count

        asked = self.unread == "refuse"
        train, *losses = _curves(history)
        if asked or history.unread:
            names = ", ".join(history.unread[:_MOST_NAMED])
            found = len(history.unread)
            yield self._hidden(
                "columns that look like a held-out loss and were not read as one",
                Count(found),
                part="unread",
                remedy="name every held-out loss in `history: {validation: [...]}`",
                finding=f"{found:,} {agree(found, 'columns look', 'column looks')} like a held-out "
                f"loss and {agree(found, 'were', 'was')} not read: {names}"
                if found
                else "Every column that looks like a held-out loss was read",
            )
        for index, loss in enumerate(losses):
            end = curves.logged_to_the_end(loss, train=train)
            if end.value is None or not (asked or end.state == "unmet"):
                continue
            several = f":{history.validation_losses[index]}" if len(losses) > 1 else ""
            yield self._hidden(
                f"values missing at the end of the {loss.name}",
                Count(int(end.value)),
                most=end.bound,
                part=f"validation-end{several}",
                remedy="give the history with the validation loss of the last epochs",
                finding=_as_sentence(end.reason),
            )

    def _hidden(
        self, what: str, count: "Count", *, part: str, remedy: str, finding: str, most: float = 0
    ) -> Comparison:
        return Comparison(
            what=what,
            estimate=count,
            operator="<=",
            required=most,
            scope=Scope(part=part),
            finding=finding,
            to_decide=remedy,
            unmet=Outcome.INCONCLUSIVE,
            advisory=self.unread == "warn",
        )


def _tail(history: "History") -> "Iterator[Comparison]":
    from gate.metrics import curves

    train, *_ = _curves(history)
    tail = curves.tail(train)
    if tail.value is not None:  # a warning, so a history too short for it goes unmentioned
        yield _comparison("change of the train loss over its last epochs", tail, train)


def _curves(history: "History") -> "list[Curve]":
    """Return the train loss, and the validation losses that were logged."""
    from gate.metrics.curves import Curve

    named = history.validation_losses
    words = {
        name: f"validation loss {name!r}" if len(named) > 1 else "validation loss" for name in named
    }
    return [
        Curve.of(history, history.train_loss, "train loss"),
        *(Curve.of(history, name, words[name]) for name in named),
    ]


def _why_none(evidence: "Evidence") -> str:
    if any(failure.kind == HistoryError.kind for failure in evidence.failures):
        return _UNREAD
    return _NONE


def _remedy(fact: "CurveFact", curve: "Curve") -> str:
    """Return what to do about a fact of ``curve`` that is not met, or that cannot be told."""
    if fact.state == "undecided":
        if not len(curve):
            return _REMEDIES["unlogged"]
        if curve.nonfinite:
            return _REMEDIES["non_finite"]
        if fact.name == "decreasing" or len(curve) < 2:
            return _REMEDIES["few"]
    if fact.name == "decreasing" and fact.reason.startswith("diverged"):
        return _REMEDIES["diverged"]
    remedy = _REMEDIES.get(fact.name, "")
    return remedy.format(lowest=_lowest(curve)) if fact.name == "val_rising" else remedy


def _lowest(curve: "Curve") -> str:
    """Return the epoch of the lowest value, as the gate file takes it: a whole number."""
    epoch = min(zip(curve.values, curve.epochs, strict=True))[1]
    return f"epoch {epoch:g}" if float(epoch).is_integer() else "the epoch"


def _finding(fact: "CurveFact", *, advisory: bool) -> str:
    """Return what a fact says, with its limit where it was compared with one."""
    if fact.state == "undecided":
        return f"Not {'checked' if fact.value is None else 'decided'}: {fact.reason}"
    said = _as_sentence(fact.reason)
    if fact.name == "non_finite" or (fact.operator == "<" and not advisory):
        return said
    limit = allow(fact.bound, advisory=advisory)
    if fact.name == "decreasing":
        limit = f"(required: a fall of {number(fact.bound)})"
    return add_to_brackets(said, limit)


def _as_sentence(reason: str) -> str:
    return reason[:1].upper() + reason[1:]


def _comparison(
    what: str, fact: "CurveFact", curve: "Curve", several: str = "", *, optional: bool = False
) -> Comparison:
    """Return the comparison of one fact of ``curve``, without a value where it cannot say.

    Where the history is ``optional``, what one leaves open weighs no more than having none.
    """
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
        scope=Scope(part=fact.name.replace("_", "-") + several),
        finding=_finding(fact, advisory=fact.name == "tail"),
        remedy=_remedy(fact, curve),
        to_decide=_remedy(fact, curve),
        proof=ProofRequirement.TO_FAIL,
        undefined=Outcome.FAILED if fact.state == "unmet" else Outcome.INCONCLUSIVE,
        optional=optional,
        advisory=fact.name == "tail",
    )
