"""Pairs of images as the report and the command ``overlap`` give them."""

from gate.evidence.records import Pair
from gate.report.model import PairPart


def pair_part(pair: Pair) -> PairPart:
    """Return a pair as other tools read it."""
    return PairPart(
        a=pair.a,
        b=pair.b,
        split_a=pair.split_a.value,
        split_b=pair.split_b.value,
        label_a=pair.label_a,
        label_b=pair.label_b,
        kind=pair.kind.value,
        distance=pair.distance,
        orientation=pair.orientation,
    )
