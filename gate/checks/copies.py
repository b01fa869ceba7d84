"""What the checks of copied images share: limits as counts or fractions, and a pair to look at."""

from collections.abc import Collection
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field

if TYPE_CHECKING:
    from gate.evidence.records import Pair

LIMIT_IN_WORDS = "A count (`2`), or a fraction of the images (`0.005`)."


def _count_or_fraction(limit: int | float) -> int | float:
    # `2.0` for two images would allow twice as many copies as there are images.
    if isinstance(limit, float) and limit >= 1:
        raise ValueError(f"{limit} is no fraction below 1; write a count without a point")
    return limit


Limit = Annotated[int | float, Field(ge=0), AfterValidator(_count_or_fraction)]


def allowed(limit: int | float, images: int) -> float:
    """Return a limit as a number of images; a fraction as it is written: 0.29 of 100 is 29."""
    return float(Fraction(repr(limit)) * images) if isinstance(limit, float) else limit


def such_as(pairs: "Collection[Pair]") -> str:
    """Return a clause that names the first pair, so that a person can look at it."""
    for pair in pairs:
        return f"such as {pair.b} = {pair.a}"
    return ""
