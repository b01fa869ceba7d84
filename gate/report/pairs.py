"""Pairs of images as the report and the command ``overlap`` give them, and the list of them all."""

from dataclasses import fields

from gate.evidence.records import Evidence, Pair
from gate.report.alignments import describe_change
from gate.report.lists import as_csv
from gate.report.model import AlignmentPart, PairPart

FILE_NAME = "pairs.csv"
_COLUMNS = tuple(each.name for each in fields(Pair) if each.name != "alignment")


def pair_part(pair: Pair) -> PairPart:
    """Return a pair as other tools read it."""
    alignment = pair.alignment
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
        change=None if alignment is None else describe_change(alignment) or None,
        alignment=None
        if alignment is None
        else AlignmentPart(
            down=list(alignment.down),
            right=list(alignment.right),
            inverted=alignment.inverted,
        ),
    )


def pairs_list(evidence: Evidence) -> str | None:
    """Return CSV of all pairs, those inside a split and those for review too; None without any.

    The report lists the first thousand leaks; this file has no limit. ``review`` is 1 where only a
    person can say whether the two are the same picture. Names are escaped as
    :mod:`gate.report.lists` has it.
    """
    listed = [
        (*(getattr(pair, name) for name in _COLUMNS), pair_part(pair).change, review)
        for overlap in evidence.overlaps
        for pairs, review in ((overlap.pairs, 0), (overlap.review, 1))
        for pair in pairs
    ]
    if not listed:
        return None
    return as_csv([*_COLUMNS, "change", "review"], listed)
