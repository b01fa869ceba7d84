"""Small pictures of what the model was asked again: the mean of a sample, and the surest flips.

A flip is an image whose right answer a view of it changed. Only the chosen images are opened again.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gate.evidence.records import MEAN, Picture, Rows, Split, SplitEvidence
from gate.evidence.view_answers import CONFIDENCE, PREDICTION, STATE
from gate.measure.small_png import SIDE, png_of
from gate.subject.datasets.records import Dataset, UnreadableImage
from gate.subject.inputs import InputSpec
from gate.subject.inputs.decoding import decode
from gate.views.drawing import draw
from gate.views.names import View, parse_view
from gate.views.pixels import Pixels, Surroundings
from gate.views.sampling import choose_donors

if TYPE_CHECKING:
    from PIL import Image

MOST_FLIPS = 12  # one of a view, and of two donors the one that flips more
MOST_MEANT = 200  # images that the mean is of; more would look the same


@dataclass(frozen=True, slots=True)
class _Flips:
    """A view, and the rows whose right answers it changed, the surest first."""

    view: View
    key: str  # of the measurement
    rows: list[int]


def draw_pictures(
    datasets: Mapping[Split, Dataset], splits: Mapping[Split, SplitEvidence], spec: InputSpec
) -> Iterator[tuple[Picture, ...]]:
    """Yield pictures, those that only say something together in one tuple; the same each time.

    What cannot be opened again is left out.
    """
    for split, evidence in splits.items():
        asked = _views_of(evidence)
        if asked and split in datasets:
            album = _Album(split, evidence, datasets[split], spec)
            yield from album.mean(next(iter(asked)))
            for flips in _surest(evidence.all_rows, asked):
                yield from album.flip(flips)


def _views_of(evidence: SplitEvidence) -> dict[str, View]:
    """Return the views that were asked, by the keys of their measurements."""
    return {
        key: parse_view(known.facts["view"])
        for key, known in evidence.measurements.items()
        if "view" in known.facts and evidence.all_rows.observed(key)
    }


def _surest(rows: Rows, views: Mapping[str, View]) -> list[_Flips]:
    """Return the views with the most flips, one of a region."""
    right = rows.labels == rows.predictions
    found = []
    for key, view in views.items():
        if view.covers:  # in a colour that only the pass knew
            continue
        columns = rows.observed(key)
        given = columns[PREDICTION]
        flipped = np.flatnonzero(right & (given >= 0) & (given != rows.predictions))
        sure = columns[CONFIDENCE]
        order = sorted(flipped.tolist(), key=lambda row: (-sure[row], str(rows.ids[row])))
        if order:
            found.append(_Flips(view, key, order))
    ranked = sorted(found, key=lambda each: (-len(each.rows), each.key))
    regions: dict[str, _Flips] = {}
    for each in ranked:
        regions.setdefault(str(each.view).removesuffix(f":{each.view.donor}"), each)
    return list(regions.values())[:MOST_FLIPS]


class _Album:
    """Draws the images of one split as the model was shown them."""

    def __init__(
        self, split: Split, evidence: SplitEvidence, dataset: Dataset, spec: InputSpec
    ) -> None:
        self._split = split
        self._rows = evidence.all_rows
        assert evidence.fingerprints is not None, "what was measured has fingerprints"
        self._digests = [each.tobytes() for each in evidence.fingerprints.pixels]
        self._dataset = dataset
        self._spec = spec
        self._places = {entry.id: place for place, entry in enumerate(dataset.entries)}

    def mean(self, key: str) -> Iterator[tuple[Picture, ...]]:
        """Yield the mean of the images that a measurement asked about, stretched to a square."""
        from PIL import Image

        members = np.flatnonzero(self._rows.observed(key)[STATE] >= 0)
        total = np.zeros((SIDE, SIDE, 3))
        count = 0
        for row in members[:: -(-len(members) // MOST_MEANT)].tolist():
            pixels = self._read(row)
            if pixels is not None:
                shown = Image.fromarray(pixels).convert("RGB").resize((SIDE, SIDE))
                total += np.asarray(shown)
                count += 1
        if count:
            yield (self._picture("", Image.fromarray((total / count).astype(np.uint8)), MEAN),)

    def flip(self, flips: _Flips) -> Iterator[tuple[Picture, ...]]:
        """Yield the surest flip of a view, the image and the view of it."""
        from PIL import Image

        if self._spec.factory is not None and flips.view.kind in {"shift", "resize"}:
            return  # it follows from the size of the input, which only the pass knew
        lenders = self._lenders(flips)
        for row in flips.rows[:1]:
            pixels = self._read(row)
            lender = None if lenders is None else self._read(int(lenders[row]))
            if pixels is None or (lender is None and flips.view.donor is not None):
                continue
            around = Surroundings(input_size=self._spec.size, donor=lender)
            drawn = draw(flips.view, pixels, self._digests[row].hex(), around)
            name = str(self._rows.ids[row])
            yield (
                self._picture(name, Image.fromarray(pixels)),
                self._picture(name, Image.fromarray(drawn), str(flips.view)),
            )

    def _lenders(self, flips: _Flips) -> "NDArray[np.int64] | None":
        """Return the row that lends to each row of the sample, -1 to others."""
        if flips.view.donor is None:
            return None
        members = np.flatnonzero(self._rows.observed(flips.key)[STATE] >= 0)
        rows = self._rows
        groups = rows.groups
        found = choose_donors(
            [self._digests[row] for row in members],
            rows.labels[members].tolist(),
            rows.ids[members].tolist(),
            [None] * len(members) if groups is None else groups[members].tolist(),
            flips.view.donor,
        )
        lenders = np.full(len(rows), -1, np.int64)
        lenders[members] = np.where(found >= 0, members[found], -1)
        return lenders

    def _read(self, row: int) -> Pixels | None:
        """Return the image of a row as the model's input is made of it."""
        place = self._places.get(str(self._rows.ids[row])) if row >= 0 else None
        if place is None:
            return None
        try:
            image = self._dataset.read(place).image
            return None if image is None else decode(image, self._spec)
        except UnreadableImage:  # it was readable a moment ago; a picture is not worth a failure
            return None

    def _picture(self, name: str, image: "Image.Image", view: str = "") -> Picture:
        return Picture(self._split, name, png_of(image), view)
