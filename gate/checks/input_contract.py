"""Check: input-contract."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope
from gate.checks.sentences import agree
from gate.checks.without_model import SUBJECT_IN_WORDS, SubjectRule, without_model
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.contract import Disagreement
    from gate.evidence.input_trial import InputTrial
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence

_FLOOR = 0.5
_KEY = f"input-trial v2 floor={_FLOOR:g}"
_WRONG = ((20, 180), (20, 180))
_MOST_NAMED = 5


class InputContract(Rule):
    """Refuse a model that is shown other inputs, or judged on other classes, than it was made for.

    What the gate file, the files of the model and its weights each state of classes, input and
    channels is compared. Where the user overrides what a file of the model states, the check warns;
    where the files contradict each other or the weights, it fails. And where the model is wrong on
    most images of train and validation, at most 150 of each are shown to it again, prepared in the
    other usual ways: if one of them makes it right, the input is prepared otherwise than in
    training, and the check fails. What reaches the model's first batch norm, against its running
    statistics, says which of several it is; alone it never fails a model.

    To fix a failure: prepare the images in `input:` as in training, and correct the file of the
    model that states something else.

    To decide it: give the checkpoint as `model:`, and some images of train or validation.
    """

    family: ClassVar = "model"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "statements that differ; preparations of the input that raise an accuracy below the floor "
        "to the floor or above"
    )
    interval: ClassVar = (
        "none for statements: they are counted; for a preparation the exact sign test (Dixon and "
        "Mood 1946) of the images that it changes, at 0.001 for all of them together; the "
        "divergence of Gaussians (Kullback 1959) at the first batch norm only orders them"
    )

    check: Literal["input-contract"] = "input-contract"

    floor: float = Field(
        _FLOOR,
        ge=0,
        lt=1,
        description="Accuracy on train and validation, from 0 for guessing to 1 for always right, "
        "below which other preparations of the input are tried.",
    )
    min_gain: float = Field(
        0.2,
        gt=0,
        le=1,
        description="By how much accuracy must rise in another preparation to explain the errors.",
    )

    subject: SubjectRule = Field("optional", description=SUBJECT_IN_WORDS)

    examples: ClassVar = (
        Example("all sources agree", {}, SyntheticRun(probe="sound"), Outcome.PASSED),
        Example(
            "the gate file overrides a file of the model, which only warns",
            {},
            SyntheticRun(probe="sound", contract="override"),
            Outcome.PASSED,
        ),
        Example(
            "two files of the model contradict each other",
            {},
            SyntheticRun(probe="sound", contract="contradiction"),
            Outcome.FAILED,
        ),
        Example(
            "with ImageNet mean and std the model is right",
            {},
            SyntheticRun(
                probe="sound",
                train=_WRONG,
                observations={"train": {_KEY: {"answers": ((150, 1 + 4), (250, -1))}}},
            ),
            Outcome.FAILED,
        ),
        Example(
            "the model is wrong, however the images are prepared",
            {},
            SyntheticRun(
                probe="sound",
                train=_WRONG,
                observations={"train": {_KEY: {"answers": ((150, 1), (250, -1))}}},
            ),
            Outcome.PASSED,
        ),
        Example("no model was run", {}, SyntheticRun(), Outcome.INCONCLUSIVE),
    )

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the trial of other preparations."""
        return (self._trial,)

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the counts of statements that differ, and of preparations that explain errors."""
        if evidence.probe is None:
            what = "statements of the model that contradict each other"
            return [without_model(what, "contradictions", evidence, subject=self.subject)]
        return list(self._comparisons(evidence))

    @property
    def _trial(self) -> "InputTrial":
        from gate.evidence.input_trial import InputTrial

        return InputTrial(self.floor)

    def _comparisons(self, evidence: "Evidence") -> Iterator[Comparison]:
        of_model = [each for each in evidence.contract if each.kind == "contradiction"]
        overrides = [each for each in evidence.contract if each.kind == "override"]
        found = len(of_model)
        yield _none(
            "statements of the model that contradict each other",
            of_model,
            "contradictions",
            finding=f"{found:,} {agree(found, 'statements', 'statement')} of the model "
            f"{agree(found, 'contradict', 'contradicts')} another"
            if found
            else "The files and the weights of the model agree",
            remedy="correct the file of the model that is wrong",
        )
        found = len(overrides)
        yield _none(
            "statements of the model that the gate file overrides",
            overrides,
            "overrides",
            finding=f"The gate file overrides {found:,} {agree(found, 'statements', 'statement')} "
            "of the model"
            if found
            else "The gate file overrides nothing that the model states",
            advisory=True,
            remedy="delete what the gate file repeats of the model, or check that it is meant",
        )
        yield self._preparation(evidence)

    def _preparation(self, evidence: "Evidence") -> Comparison:
        from gate.metrics.estimates import Count
        from gate.metrics.input_trial import explanations, in_words, trial_of

        trial = trial_of(evidence, self._trial)
        found = explanations(evidence, self._trial, min_gain=self.min_gain)
        said = "No other preparation of the input explains the errors"
        if trial is not None and trial.tried:
            said += f" ({trial.tried:,} of {trial.images:,} images tried)"
        if trial is not None and found:
            said = in_words(trial, found)
        return Comparison(
            what="other preparations of the input that explain the errors",
            finding=said,
            estimate=Count(len(found)),
            operator="<=",
            required=0,
            scope=Scope(part="preparation"),
            remedy=f"declare in input: {found[0].preparation.declared}" if found else "",
        )


def _none(
    what: str,
    found: "Sequence[Disagreement]",
    part: str,
    *,
    finding: str,
    advisory: bool = False,
    remedy: str = "",
) -> Comparison:
    from gate.metrics.estimates import Count

    named = [str(each) for each in found[:_MOST_NAMED]]
    more = len(found) - len(named)
    return Comparison(
        what=what,
        estimate=Count(len(found)),
        operator="<=",
        required=0,
        scope=Scope(part=part),
        finding=finding,
        detail="; ".join([*named, f"and {more} more"] if more else named),
        advisory=advisory,
        remedy=remedy,
    )
