"""Check: train-test-overlap."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from gate.checks.base import (
    Comparison,
    Concern,
    Copies,
    DataFacts,
    Example,
    Outcome,
    ProofRequirement,
    Remark,
    Rule,
    Scope,
    SplitName,
    allows_nearly_all,
)
from gate.checks.copies import (
    GIVE_IMAGES,
    LIMIT_IN_WORDS,
    Limit,
    allowed_images,
    compared_by_ids,
    listed_images,
    such_as,
    too_few_to_pass,
)
from gate.checks.sentences import agree, allow, known_or
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Overlap, Pair
    from gate.metrics.estimates import Estimate, Undefined

_GIVEN_TWICE = "both hold the same files: was one dataset given twice?"
_BY_DEFAULT = (("train", "test"), ("validation", "test"))
_TRAIN, _TEST = ((90, 10), (5, 95)), ((45, 5), (3, 47))


class TrainTestOverlap(Rule):
    """Refuse test images that also stand in train, or in validation.

    Copies are found by the bytes of the file and by the decoded pixels, also flipped or rotated;
    near copies by a perceptual hash. Images of 64 pixels and more are aligned too, so photographs
    that were turned, moved, cropped or framed are found. Borders are looked past, and an object on
    plain ground is compared by itself, however turned.
    Where all images look alike (shoes, parts on a belt), a pair is near only if it is far nearer
    than the image's other neighbours are. Labels are never part of the comparison, so a copy with
    another label is found too and counted as a label conflict. Metrics are judged with and without
    the images that are found here.

    Test is compared with train, which must be given, and with validation where that is given;
    `between` asks for one pair alone. That a few images have no copy in test proves nothing: with
    fewer than five a class on average, or a train split without a class that test has, the check
    can fail and never pass. Of validation, unless `between` names it, what stays open only warns.

    To fix a failure: remove the listed images from train, or split again by their source (patient,
    scene, recording), and train again.

    To decide it: give the images of both splits, and as train all that the model was trained on.
    Saved predictions need a column with the paths of the images.
    """

    family: ClassVar = "data"
    of_answers: ClassVar = False
    formula: ClassVar = "images of the later split with a copy in the earlier one"
    interval: ClassVar = "none: the images are counted, not sampled"

    check: Literal["train-test-overlap"] = "train-test-overlap"
    between: tuple[SplitName, SplitName] | None = Field(
        None,
        description="The earlier and the later split; by default every given split and test.",
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
        Example(
            "nothing is shared",
            {},
            SyntheticRun(train=_TRAIN, test=_TEST, copies=0),
            Outcome.PASSED,
        ),
        Example(
            "ten test images were trained on",
            {},
            SyntheticRun(train=_TRAIN, test=_TEST, copies=10),
            Outcome.FAILED,
        ),
        Example(
            "one test image stands in validation",
            {},
            SyntheticRun(train=_TRAIN, validation=_TEST, test=_TEST, copies=0, validation_copies=1),
            Outcome.FAILED,
        ),
        Example(
            "train is two images",
            {},
            SyntheticRun(train=((1, 0), (0, 1)), test=_TEST, copies=0),
            Outcome.INCONCLUSIVE,
        ),
        Example(
            "the splits were not compared",
            {},
            SyntheticRun(train=_TRAIN, test=_TEST),
            Outcome.INCONCLUSIVE,
        ),
    )

    @model_validator(mode="after")
    def _two_splits(self) -> "TrainTestOverlap":
        if self.between is not None and self.between[0] == self.between[1]:
            raise ValueError("between names one split twice; duplicate-images looks inside a split")
        return self

    def compared_splits(self) -> tuple[SplitName, ...]:
        """Return the two splits: the earlier must be large enough without what they share."""
        return self.between or ("train", "test")

    def judges_copies(self, a: str, b: str, kind: Copies) -> bool:
        """Return whether the rule counts such copies between these two splits."""
        asked = (a, b) in _BY_DEFAULT if self.between is None else {a, b} == set(self.between)
        counted = kind == "exact" or self.max_near is not None or self.warn_near is not None
        return asked and counted

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit that nearly all images may be within."""
        for key in ("max_exact", "max_near", "max_label_conflicts"):
            if fact := allows_nearly_all(getattr(self, key), data.images):
                yield (key,), fact, "allow fewer, or delete the rule"

    @property
    def concern(self) -> Concern | None:
        """Leakage into test."""
        return Concern.LEAKAGE if "test" in (self.between or ("train", "test")) else None

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the numbers of exact copies, near copies and label conflicts of each pair."""
        from gate.evidence.records import Split

        if self.between is not None:
            return list(self._of_pair(*self.between, evidence))
        comparisons = list(self._of_pair("train", "test", evidence))
        if Split.VALIDATION in evidence.splits:
            for each in self._of_pair("validation", "test", evidence):
                scope = replace(each.scope, part=f"validation-{each.scope.part}")
                # What stays open of a split that need not be given is no reason to block.
                comparisons.append(replace(each, scope=scope, optional=True))
        return comparisons

    def _of_pair(
        self, earlier: SplitName, later: SplitName, evidence: "Evidence"
    ) -> Iterator[Comparison]:
        from gate.evidence.records import EXACT, PairKind

        between = _Between.of(earlier, later, evidence)
        near = frozenset(PairKind) - EXACT
        exact_pairs = [pair for pair in between.pairs if pair.kind in EXACT]
        conflicts = [pair for pair in exact_pairs if pair.label_a != pair.label_b]
        near_pairs = [pair for pair in between.pairs if pair.kind in near]
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
        if between.overlap is not None and between.overlap.by_ids_alone:
            yield compared_by_ids(f"{later} images were compared with {earlier} images", later)
        for part, found, kinds, most, warn_above in looked_for:
            if most is not None:
                yield between.limit(part, found, most, kinds)
            if warn_above is not None:
                warning = between.limit(part, found, warn_above, kinds, advisory=True)
                yield replace(warning, scope=replace(warning.scope, part=f"{part}-warning"))


@dataclass(frozen=True, slots=True)
class _Between:
    """Two splits, what they share, and why finding nothing would prove nothing."""

    earlier: SplitName
    later: SplitName
    images: int  # of the later one
    overlap: "Overlap | None"
    too_few: str
    missing: "Undefined"  # what to say where they were not compared

    @classmethod
    def of(cls, earlier: SplitName, later: SplitName, evidence: "Evidence") -> "_Between":
        """Return what evidence says of two splits."""
        from gate.evidence.records import Split

        measured = evidence.splits.get(Split(later))
        overlap = next(
            (
                overlap
                for overlap in evidence.overlaps
                if {overlap.split_a, overlap.split_b} == {earlier, later}
            ),
            None,
        )
        images = 0 if measured is None else listed_images(measured)
        too_few = too_few_to_pass(evidence, earlier, later)
        return cls(earlier, later, images, overlap, too_few, _why_missing(earlier, later, evidence))

    @property
    def pairs(self) -> "Collection[Pair]":
        """The pairs that were found."""
        return () if self.overlap is None else self.overlap.pairs

    @property
    def _to_decide(self) -> str:
        """What evidence to give where it stays open whether there are copies."""
        if self.too_few:
            whole = f"give all images that the model was trained on as `{self.earlier}`"
            return whole if self.earlier == "train" else ""
        return GIVE_IMAGES if self.overlap is not None and self.overlap.by_ids_alone else ""

    def limit(
        self,
        part: str,
        pairs: "Collection[Pair]",
        limit: int | float,
        kinds: "frozenset[str]",
        *,
        advisory: bool = False,
    ) -> Comparison:
        """Return the condition that no more images of the later split stand in these pairs."""
        from gate.metrics.estimates import Count

        earlier, later, overlap = self.earlier, self.later, self.overlap
        measured = overlap is not None and bool(kinds & set(overlap.compared))
        found = len({pair.b if pair.split_b == later else pair.a for pair in pairs})
        estimate: Estimate = self.missing
        if measured:
            estimate = Count(found, at_least=overlap is not None and overlap.by_ids_alone)
        required = allowed_images(limit, self.images) if measured else 0.0
        share = {
            "exact": f"also {agree(found, 'occur', 'occurs')} in {earlier}",
            "label-conflict": f"{agree(found, 'occur', 'occurs')} in {earlier} with another label",
            "near": f"nearly {agree(found, 'equal', 'equals')} a {earlier} image",
        }
        said = (
            f"{found:,} of {self.images:,} {later} images {share[part]} "
            f"{allow(required, advisory=advisory)}"
        )
        identical = overlap is not None and overlap.identical
        seen = _GIVEN_TWICE if identical else such_as(pairs)
        return Comparison(
            what=f"overlap of {earlier} and {later}",
            estimate=estimate,
            operator="<=",
            required=required,
            finding=known_or(estimate, said),
            advisory=advisory,
            scope=Scope(later, part=part),
            proof=ProofRequirement.ONLY_FAIL if self.too_few else ProofRequirement.BOTH,
            remedy=""
            if earlier == "train"
            else f"remove the listed images from {earlier} or from {later}, and judge again",
            to_decide=self._to_decide,
            detail="; ".join(filter(None, (seen, self.too_few))),
        )


def _why_missing(earlier: SplitName, later: SplitName, evidence: "Evidence") -> "Undefined":
    """Return why two splits were not compared: one was not given, or its images are not known."""
    from gate.evidence.records import Split
    from gate.metrics.estimates import Undefined
    from gate.metrics.selection import absent

    for split in (earlier, later):
        if Split(split) not in evidence.splits:
            return absent(evidence, split)
    return Undefined(f"{earlier} and {later} were not compared image by image")
