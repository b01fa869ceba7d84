"""A deployed artefact answers as the model does that was judged."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gate.checks.base import (
    CRITICAL,
    Comparison,
    DataFacts,
    Example,
    Outcome,
    Remark,
    Scope,
    resolve_classes,
)
from gate.checks.sentences import known_or
from gate.checks.views import ViewRule
from gate.evidence.measurements import ARTEFACT_NAME
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.artefact_answers import ArtefactAnswers
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence, Precision
    from gate.metrics.artefact_answers import Compared
    from gate.metrics.estimates import Estimate

_KEY = "artefact int8 v1 images=1000"
_TEST = ((480, 20), (20, 480))
_HALF = 0.5

ArtefactName = Annotated[str, Field(pattern=ARTEFACT_NAME)]


@dataclass(frozen=True, slots=True)
class _Limits:
    """What one format allows; None: nothing is asked."""

    min_agreement: float | None = None
    max_mean_gap: float | None = None
    max_gap: float | None = None
    margin: float | None = None


# A right export in float32 differs by less than 1e-5, a wrong one by more than 0.1; half precision
# by 0.001 in the mean, eight bits by 0.005: measured on five nets.
_EXACT = _Limits(max_gap=1e-3)
_HALF_PRECISION = _Limits(min_agreement=0.99, max_mean_gap=0.002)
_EIGHT_BITS = _Limits(min_agreement=0.99, max_mean_gap=0.01, margin=0.01)


def _limits_of(precision: "Precision") -> _Limits:
    match precision:
        case "int8":
            return _EIGHT_BITS
        case "float16" | "bfloat16":
            return _HALF_PRECISION
        case _:
            return _EXACT


def _answers(lost: int, gap: float, *, broken: int = 0, precision: str = "int8") -> SyntheticRun:
    """Return a run of 1,000 images: an artefact loses right answers, its scores differ by a gap."""
    answers = ((480 - lost, 0), (lost, 1), (20, 1), (20, 0), (480, 1))
    reference = ((480, 0), (20, 1), (20, 0), (480, 1))
    columns = {
        "prediction": tuple(run for run in answers if run[0]),
        "reference": reference,
        "score gap": ((1000, gap),),
        "state": tuple(run for run in ((broken, 0), (1000 - broken, 1)) if run[0]),
    }
    return SyntheticRun(
        test=_TEST, observations={"test": {_KEY: columns}}, artefacts={"int8": precision}
    )


class Parity(ViewRule):
    """Require that an artefact which is deployed answers as the model that was judged.

    The artefact is given the very inputs that the model is given. Any score that is NaN or infinite
    fails. Agreement alone hides a wrong export, such as one that leaves out the normalisation and
    still answers 200 of 200 images alike: the score gap, the most by which the score of a class
    differs, tells them apart.

    Where the gate file states an operating point, both answer at it; to abstain is an answer.

    What the policy leaves open follows from the format in which most of the numbers are stored:
    float32 may differ by 0.001 in any score; float16 and bfloat16 by 0.002 in the mean, and agree
    on 0.99; int8 by 0.01 in the mean, agree on 0.99, and lose 0.01 of accuracy and of the recall of
    each critical class. Whoever makes the file chooses its format: state the limits that must hold.

    Eight bits hide small faults. Compare an int8 file with the float32 export by `versus`, and that
    export with the model. A verdict covers a file where rules that block lead from it to the model.

    It is asked in whole batches; where images come one by one in use, add `repeatable` with
    `artefact`.

    To fix a failure: export again from this checkpoint, with the same preparation of the images;
    calibrate eight bits with images that are prepared as here.

    To decide it: ask about more images with `images`, or give more test images of critical classes.
    """

    formula: ClassVar = (
        "score gap = max over classes |score - score of the model|; agreement = images with the "
        "same answer / images; change of accuracy = (right answers gained - lost) / images"
    )
    interval: ClassVar = (
        "gaps: computed, not sampled; agreement: exact (Clopper and Pearson 1934); change: as of "
        "regression; both padded by group"
    )

    check: Literal["parity"] = "parity"
    artefact: ArtefactName = Field(
        description="The file that is deployed, by its name under `artefacts` of the gate file."
    )
    versus: ArtefactName | None = Field(
        None, description="The artefact that it is compared with; by default the model."
    )
    min_agreement: float | None = Field(
        None, gt=0, le=1, description="The lowest share of images with the same answer."
    )
    max_mean_gap: float | None = Field(
        None, ge=0, le=1, description="The largest mean of the score gaps."
    )
    max_gap: float | None = Field(None, ge=0, le=1, description="The largest score gap.")
    margin: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="The largest share of right answers that may be lost, of all images and of "
        "each critical class.",
    )

    examples: ClassVar = (
        Example("eight bits", {"artefact": "int8"}, _answers(2, 0.004), Outcome.PASSED),
        Example(
            "a float32 export",
            {"artefact": "int8"},
            _answers(0, 1e-6, precision="float32"),
            Outcome.PASSED,
        ),
        Example(
            "a float32 export that leaves out the normalisation: all answers agree",
            {"artefact": "int8"},
            _answers(0, 0.008, precision="float32"),
            Outcome.FAILED,
        ),
        Example("30 answers change", {"artefact": "int8"}, _answers(30, 0.004), Outcome.FAILED),
        Example(
            "one image has a score that is not finite",
            {"artefact": "int8"},
            _answers(0, 0.004, broken=1),
            Outcome.FAILED,
        ),
        Example(
            "8 of 1,000 answers change", {"artefact": "int8"}, _answers(8, 0.004),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "it was not measured",
            {"artefact": "int8"},
            SyntheticRun(test=_TEST),
            Outcome.INCONCLUSIVE,
        ),
    )  # fmt: skip

    @model_validator(mode="after")
    def _require_two(self) -> Self:
        if self.artefact == self.versus:
            raise ValueError("an artefact is compared with itself")
        return self

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers of the artefact."""
        return (self._measurement,)

    @property
    def _measurement(self) -> "ArtefactAnswers":
        from gate.evidence.artefact_answers import ArtefactAnswers

        return ArtefactAnswers(self.artefact, self.versus, self.sampled, (self.split,))

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield limits that any two nets meet."""
        for key in ("max_mean_gap", "max_gap", "margin"):
            limit = getattr(self, key)
            if limit is not None and limit >= _HALF:
                yield (key,), "half of what there is may differ", "allow less"
        if self.min_agreement is not None and self.min_agreement <= _HALF:
            yield ("min_agreement",), "half of the answers may change", "require more"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return scores that are not finite, gaps, agreement and what is lost."""
        from gate.metrics.artefact_answers import compared
        from gate.metrics.estimates import Undefined

        found = compared(evidence, self.split, self._measurement)
        precision = next(
            (each.precision for each in evidence.artefacts if each.name == self.artefact), None
        )
        if isinstance(found, Undefined):
            return [self._not_finite(found, "")]
        if precision is None:
            return [self._not_finite(Undefined(f"the evidence does not name {self.artefact}"), "")]
        asked = self.describe_sample(len(found.rows), evidence)
        limits = self._limits(precision)
        return [
            self._not_finite(found.not_finite, asked),
            *self._of_gaps(found, limits, f"{asked}; its numbers are {precision}"),
            *self._of_answers(found, limits, asked, evidence),
        ]

    def _limits(self, precision: "Precision") -> _Limits:
        """Return what is asked: what the policy says, and else what its format allows."""
        usual = _limits_of(precision)
        return _Limits(
            *(
                own if own is not None else other
                for own, other in (
                    (self.min_agreement, usual.min_agreement),
                    (self.max_mean_gap, usual.max_mean_gap),
                    (self.max_gap, usual.max_gap),
                    (self.margin, usual.margin),
                )
            )
        )

    @property
    def _who(self) -> str:
        return f"{self.artefact} against {self.versus or 'the model'}"

    def _not_finite(self, count: "Estimate", detail: str) -> Comparison:
        return Comparison(
            what=f"number of {self.split} images without finite scores of {self._who}",
            estimate=count,
            operator="<=",
            required=0,
            scope=Scope(self.split, part="finite"),
            detail=detail,
        )

    def _of_gaps(self, found: "Compared", limits: _Limits, detail: str) -> Iterator[Comparison]:
        for part, limit, estimate in (
            ("mean score gap", limits.max_mean_gap, found.mean_gap),
            ("largest score gap", limits.max_gap, found.largest_gap),
        ):
            if limit is not None:
                what = f"{part} of {self._who} on {self.split}"
                measured = f"{what} is {estimate.value or 0:.2g}, allowed {limit:g}"
                yield Comparison(
                    what=what,
                    estimate=estimate,
                    operator="<=",
                    required=limit,
                    scope=Scope(self.split, part=part),
                    finding=known_or(estimate, measured),
                    detail=detail,
                )

    def _of_answers(
        self, found: "Compared", limits: _Limits, detail: str, evidence: "Evidence"
    ) -> Iterator[Comparison]:
        if limits.min_agreement is not None:
            yield Comparison(
                what=f"share of {self.split} images with the same answer of {self._who}",
                estimate=found.agreement,
                operator=">=",
                required=limits.min_agreement,
                scope=Scope(self.split, part="agreement"),
                detail=detail,
                unit="images",
            )
        if limits.margin is None:
            return
        yield self._drop(found, limits.margin, None, detail)
        for name in resolve_classes((CRITICAL,), evidence):
            of_class = found.of_class(evidence.classes.index(name))
            yield self._drop(of_class, limits.margin, name, detail)

    def _drop(
        self, found: "Compared", margin: float, class_name: str | None, detail: str
    ) -> Comparison:
        metric = "accuracy" if class_name is None else f"recall of {class_name}"
        return Comparison(
            what=f"change of {metric} of {self._who} on {self.split}",
            estimate=found.change_of_accuracy,
            operator=">=",
            required=-margin,
            scope=Scope(self.split, class_name, part="drop"),
            detail=detail,
        )
