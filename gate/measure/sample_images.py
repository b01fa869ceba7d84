"""Small pictures show people the leaked pairs and the mistakes that a model is surest of.

A second, small read after the pass: only the chosen images are opened again.
"""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from gate.evidence.records import Overlap, Picture, Rows, Split, SplitEvidence
from gate.subject.datasets.records import Dataset, UnreadableImage

if TYPE_CHECKING:
    from PIL import Image

SIDE = 96  # pixels of the longer side, at most
MOST_PAIRS = 40  # leaked pairs shown, the surest first
MOST_MISTAKES = 160  # mistakes shown in all
A_CLASS = 8  # mistakes shown of one class
MOST_BYTES = 1_500_000  # of all pictures together: a report is to be sent by mail
_LARGE = 3_000  # bytes of one picture; a larger one is kept in few colours
_COLOURS = 32

Key = tuple[Split, str]


def keep_pictures(
    datasets: Mapping[Split, Dataset],
    splits: Mapping[Split, SplitEvidence],
    overlaps: Iterable[Overlap],
) -> tuple[Picture, ...]:
    """Return PNG pictures of at most 96 x 96 pixels, the same for the same data.

    Pairs and mistakes take turns, so that neither uses up the room. An image that cannot be opened
    again, or was never a picture, is left out.
    """
    chosen = list(dict.fromkeys(_alternating(_of_pairs(overlaps), _of_mistakes(splits))))
    places = {split: _places(datasets[split], chosen, split) for split in datasets}
    kept: list[Picture] = []
    room = MOST_BYTES
    for split, name in chosen:
        place = places.get(split, {}).get(name)
        png = None if place is None else _png(datasets[split], place)
        if png is not None and len(png) <= room:
            room -= len(png)
            kept.append(Picture(split, name, png))
    return tuple(kept)


def _alternating(first: Iterable[Key], second: Iterable[Key]) -> Iterator[Key]:
    one, other = iter(first), iter(second)
    while True:
        pair = [next(one, None), next(other, None)]
        if pair == [None, None]:
            return
        yield from (key for key in pair if key is not None)


def _of_pairs(overlaps: Iterable[Overlap]) -> Iterator[Key]:
    pairs = [pair for overlap in overlaps for pair in overlap.pairs]
    for pair in pairs[:MOST_PAIRS]:
        yield pair.split_a, pair.a
        yield pair.split_b, pair.b


def _of_mistakes(splits: Mapping[Split, SplitEvidence]) -> list[Key]:
    """Return the surest mistake of each class, then the second of each, of test or validation."""
    split = next((each for each in (Split.TEST, Split.VALIDATION) if each in splits), None)
    if split is None:
        return []
    rows = splits[split].rows
    return [(split, str(rows.ids[row])) for row in surest_mistakes(rows, A_CLASS)[:MOST_MISTAKES]]


def surest_mistakes(rows: Rows, a_class: int) -> list[int]:
    """Return indices of wrong rows, at most ``a_class`` of a true class, in turns, surest first."""
    wrong = np.flatnonzero(rows.labels != rows.predictions)
    sure = np.nan_to_num(rows.confidence)
    order = sorted(wrong.tolist(), key=lambda row: (-sure[row], str(rows.ids[row])))
    seen: dict[int, int] = defaultdict(int)
    ranked: list[tuple[int, int]] = []
    for row in order:
        label = int(rows.labels[row])
        if seen[label] < a_class:
            ranked.append((seen[label], row))
        seen[label] += 1
    return [row for _, row in sorted(ranked, key=lambda each: each[0])]


def _places(dataset: Dataset, chosen: Iterable[Key], split: Split) -> dict[str, int]:
    wanted = {name for each, name in chosen if each is split}
    if not wanted:
        return {}
    return {entry.id: place for place, entry in enumerate(dataset.entries) if entry.id in wanted}


def _png(dataset: Dataset, place: int) -> bytes | None:
    try:
        image = dataset.read(place).image
    except UnreadableImage:  # it was readable a moment ago; a picture is not worth a failure
        return None
    return None if image is None else png_of(image)


def png_of(image: "Image.Image") -> bytes:
    """Return a small PNG of an image: grey or RGB, and nothing of its metadata.

    Where it is more than three kilobytes, it has 32 colours of its own: a page shows many.
    """
    from PIL import Image

    if image.mode.startswith(("I", "F")):  # deep pixels: stretched, or all would be white
        pixels = np.asarray(image, dtype=np.float64)
        low, high = pixels.min(), pixels.max()
        stretched = (pixels - low) * (255 / (high - low) if high > low else 0.0)
        image = Image.fromarray(np.rint(stretched).astype(np.uint8))
    shown = image.convert("L" if image.mode in ("1", "L", "LA") else "RGB")
    shown.thumbnail((SIDE, SIDE))
    bare = Image.frombytes(shown.mode, shown.size, shown.tobytes())
    whole = _as_png(bare)
    if len(whole) <= _LARGE:
        return whole
    return _as_png(bare.quantize(_COLOURS, dither=Image.Dither.NONE))


def _as_png(image: "Image.Image") -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return stream.getvalue()
