"""The base of checks of copied images: limits as counts or fractions, and an example pair."""

from collections.abc import Collection
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

from gate.checks.base import Comparison, Scope, SplitName

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Pair, SplitEvidence

FEWEST_PER_CLASS = 5  # images of an earlier split, on average: fewer are hardly the whole of it
GIVE_IMAGES = "give the images: name their column by image: in the gate file, or by --image"
LIMIT_IN_WORDS = "A count (`2`), or a fraction of the images (`0.005`)."


def _count_or_fraction(limit: int | float) -> int | float:
    # `2.0` for two images would allow twice as many copies as there are images.
    if isinstance(limit, float) and limit >= 1:
        raise ValueError(f"{limit} is no fraction below 1; write a count without a point")
    return limit


Limit = Annotated[int | float, Field(ge=0), AfterValidator(_count_or_fraction)]


def allowed_images(limit: int | float, images: int) -> float:
    """Return a limit as a number of images; a fraction as it is written: 0.29 of 100 is 29."""
    return float(Fraction(repr(limit)) * images) if isinstance(limit, float) else limit


def listed_images(split: "SplitEvidence") -> int:
    """Return the readable images of a split, also where its rows are a part of them."""
    return split.images - len(split.unreadable)


def too_few_to_pass(evidence: "Evidence", earlier: str, later: str) -> str:
    """Return why finding no copy of ``earlier`` proves nothing about ``later``, or nothing.

    Whoever gives two images as train has no copy of them in test, whatever the model was trained
    on: the split must be of a size to train on, and train must have every class of the later split.
    """
    import numpy as np

    from gate.evidence.records import Split

    classes = len(evidence.classes)
    given, tested = (
        np.bincount(evidence.splits[split].rows.labels, minlength=classes)
        if split in evidence.splits
        else np.zeros(classes, dtype=np.int64)
        for split in (Split(earlier), Split(later))
    )
    found, needed = int(given.sum()), FEWEST_PER_CLASS * classes
    if found < needed:
        images = "1 image" if found == 1 else f"{found:,} images"
        return f"{earlier} has {images}, {needed:,} are needed to pass"
    if earlier != Split.TRAIN:
        return ""
    absent = [evidence.classes[label] for label in np.flatnonzero((given == 0) & (tested > 0))]
    if not absent:
        return ""
    more = f" and {len(absent) - 3} more" if len(absent) > 3 else ""
    return f"{earlier} has no image of {', '.join(absent[:3])}{more}, which {later} has"


def compared_by_ids(what: str, split: SplitName) -> Comparison:
    """Return the warning that no image was looked at; a copy under another id is not known."""
    from gate.metrics.estimates import Count

    return Comparison(
        what="comparisons by ids alone",
        finding=f"{what} by their ids alone: a copy under another id is not known",
        estimate=Count(1),
        operator="<=",
        required=0,
        scope=Scope(split, part="by-ids"),
        advisory=True,
        remedy=GIVE_IMAGES,
    )


def such_as(pairs: "Collection[Pair]") -> str:
    """Return a clause that names the first pair, so that a person can look at it."""
    for pair in pairs:
        return f"such as {pair.b} = {pair.a}"
    return ""
