"""Check: dataset-integrity."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from gate.checks.base import (
    Comparison,
    DataFacts,
    Example,
    Outcome,
    Remark,
    Rule,
    Scope,
    allows_nearly_all,
)
from gate.checks.copies import LIMIT_IN_WORDS, Limit, allowed_images
from gate.checks.sentences import agree, allow, enumerate_names, known_or, require
from gate.evidence.synthetic_run import SyntheticRun

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, SplitEvidence

_DECLARE = "; declare "  # as the reason ends of an image that does not fit `input:`


class DatasetIntegrity(Rule):
    """Refuse to judge on data that cannot carry a judgement.

    Every image that a split lists must be readable, and every class must have images in every split
    that was given, but for `unknown`, whose pictures are of no class. What falls short here is an
    error, not a failure of the model: nothing that was measured on such data can be believed. Below
    `min_support` the result is inconclusive, and so it is where only images of a class are left
    that are in another split too. Hidden files are not read; one that is an image all the same
    (`.cat.png`) may have been put out of sight, so it warns, or fails with `max_hidden`.

    To fix a failure: restore or remove the named files, or mend the Dataset that raises; complete
    the classes of the split.

    To decide it: give images of every class, as many as the rule requires, that stand in no
    earlier split.
    """

    family: ClassVar = "data"
    of_answers: ClassVar = False
    formula: ClassVar = (
        "unreadable images of each split; hidden files that are images; images of each class in "
        "each split"
    )
    interval: ClassVar = "none: the images are counted, not sampled"

    check: Literal["dataset-integrity"] = "dataset-integrity"
    max_unreadable: int = Field(
        0, ge=0, description="The most images that may be unreadable in one split."
    )
    max_hidden: Limit | None = Field(
        None,
        description="The most hidden files of a split that are images; by default each warns. "
        f"{LIMIT_IN_WORDS}",
    )
    min_support: int = Field(
        1, ge=1, description="The fewest readable images of each class in the test split."
    )

    examples: ClassVar = (
        Example(
            "every image and class is there",
            {},
            SyntheticRun(test=((45, 5), (3, 47))),
            Outcome.PASSED,
        ),
        Example(
            "two images cannot be read",
            {},
            SyntheticRun(test=((45, 5), (3, 47)), unreadable=2),
            Outcome.ERROR,
        ),
        Example(
            "a hidden file is an image, and none may be",
            {"max_hidden": 0},
            SyntheticRun(test=((45, 5), (3, 47)), hidden=1),
            Outcome.FAILED,
        ),
        Example(
            "the test split has no dogs",
            {},
            SyntheticRun(test=((45, 5), (0, 0))),
            Outcome.ERROR,
        ),
        Example("no data was given", {}, SyntheticRun(), Outcome.INCONCLUSIVE),
    )

    def vacuous(self, data: DataFacts) -> Iterator[Remark]:
        """Yield a limit that nearly all images may be within."""
        for key in ("max_unreadable", "max_hidden"):
            if fact := allows_nearly_all(getattr(self, key), data.images):
                yield (key,), fact, "allow fewer, or delete the rule"

    def evaluate(self, evidence: "Evidence") -> list[Comparison]:
        """Return, for each split, its unreadable images and its rarest class."""
        from gate.metrics.estimates import Undefined

        if not evidence.splits:
            missing = Undefined("no data (add `data:`)")
            return [
                Comparison(
                    what="dataset integrity",
                    estimate=missing,
                    operator="<=",
                    required=self.max_unreadable,
                    scope=Scope(),
                    finding=known_or(missing, ""),
                    to_decide="give the images of each split under `data:` in the gate file",
                )
            ]
        return [
            comparison
            for split in evidence.splits.values()
            for comparison in (
                self._unreadable(split),
                *self._hidden(split),
                *self._support(split, evidence.classes),
            )
        ]

    def _unreadable(self, split: "SplitEvidence") -> Comparison:
        from gate.metrics.estimates import Count

        first = next(iter(split.unreadable), None)
        found = len(split.unreadable)
        # An image that is whole, and does not fit what is declared, says what to declare.
        advice = first.reason.partition(_DECLARE)[2] if first else ""
        return Comparison(
            what=f"unreadable images of {split.split}",
            estimate=Count(found),
            finding=f"{found:,} of {split.images:,} {split.split} images cannot be "
            f"{'used' if advice else 'read'} {allow(self.max_unreadable)}",
            operator="<=",
            required=self.max_unreadable,
            scope=Scope(split.split, part=f"{split.split}-unreadable"),
            unmet=Outcome.ERROR,
            detail=f"such as {first.id}: {first.reason}" if first else "",
            remedy=f"declare {advice}"
            if advice
            else "restore or remove the named files, or repair the Dataset that raises",
        )

    def _hidden(self, split: "SplitEvidence") -> "Iterator[Comparison]":
        """Yield the number of hidden images; where none is asked for, only if there are any."""
        from gate.metrics.estimates import Count

        if self.max_hidden is None and not split.hidden:
            return
        found, advisory = len(split.hidden), self.max_hidden is None
        most = 0 if self.max_hidden is None else allowed_images(self.max_hidden, split.images)
        yield Comparison(
            what=f"hidden files of {split.split}",
            estimate=Count(found),
            operator="<=",
            required=most,
            finding=f"{found:,} hidden {agree(found, 'files', 'file')} of {split.split} "
            f"{agree(found, 'are images and were', 'is an image and was')} not read "
            f"{allow(most, advisory=advisory)}",
            scope=Scope(split.split, part=f"{split.split}-hidden"),
            detail=f"such as {', '.join(split.hidden[:3])}" if split.hidden else "",
            advisory=advisory,
            remedy="delete the hidden images, or rename them so that they are read",
        )

    def _support(self, split: "SplitEvidence", classes: tuple[str, ...]) -> "Iterator[Comparison]":
        """Yield the images of the rarest class; nothing for pictures that are of no class."""
        from gate.metrics.estimates import Count

        if not split.split.is_labelled:
            return
        counts = [int((split.rows.labels == label).sum()) for label in range(len(classes))]
        given = [int((split.all_rows.labels == label).sum()) for label in range(len(classes))]
        fewest = min(counts)
        rarest = [name for name, count in zip(classes, counts, strict=True) if count == fewest]
        required = self.min_support if split.split == "test" else 1
        named, has = enumerate_names(rarest), agree(len(rarest), "have", "has")
        yield Comparison(
            what=f"images of the rarest class in {split.split}",
            estimate=Count(fewest),
            finding=f"{named} {has} the fewest images in {split.split}: {fewest:,} "
            f"{require(required)}"
            if fewest
            else f"{named} {has} no images in {split.split} {require(required)}",
            operator=">=",
            required=required,
            scope=Scope(split.split, part=f"{split.split}-classes"),
            # A class all of whose images leaked is there, and cannot be judged.
            unmet=Outcome.INCONCLUSIVE if min(given) else Outcome.ERROR,
            remedy=f"give {split.split} images of each class, or correct `classes:`",
            to_decide=f"add {split.split} images of {named} that stand in no earlier split",
        )
