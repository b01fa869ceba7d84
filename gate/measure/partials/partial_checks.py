"""A part that is read again is checked against its unit, its data, and itself."""

from collections.abc import Set
from itertools import zip_longest

import numpy as np

from gate.evidence.agreement import name_of_label
from gate.evidence.columns import FINGERPRINTS
from gate.evidence.contradictions import Contradiction, require_sound_rows
from gate.measure.partials.partial import Outputs, PartialResult
from gate.subject.datasets.records import Dataset, Entry


def require_sound_part(part: PartialResult) -> None:
    """Raise Contradiction or ValueError where no measurement of its unit can have given a part."""
    if part.images != len(part.unit):
        raise ValueError(f"the part {part.unit.name} has not as many rows as its unit")
    for each in FINGERPRINTS:
        if not each.fits(getattr(part.fingerprints, each.field), len(part.rows), classes=0):
            raise ValueError(f"the column {each.field} of its fingerprints is of another form")
    _require_extremes(part)
    labelled = part.unit.split.is_labelled
    require_sound_rows(part.rows, len(part.lowest), place=part.unit.name, labelled=labelled)
    _require_unreadable(part)
    for done, images in part.preprocessing_notes.items():
        if not 0 <= images <= len(part.unit):
            raise Contradiction(
                part.unit.name, f"counts {images:.3g} images of {len(part.unit):,} as {done!r:.80}"
            )


def require_entries(part: PartialResult, dataset: Dataset) -> None:
    """Raise Contradiction where a part is not of the images that the data lists for its unit.

    Their labels, groups and slices are compared, too, where the data tells them before it is read.
    """
    place, rows = part.unit.name, part.rows
    if len(part.lowest) != len(dataset.classes):
        raise Contradiction(
            place, f"is of {len(part.lowest)} classes, and the data has {len(dataset.classes)}"
        )
    groups = [None] * len(rows) if rows.groups is None else rows.groups.tolist()
    slices = zip(*(rows.slices[name].tolist() for name in rows.slices), strict=True)
    if tuple(rows.slices) != dataset.slice_columns:
        raise Contradiction(place, "has other slices than the data")
    given = dict(
        zip(
            rows.ids.tolist(),
            zip_longest(rows.labels.tolist(), groups, slices, fillvalue=()),
            strict=True,
        )
    )
    lost = {image.id: image.label for image in part.unreadable}
    for entry in dataset.entries[part.unit.start : part.unit.stop]:
        if entry.id in lost:
            _require_label(place, entry, lost.pop(entry.id), dataset)
        elif (said := given.pop(entry.id, None)) is None or not _agrees(entry, *said):
            raise Contradiction(
                f"{place}: {entry.id!r:.80}",
                "is not as the data lists it: its id, label, group or slices are others",
            )
    if lost or given:
        stranger = next(iter((*lost, *given)))
        raise Contradiction(f"{place}: {stranger!r:.80}", "is not listed in the data")


def require_observations(part: PartialResult, measurements: Set[str]) -> None:
    """Raise Contradiction where a part was not observed by the measurements of these keys."""
    found = {key for key, _ in part.rows.observations}
    if len(part.rows) and found != measurements:
        odd = min(found ^ measurements)
        raise Contradiction(
            part.unit.name,
            f"the columns of the measurement {odd!r:.80} are missing, or not planned",
        )


def _require_label(place: str, entry: Entry, label: str, dataset: Dataset) -> None:
    """Raise Contradiction where an unreadable image is of another class than the data lists."""
    if label != name_of_label(entry.label, dataset.classes):
        raise Contradiction(
            f"{place}: {entry.id!r:.80}",
            f"could not be read, and is {label!r:.80} there, which is not what the data lists",
        )


def _agrees(entry: Entry, label: int, group: str | None, slices: tuple[str | None, ...]) -> bool:
    known = entry.label is None or entry.label == label  # else only reading tells it
    return known and (entry.group, entry.slices) == (group, slices)


def _require_extremes(part: PartialResult) -> None:
    """Raise where the outputs of a part do not lie between two finite ones a class."""
    lowest, highest = part.lowest, part.highest
    alike = lowest.dtype == highest.dtype == np.float32 and lowest.shape == highest.shape
    if not alike or lowest.ndim != 1 or len(lowest) < 2:
        raise ValueError("its extremes are not one of each class")
    if len(part.rows) and not (np.isfinite([lowest, highest]).all() and (lowest <= highest).all()):
        raise Contradiction(part.unit.name, "its lowest outputs are not below its highest")
    if part.single is not None:
        _require_single(part, part.single)


def _require_single(part: PartialResult, outputs: Outputs) -> None:
    """Raise where single outputs are not one a row, between the extremes, and of its answers."""
    if outputs.dtype != np.float32 or outputs.shape != (len(part.rows),):
        raise ValueError("its single outputs are not one of each row")
    within = (outputs >= part.lowest[1]) & (outputs <= part.highest[1])
    is_even = np.abs(outputs) < 1e-9  # in double, the sigmoid of either sign is a half
    agree = is_even | ((outputs > 0) == (part.rows.predictions == 1))
    if not (within & agree).all():
        raise Contradiction(part.unit.name, "its single outputs are not those of its answers")


def _require_unreadable(part: PartialResult) -> None:
    names = {*part.rows.ids.tolist()}
    for image in part.unreadable:
        if not all(isinstance(each, str) for each in (image.id, image.label, image.reason)):
            raise ValueError("an image that could not be read has no name")
        if image.id in names:
            raise Contradiction(f"{part.unit.name}: {image.id!r:.80}", "is there more than once")
        names.add(image.id)
