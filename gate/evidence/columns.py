"""The columns of evidence, each declared once: rows, parts, files and tables loop over them.

Beside these, :class:`gate.evidence.records.Rows` holds columns that the data and the policy name:
slices, the observations of measurements, and the scores that these have kept.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

CLASSES = -1  # in a shape: as many as there are classes
OBSERVED = (np.float64, np.int64)  # types of a measurement's column; NaN, or -1, is no observation

Type = type[np.generic]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a record, one value an image."""

    field: str  # of the record
    dtype: Type
    name: str = ""  # of the column in the table `rows` of saved evidence; "": it is not saved
    kind: str = ""  # of that column, in SQLite's words
    shape: tuple[int, ...] = ()  # of one value
    optional: bool = False  # whether a record may lack it

    @property
    def is_text(self) -> bool:
        """Whether its values are str, or None."""
        return self.dtype is np.object_

    def shape_of(self, rows: int, classes: int) -> tuple[int, ...]:
        """Return the shape of the whole column."""
        return (rows, *(classes if length == CLASSES else length for length in self.shape))

    def fits(self, values: Any, rows: int, classes: int) -> bool:  # noqa: ANN401 -- what was read
        """Return whether an array, or None, is this column of so many rows."""
        if values is None:
            return self.optional
        return bool(values.dtype == self.dtype and values.shape == self.shape_of(rows, classes))


# Of Rows, in the order of the table.
ROWS = (
    Column("ids", np.object_, "id", "TEXT NOT NULL"),
    Column("labels", np.int32, "label", "INTEGER NOT NULL"),
    Column("predictions", np.int32, "prediction", "INTEGER NOT NULL"),
    Column("confidence", np.float64, "confidence", "REAL"),
    Column("margin", np.float64, "margin", "REAL"),
    Column("true_score", np.float64, "true_score", "REAL"),
    Column("true_rank", np.int32, "true_rank", "INTEGER NOT NULL"),
    Column("groups", np.object_, "group", "TEXT", optional=True),
    Column("scores", np.float32, "scores", "BLOB", shape=(CLASSES,), optional=True),
)
# Of Fingerprints.
FINGERPRINTS = (
    Column("file", np.uint8, "file_sha256", "BLOB", shape=(32,)),
    Column("pixels", np.uint8, "pixels_sha256", "BLOB", shape=(32,)),
    Column("oriented", np.uint8, shape=(32,)),
    Column("near", np.uint8, shape=(32,)),
    Column("featureless", np.bool_),
    Column("upright", np.uint8, shape=(32,)),
    Column("bare", np.uint8, shape=(32,)),
    Column("looks", np.uint8, shape=(16, 16), optional=True),
    Column("thumbnails", np.uint8, shape=(64, 64), optional=True),
)

TEXTS = tuple(each for each in ROWS if each.is_text)
NUMBERS = tuple(each for each in ROWS if not each.is_text)
SAVED = tuple(each for each in (*ROWS, *FINGERPRINTS) if each.name)
