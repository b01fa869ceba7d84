"""Check: duplicate-images."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    Copies,
    DataFacts,
    Example,
    Outcome,
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
    such_as,
)
from gate.checks.sentences import agree, allow, known_or
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence
    from gate.metrics.estimates import Estimate


class DuplicateImages(Rule):
    """Allow at most so many images that stand more than once in a split.

    A copy is no second opinion: it inflates the support of its class, so that intervals look
    narrower than they are. Copies are exact, by bytes or by decoded pixels, also flipped or
    rotated. The message gives the effective number of images. A copy with another label means that
    at least one of the two is wrong.

    To fix a failure: keep one of each set of copies, and settle the label of those that disagree.

    To decide it: give the images of the split, and let the gate compare them. Saved predictions
    need a column with the paths of the images.
    """

    family: ClassVar = "data"
    of_answers: ClassVar = False
    formula: ClassVar = "images that are copies of another image of the split, less one of each set"
    interval: ClassVar = "none: the images are counted, not sampled"

    check: Literal["duplicate-images"] = "duplicate-images"
    split: SplitName = Field("test", description="The split to look into.")
    max: Limit = Field(0, description=f"The most copies. {LIMIT_IN_WORDS}")
    max_label_conflicts: Limit = Field(
        0, description=f"The most copies that carry another label. {LIMIT_IN_WORDS}"
    )

    examples: ClassVar = (
        Example(
            "every image stands once",
            {},
            SyntheticRun(test=((45, 5), (3, 47)), duplicates=0),
            Outcome.PASSED,
        ),
        Example(
            "five images stand twice",
            {},
            SyntheticRun(test=((45, 5), (3, 47)), duplicates=5),
            Outcome.FAILED,
        ),
        Example(
            "five images stand twice, and 10 % may",
            {"max": 0.1},
            SyntheticRun(test=((45, 5), (3, 47)), duplicates=5),
            Outcome.PASSED,
        ),
        Example(
            "the images were not compared",
            {},
            SyntheticRun(test=((45, 5), (3, 47))),
            Outcome.INCONCLUSIVE,
        ),
    )

    def judges_copies(self, a: str, b: str, kind: Copies) -> bool:
        """Return whether the rule counts such copies inside this split."""
        return a == b == self.split and kind == "exact"

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit that nearly all images may be within."""
        for key in ("max", "max_label_conflicts"):
            if fact := allows_nearly_all(getattr(self, key), data.images):
                yield (key,), fact, "allow fewer, or delete the rule"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return the number of copies, and of those with another label."""
        from gate.evidence.records import EXACT, Split
        from gate.metrics.estimates import Count, Undefined
        from gate.metrics.selection import absent

        split = Split(self.split)
        inside = next(
            (each for each in evidence.overlaps if each.split_a is each.split_b is split), None
        )
        pairs = [] if inside is None else [pair for pair in inside.pairs if pair.kind in EXACT]
        conflicts = [pair for pair in pairs if pair.label_a != pair.label_b]
        images = 0 if inside is None else inside.images_b
        copies = len({pair.b for pair in pairs})
        at_least = inside is not None and inside.by_ids_alone
        warning = (
            [compared_by_ids(f"{self.split} images were compared with each other", self.split)]
            if at_least
            else []
        )
        missing = Undefined(f"the images of {self.split} were not compared with each other")
        if split not in evidence.splits:
            missing = absent(evidence, self.split)

        def limit(part: str, found: int, most: Limit, words: str, detail: str) -> Comparison:
            estimate: Estimate = missing if inside is None else Count(found, at_least=at_least)
            required = allowed_images(most, images)
            said = (
                f"{found:,} of {images:,} {self.split} images {agree(found, 'repeat', 'repeats')} "
                f"another{words} {allow(required)}"
            )
            return Comparison(
                what=f"copies inside {self.split}",
                estimate=estimate,
                operator="<=",
                required=required,
                scope=Scope(self.split, part=part),
                finding=known_or(estimate, said),
                to_decide=GIVE_IMAGES if at_least else "",
                detail=detail,
            )

        left = f"{images - copies:,} different images, {such_as(pairs)}" if copies else ""
        conflicting = len({pair.b for pair in conflicts})
        return [
            *warning,
            limit("copies", copies, self.max, "", left),
            limit(
                "label-conflict",
                conflicting,
                self.max_label_conflicts,
                " with another label",
                such_as(conflicts),
            ),
        ]
