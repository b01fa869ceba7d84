"""Check: train-test-overlap."""

from collections.abc import Collection
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import Comparison, Example, Outcome, Rule, Scope, SplitName
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Overlap, Pair

_LIMIT = "A count (`2`), or a fraction of the later split (`0.005`)."


class TrainTestOverlap(Rule):
    """Refuse test images that also stand in train.

    Copies are found by the bytes of the file and by the decoded pixels, also flipped or rotated;
    near copies by a perceptual hash. Labels are never part of the comparison, so a copy with
    another label is found too and counted as a label conflict. Every metric is computed without the
    images that are found here.

    To fix a failure: remove the listed images from train, or split again by their source (patient,
    scene, recording), and train again.
    """

    family: ClassVar = "data"
    formula: ClassVar = "images of the later split with a copy in the earlier one"
    interval: ClassVar = "none: the images are counted, not sampled"

    check: Literal["train-test-overlap"] = "train-test-overlap"
    between: tuple[SplitName, SplitName] = Field(
        ("train", "test"), description="The earlier and the later split."
    )
    max_exact: int | float = Field(0, ge=0, description=f"The most exact copies. {_LIMIT}")
    max_near: int | float | None = Field(
        None, ge=0, description=f"The most near copies; not judged by default. {_LIMIT}"
    )
    max_label_conflicts: int | float = Field(
        0, ge=0, description=f"The most copies with another label. {_LIMIT}"
    )

    examples: ClassVar = (
        Example("nothing is shared", {}, MadeUp(test=((45, 5), (3, 47)), copies=0), Outcome.PASSED),
        Example(
            "ten test images were trained on",
            {},
            MadeUp(test=((45, 5), (3, 47)), copies=10),
            Outcome.FAILED,
        ),
        Example(
            "the splits were not compared",
            {},
            MadeUp(test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _two_splits(self) -> "TrainTestOverlap":
        if self.between[0] == self.between[1]:
            raise ValueError("between names one split twice; duplicate-images looks inside a split")
        return self

    @model_validator(mode="after")
    def _fractions_are_fractions(self) -> "TrainTestOverlap":
        # `2.0` for two images would allow twice as many copies as there are images.
        for name in ("max_exact", "max_near", "max_label_conflicts"):
            limit = getattr(self, name)
            if isinstance(limit, float) and limit >= 1:
                raise ValueError(
                    f"{name}: {limit} is no fraction below 1; write a count without a point"
                )
        return self

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the numbers of exact copies, near copies and label conflicts."""
        from gate.evidence.records import EXACT, PairKind

        earlier, later = self.between
        overlap = next(
            (
                overlap
                for overlap in evidence.overlaps
                if {overlap.split_a, overlap.split_b} == {earlier, later}
            ),
            None,
        )
        pairs = () if overlap is None else overlap.pairs
        near = frozenset(PairKind) - EXACT
        exact_pairs = [pair for pair in pairs if pair.kind in EXACT]
        conflicts = [pair for pair in exact_pairs if pair.label_a != pair.label_b]
        comparisons = [
            self._limit("exact", exact_pairs, self.max_exact, overlap, EXACT, evidence),
            self._limit(
                "label-conflict", conflicts, self.max_label_conflicts, overlap, EXACT, evidence
            ),
        ]
        if self.max_near is not None:
            near_pairs = [pair for pair in pairs if pair.kind in near]
            comparisons.append(
                self._limit("near", near_pairs, self.max_near, overlap, near, evidence)
            )
        return comparisons

    def _limit(
        self,
        part: str,
        pairs: "Collection[Pair]",
        limit: int | float,
        overlap: "Overlap | None",
        kinds: "frozenset[str]",
        evidence: "Evidence",
    ) -> Comparison:
        from gate.evidence.records import Split
        from gate.metrics.estimates import Count, Undefined

        earlier, later = self.between
        names = {
            "exact": f"number of {later} images that are copies of {earlier} images",
            "label-conflict": f"number of {later} images that are in {earlier} with another label",
            "near": f"number of {later} images that nearly equal a {earlier} image",
        }
        measured = overlap is not None and bool(kinds & set(overlap.compared))
        images = len(evidence.splits[Split(later)].rows) if measured else 0
        found = len({pair.b if pair.split_b == later else pair.a for pair in pairs})
        return Comparison(
            what=names[part],
            estimate=Count(found)
            if measured
            else Undefined(f"{earlier} and {later} were not compared"),
            operator="<=",
            required=limit * images if isinstance(limit, float) else limit,
            scope=Scope(later, part=part),
            detail=_first(pairs),
        )


def _first(pairs: "Collection[Pair]") -> str:
    """Return a clause that names the first pair, so that a person can look at it."""
    for pair in pairs:
        return f"such as {pair.b} = {pair.a}"
    return ""
