"""Small pictures show people the leaked pairs and the mistakes that a model is surest of.

A second, small read after the pass: only the chosen images are opened again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import numpy as np

from gate.evidence.records import Overlap, Picture, Rows, Split, SplitEvidence
from gate.measure.small_png import png_of
from gate.measure.view_pictures import draw_pictures
from gate.subject.datasets.records import Dataset, UnreadableImage
from gate.subject.inputs import InputSpec

MOST_PAIRS = 40  # leaked pairs shown, the surest first
MOST_FOR_REVIEW = 20  # of pairs that only people can judge
MOST_MISTAKES = 160  # mistakes shown in all
A_CLASS = 8  # mistakes shown of one class
MOST_BYTES = 1_500_000  # of all pictures together: a report is to be sent by mail

Key = tuple[Split, str]


def keep_pictures(
    datasets: Mapping[Split, Dataset],
    splits: Mapping[Split, SplitEvidence],
    overlaps: Iterable[Overlap],
    spec: InputSpec,
) -> tuple[Picture, ...]:
    """Return PNG pictures of at most 96 x 96 pixels, the same for the same data.

    First, and few, those of images that the model was asked about again, prepared as ``spec`` says.
    Pairs and mistakes take turns, so that neither uses up the room. An image that cannot be opened
    again, or was never a picture, is left out.
    """
    kept: dict[tuple[Split, str, str], Picture] = {}
    room = MOST_BYTES
    for together in draw_pictures(datasets, splits, spec):
        bytes_needed = sum(len(each.png) for each in together)
        if bytes_needed <= room:
            room -= bytes_needed
            kept |= {(each.split, each.id, each.view): each for each in together}
    chosen = list(dict.fromkeys(_alternating(_of_pairs(overlaps), _of_mistakes(splits))))
    places = {split: _places(datasets[split], chosen, split) for split in datasets}
    for split, name in chosen:
        if (split, name, "") in kept:
            continue
        place = places.get(split, {}).get(name)
        png = None if place is None else _png(datasets[split], place)
        if png is not None and len(png) <= room:
            room -= len(png)
            kept[split, name, ""] = Picture(split, name, png)
    return tuple(kept.values())


def _alternating(first: Iterable[Key], second: Iterable[Key]) -> Iterator[Key]:
    one, other = iter(first), iter(second)
    while True:
        pair = [next(one, None), next(other, None)]
        if pair == [None, None]:
            return
        yield from (key for key in pair if key is not None)


def _of_pairs(overlaps: Iterable[Overlap]) -> Iterator[Key]:
    overlaps = list(overlaps)
    pairs = [pair for overlap in overlaps for pair in overlap.pairs]
    perhaps = [
        pair
        for overlap in overlaps
        if overlap.split_a is not overlap.split_b
        for pair in overlap.review
    ]
    for pair in (*pairs[:MOST_PAIRS], *perhaps[:MOST_FOR_REVIEW]):
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
