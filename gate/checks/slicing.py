"""Slices of a split, as rules name them: the columns of ``by``, and the values that are judged."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gate.evidence.image_properties import PROPERTIES
from gate.wording import did_you_mean

if TYPE_CHECKING:
    from gate.evidence.measurements import Measurement
    from gate.evidence.records import Evidence, SplitEvidence
    from gate.metrics.estimates import Undefined

By = str | tuple[str, ...]

EVERY_COLUMN = "$slices"  # of those that the gate file declares, each by itself


def complain_of(by: By | None, slices: tuple[str, ...] | None) -> str:
    """Return why columns and slices cannot be meant together, or nothing."""
    if slices is not None and by is None:
        return "slices are given without by: the column that they are values of"
    if by == EVERY_COLUMN and slices is not None:
        return f"slices are given with by: {EVERY_COLUMN}; name the column that they are values of"
    if isinstance(by, tuple) and EVERY_COLUMN in by:
        return f"{EVERY_COLUMN} is every column by itself; write by: {EVERY_COLUMN}"
    return ""


def properties_in(by: By | None) -> tuple[str, ...]:
    """Return which of the columns are measured properties of the images, such as brightness."""
    columns = (by,) if isinstance(by, str) else by or ()
    return tuple(column for column in columns if column in PROPERTIES)


def properties_needed(by: By | None) -> "tuple[Measurement, ...]":
    """Return the measurement of the properties, where a column is one."""
    from gate.evidence.image_properties import ImageProperties

    return (ImageProperties(),) if properties_in(by) else ()


def measured_for(
    by: By | None, evidence: "Evidence", split: str
) -> "SplitEvidence | Undefined | None":
    """Return a split with the columns that a rule cuts it by; None where it was not measured.

    Undefined where a measured property among them cannot be cut.
    """
    from gate.evidence.records import Split

    properties, measured = properties_in(by), evidence.splits.get(Split(split))
    if measured is None or not properties:
        return measured
    from gate.metrics.properties import with_properties

    return with_properties(evidence, measured.split, properties)


def cuts_of(by: By, measured: "SplitEvidence") -> "list[tuple[str, ...]] | Undefined":
    """Return the columns of each way in which a rule cuts a split; undefined where there is none.

    One way, or with ``$slices`` one for each column that the data declares.
    """
    from gate.metrics.estimates import Undefined

    if by != EVERY_COLUMN:
        return [(by,) if isinstance(by, str) else by]
    declared: list[tuple[str, ...]] = [(column,) for column in measured.all_rows.slices]
    if declared:
        return declared
    return Undefined(
        f"{measured.split} declares no slice column",
        remedy=f"add `slices: [COLUMN, ...]` to `data: {{{measured.split}: ...}}` in the gate file",
    )


def judged_slices(
    measured: "SplitEvidence", columns: Sequence[str], named: tuple[str, ...] | None
) -> "list[str] | Undefined":
    """Return the names of the slices that are judged: those that are ``named``, or all there are.

    Undefined where the split lacks a column, and where a column has too many values.
    """
    from gate.metrics.estimates import Undefined
    from gate.metrics.selection import MOST_SLICES, slice_names

    if missing := [column for column in columns if column not in measured.rows.slices]:
        close = did_you_mean(missing[0], measured.rows.slices)
        return Undefined(
            f"{measured.split} has no such column ({close or 'add it to `slices:`'})",
            remedy=f"{close + ' Else ' if close else ''}add `{missing[0]}` to the `slices:` of "
            f"{measured.split}, as a column of its data",
        )
    if named is not None:
        return [_full_name(each, columns) for each in named]
    given = slice_names(measured.all_rows, columns)
    if len(given) > MOST_SLICES:
        return Undefined(
            f"there are {len(given):,} slices, and at most {MOST_SLICES} are judged",
            remedy="name the slices to judge in the rule, or another column: this may hold ids",
        )
    return given


def absent_slice(measured: "SplitEvidence", columns: Sequence[str], name: str) -> "Undefined":
    """Return why a slice has no rows that are judged."""
    from gate.metrics.estimates import Undefined
    from gate.metrics.selection import slice_names

    given = name in slice_names(measured.all_rows, columns)
    return Undefined(
        "all of its images are leaked or repeated"
        if given
        else f"{measured.split} has no such slice",
        remedy=f"add {measured.split} images of this slice that stand nowhere else",
    )


def _full_name(name: str, columns: Sequence[str]) -> str:
    return name if "=" in name or len(columns) > 1 else f"{columns[0]}={name}"
