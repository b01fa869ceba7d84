"""Files are known without a look at the picture: by their width, height and format."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gate.evidence.measurements import SPLITS, ImageBatch, Measurement, SplitName

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from gate.evidence.measurements import Columns
    from gate.evidence.records import Rows

KEY = "stored-files v1"
WIDTH, HEIGHT, FORMAT, ORDER = "width", "height", "format", "order"
# By their numbers in the column, from 1: 0 is an image without one, of an array; the last number
# is that of any other.
FORMATS = ("BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")

_SIX_BYTES = 6  # of a digest: whole numbers that a float holds exactly


@dataclass(frozen=True)
class StoredFiles(Measurement):
    """Width, height and format of each image as stored, -1 where there is none.

    ``order`` is a number that follows from its pixels alone, below 2**48: by it images are dealt
    and drawn without a look at their names.
    """

    key: str = KEY
    splits: tuple[SplitName, ...] = SPLITS

    def observe(self, batch: ImageBatch) -> "Columns":
        """Return the four columns of the images of a batch, whole numbers."""
        import numpy as np

        columns: dict[str, NDArray[Any]] = {
            name: np.full(len(batch.indices), -1, np.int64)
            for name in (WIDTH, HEIGHT, FORMAT, ORDER)
        }
        digests = batch.pixels_sha256
        for place, (image, format_) in enumerate(zip(batch.images, batch.formats, strict=True)):
            if image is not None:
                columns[WIDTH][place], columns[HEIGHT][place] = image.size
                columns[FORMAT][place] = _number_of(format_)
                columns[ORDER][place] = int.from_bytes(digests[place, :_SIX_BYTES].tobytes(), "big")
        return columns

    def summarise(self, columns: "Columns", rows: "Rows") -> Any:  # noqa: ANN401, ARG002 -- JSON
        """Return how many images are of each format."""
        import numpy as np

        numbers, counts = np.unique(columns[FORMAT], return_counts=True)
        return {
            "formats": {
                _name_of(number): count
                for number, count in zip(numbers.tolist(), counts.tolist(), strict=True)
            }
        }


def _number_of(format_: str | None) -> int:
    if format_ is None:
        return 0
    return FORMATS.index(format_) + 1 if format_ in FORMATS else len(FORMATS) + 1


def _name_of(number: int) -> str:
    if number in (-1, 0):
        return "no image" if number == -1 else "array"
    return FORMATS[number - 1] if number <= len(FORMATS) else "other"
