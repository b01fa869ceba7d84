"""Answers stay when images come another way, or through another camera and weather."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Key,
    Outcome,
    Remark,
    Scope,
    resolve_classes,
)
from gate.checks.views import ViewName, ViewRule
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.evidence.view_answers import ViewAnswers
    from gate.metrics.estimates import Estimate
    from gate.metrics.left_out import LeftOut
    from gate.metrics.view_answers import Answered, NotAsked

_KEY = "view jpeg:90 v1 images=1000"
_HALF = 0.5
_TEST = ((480, 20), (20, 480))


def _seen(lost: int, *, gained: int = 0, changed: int = 1000) -> SyntheticRun:
    """Return a run of 1,000 images, of which the view loses some right answers and gains some."""
    answers = ((480 - lost, 0), (lost, 1), (gained, 0), (20 - gained, 1), (20, 0), (480, 1))
    columns = {
        "prediction": tuple(run for run in answers if run[0]),
        "state": tuple(run for run in ((changed, 1), (1000 - changed, 0)) if run[0]),
    }
    return SyntheticRun(test=_TEST, observations={"test": {_KEY: columns}})


class Stability(ViewRule):
    """Require that answers hold when the images are changed in ways that keep what they show.

    The model is asked again about a sample of the images, each changed by a view: saved again as
    JPEG, with noise, out of focus, in other light. `min_agreement` is about answers that stay the
    same, `max_drop` about right answers that are lost: a model may be as accurate as before and
    answer many images otherwise. Each view must hold by itself.

    Where the gate file states an operating point, these are the answers at it; to abstain is one.

    The sample takes the classes in turns, so its accuracy is not that of the model; what differs is
    compared image by image.

    To fix a failure: train with such changes of the images, or change what delivers them.

    To decide it: measure again with this policy, and ask about more images with `images`.
    """

    formula: ClassVar = (
        "agreement: images with the same answer / images; drop: (right answers lost - gained) / "
        "images (Hendrycks and Dietterich 2019)"
    )
    interval: ClassVar = (
        "agreement: exact (Clopper and Pearson 1934); drop: as of regression; both padded by group"
    )

    check: Literal["stability"] = "stability"
    views: Annotated[tuple[ViewName, ...], Field(min_length=1)] = Field(
        description="The views, such as `jpeg:90` or `noise:1`."
    )
    min_agreement: float | None = Field(
        None, gt=0, le=1, description="The lowest share of images whose answer stays the same."
    )
    max_drop: float | None = Field(
        None, ge=0, lt=1, description="The largest share of right answers that may be lost."
    )
    metric: Literal["accuracy", "recall"] = Field(
        "accuracy", description="Whether the drop is of all images or of each class."
    )
    classes: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="With `metric: recall`, the classes that are judged; by default all.",
    )

    examples: ClassVar = (
        Example(
            "4 of 1,000 answers change",
            {"views": ("jpeg:90",), "min_agreement": 0.98},
            _seen(2, gained=2),
            Outcome.PASSED,
        ),
        Example(
            "60 of 1,000 answers change",
            {"views": ("jpeg:90",), "min_agreement": 0.98},
            _seen(60),
            Outcome.FAILED,
        ),
        Example(
            "100 of 1,000 right answers are lost",
            {"views": ("jpeg:90",), "max_drop": 0.05},
            _seen(100),
            Outcome.FAILED,
        ),
        Example(
            "the view changes hardly an image",
            {"views": ("jpeg:90",), "max_drop": 0.05},
            _seen(0, changed=300),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "the view was not measured",
            {"views": ("jpeg:90",), "max_drop": 0.05},
            SyntheticRun(test=_TEST),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _require_a_limit(self) -> Self:
        if self.min_agreement is None and self.max_drop is None:
            raise ValueError("give min_agreement, max_drop or both")
        if self.classes is not None and self.metric != "recall":
            raise ValueError("classes are judged with metric: recall")
        if len(set(self.views)) < len(self.views):
            raise ValueError("a view stands here twice")
        return self

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers to each view."""
        return tuple(self.answers_to(each) for each in self.views)

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield a drop of half of all answers, and an agreement that a guess has."""
        if self.max_drop is not None and self.max_drop >= _HALF:
            yield ("max_drop",), "half of the right answers may be lost", "allow less"
        if self.min_agreement is not None and self.min_agreement <= _HALF:
            yield ("min_agreement",), "half of the answers may change", "require more"

    def class_names(self) -> Iterator[tuple[tuple[Key, ...], str]]:
        """Yield the classes that are judged."""
        for index, name in enumerate(self.classes or ()):
            yield ("classes", index), name

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return agreement and drop under each view."""
        from gate.metrics.view_answers import answers_to

        found: list[Comparison] = []
        for view in self.views:
            measured = self.answers_to(view)
            answered = answers_to(evidence, self.split, [measured])
            found += self._of_view(view, measured, answered, evidence)
        return found

    def _of_view(
        self,
        view: str,
        measured: "ViewAnswers",
        answered: "Answered | NotAsked",
        evidence: "Evidence",
    ) -> Iterator[Comparison]:
        from gate.metrics.left_out import LeftOut
        from gate.metrics.view_answers import NotAsked, agreement

        if isinstance(answered, NotAsked):
            yield from self._not_asked(view, answered)
            return
        asked = self.describe_sample(len(answered.rows), evidence)
        left_out = LeftOut.of(evidence, self.split, [measured])
        if self.min_agreement is not None:
            same, least = agreement(answered), self.min_agreement
            share = left_out.admit(same, answered, (">=", least), worst=0)
            yield self._agreement(share, view, asked)
        if self.max_drop is None:
            return
        if self.metric == "accuracy":
            yield self._drop(self._change(answered, left_out), view, None, asked)
            return
        every = self.classes is None
        for name in evidence.classes if every else resolve_classes(self.classes or (), evidence):
            label = evidence.classes.index(name)
            change = self._change(answered.of_class(label), left_out.of_class(label))
            yield self._drop(change, view, name, asked)

    def _change(self, answered: "Answered", left_out: "LeftOut") -> "Estimate":
        from gate.metrics.view_answers import accuracy_under

        assert self.max_drop is not None, "it is judged"
        change = accuracy_under(answered)
        return left_out.admit(change, answered, (">=", -self.max_drop), worst=-1)

    def _not_asked(self, view: str, why: "NotAsked") -> Iterator[Comparison]:
        if self.min_agreement is not None:
            yield replace(self._agreement(why.estimate, view, ""), optional=why.is_harmless)
        if self.max_drop is not None:
            yield replace(self._drop(why.estimate, view, None, ""), optional=why.is_harmless)

    def _agreement(self, share: "Estimate", view: str, asked: str) -> Comparison:
        assert self.min_agreement is not None, "it is judged"
        return Comparison(
            what=f"share of {self.split} images with the same answer under {view}",
            estimate=share,
            operator=">=",
            required=self.min_agreement,
            scope=Scope(self.split, part=f"agreement {view}"),
            detail=asked,
            unit="images",
        )

    def _drop(
        self, change: "Estimate", view: str, class_name: str | None, asked: str
    ) -> Comparison:
        assert self.max_drop is not None, "it is judged"
        of_class = f"recall of {class_name}" if class_name is not None else "accuracy"
        return Comparison(
            what=f"change of {of_class} on {self.split} under {view}",
            estimate=change,
            operator=">=",
            required=-self.max_drop,
            scope=Scope(self.split, class_name, part=f"drop {view}"),
            detail=asked,
        )
