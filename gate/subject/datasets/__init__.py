"""Datasets in the formats of the gate file: one file a format, one record that they all give.

A spec says where the data lies, its content says what it is, one reader opens it. The readers are
imported when they are needed, so that a gate file can be checked without numpy and Pillow.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from gate.subject.datasets.formats import DataFormat
from gate.subject.datasets.recognise import format_of_split, refuse_unfit_keys
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.urls import is_url, read_url

if TYPE_CHECKING:
    from gate.subject.datasets.records import Dataset, PredictionTable


def open_dataset(
    spec: DataSpec,
    *,
    base: Path,
    classes: tuple[str, ...] | None,
    form: DataFormat | None = None,
) -> "Dataset | PredictionTable":
    """Return the dataset, or the table of saved predictions, that a split of the gate file names.

    Paths are relative to ``base``, the folder of the gate file. ``classes`` are the declared ones,
    in the order of the model's outputs; where they are None they are derived from the data.
    ``form`` is its format where it is known already. Raises DataError, FactoryError,
    MissingExtraError, or UsageError for a format that nobody adds.
    """
    return _fitting(spec, base, form).open(spec, base, classes)


def open_compared(
    spec: DataSpec, *, base: Path, form: DataFormat | None = None
) -> "Dataset | PredictionTable":
    """Return the dataset for a comparison, which needs no labels: also a folder of mere images.

    Raises DataError where it is missing or damaged, FactoryError where the user's Dataset fails,
    UsageError for a wrong URL, MissingExtraError where an extra is not installed.
    """
    form = _fitting(spec, base, form)
    opener = form.open_compared
    return form.open(spec, base, None) if opener is None else opener(spec, base)


def _fitting(spec: DataSpec, base: Path, form: DataFormat | None) -> DataFormat:
    """Return the format of a split whose keys are its own."""
    for written in (spec.path, spec.images, spec.labels, spec.predictions):
        if written is not None and is_url(written):
            read_url(written)  # before a message shows it
    form = form or format_of_split(spec, base)
    refuse_unfit_keys(spec, form)
    return form
