"""Check: train-test-overlap."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import (
    Comparison,
    Concern,
    DataFacts,
    Example,
    Outcome,
    Remark,
    Rule,
    Scope,
    SplitName,
    allows_nearly_all,
)
from gate.checks.copies import LIMIT_IN_WORDS, Limit, allowed, such_as
from gate.evidence.made_up import MadeUp

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Overlap, Pair

_GIVEN_TWICE = "both hold the same files: was one dataset given twice?"


class TrainTestOverlap(Rule):
    """Refuse test images that also stand in train.

    Copies are found by the bytes of the file and by the decoded pixels, also flipped or rotated;
    near copies by a perceptual hash, and among images of 64 pixels and more by aligned crops too.
    Where all images look alike (shoes, parts on a belt), a pair is near only if it is far nearer
    than the image's other neighbours are. Labels are never part of the comparison, so a copy with
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
    max_exact: Limit = Field(0, description=f"The most exact copies. {LIMIT_IN_WORDS}")
    max_near: Limit | None = Field(
        None, description=f"The most near copies; not judged by default. {LIMIT_IN_WORDS}"
    )
    max_label_conflicts: Limit = Field(
        0, description=f"The most copies with another label. {LIMIT_IN_WORDS}"
    )
    warn_exact: Limit | None = Field(
        None, description="Above so many exact copies a warning is given, below max_exact too."
    )
    warn_near: Limit | None = Field(
        None, description="Above so many near copies a warning is given, below max_near too."
    )
    warn_label_conflicts: Limit | None = Field(
        None, description="Above so many copies with another label a warning is given."
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

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit that nearly all images may be within."""
        for key in ("max_exact", "max_near", "max_label_conflicts"):
            if fact := allows_nearly_all(getattr(self, key), data.images):
                yield (key,), fact, "allow fewer, or delete the rule"

    @property
    def concern(self) -> Concern | None:
        """Leakage into test."""
        return Concern.LEAKAGE if "test" in self.between else None

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
        near_pairs = [pair for pair in pairs if pair.kind in near]
        looked_for = (
            ("exact", exact_pairs, EXACT, self.max_exact, self.warn_exact),
            (
                "label-conflict",
                conflicts,
                EXACT,
                self.max_label_conflicts,
                self.warn_label_conflicts,
            ),
            ("near", near_pairs, near, self.max_near, self.warn_near),
        )
        comparisons = []
        for part, found, kinds, most, warn_above in looked_for:
            if most is not None:
                comparisons.append(self._limit(part, found, most, overlap, kinds, evidence))
            if warn_above is not None:
                warning = self._limit(part, found, warn_above, overlap, kinds, evidence)
                scope = replace(warning.scope, part=f"{part}-warning")
                comparisons.append(replace(warning, scope=scope, advisory=True))
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
            required=allowed(limit, images),
            scope=Scope(later, part=part),
            detail=_GIVEN_TWICE if overlap is not None and overlap.identical else such_as(pairs),
        )
