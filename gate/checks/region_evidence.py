"""The evidence must not lie in the frame, in an outer cell or in the tint of a picture."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

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
from gate.checks.views import ViewRule
from gate.evidence.synthetic_run import SyntheticRun
from gate.views.names import name_cell, outer_cells

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence
    from gate.evidence.view_answers import ViewAnswers
    from gate.metrics.estimates import Estimate
    from gate.metrics.left_out import LeftOut
    from gate.metrics.view_answers import Answered

BY_SCORE = "score "  # before the region, in the part of a scope

_HALF = 0.5


class _Region(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Frame(_Region):
    """The frame of the picture."""

    share: float = Field(0.2, ge=0.01, le=0.9, description="Its share of the area.")
    max: float = Field(0.05, ge=0, lt=1, description="The most accuracy that may be owed to it.")


class Cells(_Region):
    """The cells of a grid, each by itself."""

    grid: int = Field(4, ge=2, le=16, description="The cells along a side.")
    which: Literal["outer", "all"] = Field(
        "outer",
        description="The cells along the sides, or all. The object itself usually lies in the "
        "others, so that much is owed to them.",
    )
    max: float = Field(0.1, ge=0, lt=1, description="The most accuracy that may be owed to one.")


class Tint(_Region):
    """The mean colour of the picture."""

    max: float = Field(0.05, ge=0, lt=1, description="The most accuracy that may be owed to it.")
    max_of_grey: float = Field(
        0.2,
        ge=0,
        lt=1,
        description="The same where the model is given grey pictures: the mean of one is its "
        "brightness, which belongs to what it shows.",
    )


@dataclass(frozen=True, slots=True)
class _Swap:
    """A region that two donors lend, and what may be owed to it."""

    region: str  # as the name of a view has it: frame:0.2, cell:4:15, tint
    words: str
    most: float


def _owed(lost: int, *, lost_with_same: int = 0, changed_by_same: int = 600) -> SyntheticRun:
    """Return a run in which a corner of another class costs so many of 600 right answers."""
    states = {
        "same": tuple(run for run in ((changed_by_same, 1), (600 - changed_by_same, 0)) if run[0]),
        "other": ((600, 1),),
    }
    measured = {}
    for region in ("frame:0.2", *(f"cell:4:{cell}" for cell in outer_cells(4)), "tint"):
        costs = lost if region == "cell:4:15" else 0
        cut = lost_with_same if costs else 0
        for donor, wrong in (("same", cut), ("other", costs)):
            measured[f"view swap:{region}:{donor} v1 images=1000"] = {
                "prediction": tuple(
                    run for run in ((300 - wrong, 0), (wrong, 1), (300, 1)) if run[0]
                ),
                "state": states[donor],
            }
    return SyntheticRun(test=((300, 0), (0, 300)), observations={"test": measured})


def _seen_through_the_cut(owed: "Estimate", cut: "Estimate", swap: _Swap) -> "Estimate":
    """Return what is owed to a region; undefined where the cut alone costs more than it may.

    A net that answers anything wherever two pictures meet answers as badly with both donors, and
    nothing would be owed to the mark that it reads. ``cut`` is the change with the same class.
    """
    from gate.metrics.estimates import SLACK, Undefined

    if owed.value is None or cut.value is None or owed.value > swap.most:
        return owed
    if -cut.value <= swap.most + SLACK:
        return owed
    return Undefined(
        f"a swap within the class costs {-cut.value:.2f} by itself",
        remedy="look at what the model answers where two pictures meet, or train it with such cuts",
    )


def _are_grey(evidence: "Evidence") -> bool:
    """Return whether the model is given grey pictures, as the gate file declares them."""
    declared = evidence.configuration.input
    return declared is not None and declared.get("channels") == "L"


class RegionEvidence(ViewRule):
    """Require that the model does not read its answer off the edge, a corner or the tint.

    A net that recognises the mark of a scanner, a label in a corner or a coloured cast is right in
    the laboratory and wrong in the world. So a region of each picture is swapped with that of
    another picture, once of the same class and once of another. What the answers lose with the
    other class, beyond what they lose with the same one, is owed to the region: the cost of the cut
    itself is in both. It is in accuracy: what would be lost if the region meant nothing. Where an
    operating point is stated it must hold by the highest score, too: a threshold that no picture
    with a cut reaches would hide what the scores are owed to.

    Beside the mean over all images, `classes` are judged by themselves: a mark that tells one rare
    class hardly shows in the mean.

    Where the cut alone costs more than `max`, the rule is inconclusive: a net that recognises
    swapped pictures and then answers anything would lose as much with either class.

    A grey picture (`channels: L`) has no tint but its brightness, and a dark coat is dark: two
    sound nets on clothes owe it 0.03 to 0.08, one that reads it owes 0.9. It has a limit of its
    own, `max_of_grey`.

    Marks in the middle of the picture, where the objects are, are not found, nor those that move. A
    shortcut that is worth less than `max` passes. A net that knows the images themselves, by heart
    or from a file, answers any view as it likes, and no view can show that: look at its code, whose
    digest the report has. Images need 24 pixels on their shorter side.

    To fix a failure: look at the region in the images of each class; crop it, or collect images
    where it tells nothing, and train again.

    To decide it: measure again with this policy, and ask about more images with `images`.
    """

    formula: ClassVar = (
        "P(right | region of the same class) - P(right | region of another class), of the same "
        "images (after Xiao et al. 2021)"
    )
    interval: ClassVar = "as of regression: recovered from shares lost and gained, padded by group"

    check: Literal["region-evidence"] = "region-evidence"
    frame: Frame | None = Field(
        None,
        description="The frame: `{share: 0.2, max: 0.05}`. With no region, all three are judged.",
    )
    cells: Cells | None = Field(
        None, description="The cells of a grid: `{grid: 4, which: outer, max: 0.1}`."
    )
    tint: Tint | None = Field(None, description="The mean colour: `{max: 0.05, max_of_grey: 0.2}`.")
    classes: tuple[str, ...] | None = Field(
        None,
        min_length=1,
        description="Classes that are also judged by themselves, such as `[$critical]`: how much "
        "of their recall is owed to a region.",
    )

    examples: ClassVar = (
        Example("nothing is owed to any region", {}, _owed(0), Outcome.PASSED),
        Example("240 of 600 answers follow a corner", {}, _owed(240), Outcome.FAILED),
        Example(
            "a class has one mark, so that its own donors change nothing",
            {},
            _owed(240, changed_by_same=0),
            Outcome.FAILED,
        ),
        Example("60 of 600 answers follow a corner", {}, _owed(60), Outcome.INCONCLUSIVE),
        Example(
            "240 of 600 answers are lost wherever the corner is swapped",
            {},
            _owed(240, lost_with_same=240),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "they are 60 of the 300 answers of a class that is judged by itself",
            {"classes": ("cat",)},
            _owed(60),
            Outcome.FAILED,
        ),
        Example(
            "it was not measured", {}, SyntheticRun(test=((5, 0), (0, 5))), Outcome.INCONCLUSIVE
        ),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:  # noqa: ARG002 -- the same for all data
        """Yield each region to which half of the accuracy may be owed."""
        for name in ("frame", "cells", "tint"):
            region = getattr(self, name)
            if region is not None and region.max >= _HALF:
                yield (name, "max"), "half of the accuracy may be owed to it", "allow less"

    def needs(self) -> "tuple[Measurement, ...]":
        """Return the answers with each region of the same and of another class."""
        return tuple(each for swap in self._swaps() for each in self._lent(swap))

    def _swaps(self, are_grey: bool = False) -> Iterator[_Swap]:
        """Yield the regions, with what may be owed to each; of grey pictures where they are."""
        none_named = self.frame is None and self.cells is None and self.tint is None
        if frame := Frame() if none_named else self.frame:
            words = f"the frame of {100 * frame.share:g} %"
            yield _Swap(f"frame:{frame.share:g}", words, frame.max)
        if cells := Cells() if none_named else self.cells:
            grid = cells.grid
            for cell in outer_cells(grid) if cells.which == "outer" else range(grid * grid):
                yield _Swap(f"cell:{grid}:{cell}", f"the {name_cell(grid, cell)}", cells.max)
        if tint := Tint() if none_named else self.tint:
            words = "the brightness" if are_grey else "the mean colour"
            yield _Swap("tint", words, tint.max_of_grey if are_grey else tint.max)

    def _lent(self, swap: _Swap) -> "list[ViewAnswers]":
        return [self.answers_to(f"swap:{swap.region}:{donor}") for donor in ("same", "other")]

    def class_names(self) -> Iterator[tuple[tuple[Key, ...], str]]:
        """Yield the classes that are judged by themselves."""
        for index, name in enumerate(self.classes or ()):
            yield ("classes", index), name

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return what is owed to each region, and by the highest score where a point is stated."""
        swaps = list(self._swaps(_are_grey(evidence)))
        found = [each for swap in swaps for each in self._compare(swap, evidence)]
        if evidence.configuration.operating_point is None:
            return found
        from gate.metrics.operating_point import by_the_highest_score

        plain = by_the_highest_score(evidence)
        return found + [each for swap in swaps for each in self._by_score(swap, plain)]

    def _by_score(self, swap: _Swap, evidence: "Evidence") -> Iterator[Comparison]:
        for found in self._compare(swap, evidence):
            scope = replace(found.scope, part=f"{BY_SCORE}{swap.region}")
            yield replace(found, what=f"{found.what} by the highest score", scope=scope)

    def _compare(self, swap: _Swap, evidence: "Evidence") -> Iterator[Comparison]:
        """Yield what is owed to a region of all images, and of each class that is named."""
        from gate.metrics.left_out import LeftOut
        from gate.metrics.view_answers import NotAsked, answers_to

        answered = answers_to(evidence, self.split, self._lent(swap))
        if isinstance(answered, NotAsked):
            not_owed = self._owed_to(swap, answered.estimate, "")
            yield replace(not_owed, optional=answered.is_harmless)
            return
        left_out = LeftOut.of(evidence, self.split, self._lent(swap))
        asked = self.describe_sample(len(answered.rows), evidence)
        yield self._owed_to(swap, self._estimate(swap, answered, left_out, evidence), asked)
        for name in resolve_classes(self.classes or (), evidence):
            label = evidence.classes.index(name)
            of_class = answered.of_class(label), left_out.of_class(label)
            yield self._owed_to(swap, self._estimate(swap, *of_class, evidence), asked, name)

    def _estimate(
        self, swap: _Swap, answered: "Answered", left_out: "LeftOut", evidence: "Evidence"
    ) -> "Estimate":
        from gate.metrics.view_answers import accuracy_owed, accuracy_under

        owed = accuracy_owed(answered)
        estimate = left_out.admit(owed, answered, ("<=", swap.most), worst=1)
        if evidence.configuration.operating_point is None:  # at one, cuts make a model abstain
            estimate = _seen_through_the_cut(estimate, accuracy_under(answered), swap)
        return estimate

    def _owed_to(
        self, swap: _Swap, estimate: "Estimate", asked: str, class_name: str | None = None
    ) -> Comparison:
        metric = "accuracy" if class_name is None else f"recall of {class_name}"
        return Comparison(
            what=f"{metric} owed to {swap.words}",
            estimate=estimate,
            operator="<=",
            required=swap.most,
            scope=Scope(self.split, class_name, part=swap.region),
            detail=asked,
        )
