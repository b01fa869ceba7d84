"""Made-up copies on made-up images: pairs that name images which are there, with their labels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from gate.evidence.agreement import labels_of
from gate.evidence.records import EXACT, Overlap, Pair, Split, SplitEvidence


def place_copies(
    overlap: Overlap, splits: Mapping[Split, SplitEvidence], classes: tuple[str, ...]
) -> Overlap:
    """Return an overlap of images that the splits have, as far as they have enough of them.

    The images of b, and whether a pair's labels differ, stay as they are.
    """
    a, b = splits.get(overlap.split_a), splits.get(overlap.split_b)
    if a is None or b is None:
        return overlap
    pairs = tuple(_place(overlap.pairs, a, b, classes)) if overlap.pairs else ()
    exact = sum(pair.kind in EXACT for pair in pairs)
    return replace(
        overlap,
        pairs=pairs,
        images_a=len(a.rows),
        images_b=len(b.rows),
        exact_pairs=max(exact, overlap.exact_pairs),
    )


def _place(
    pairs: Iterable[Pair], a: SplitEvidence, b: SplitEvidence, classes: tuple[str, ...]
) -> Iterator[Pair]:
    labels_a, labels_b = labels_of(a.rows, classes), labels_of(b.rows, classes)
    free = {
        name: iter(a.rows.ids[np.flatnonzero(a.rows.labels == label)].tolist())
        for label, name in enumerate(classes)
    }
    for pair in pairs:
        known = labels_b.get(pair.b)
        if known is None:
            yield pair
        elif a is b:
            same = labels_a.get(pair.a) == known
            yield replace(pair, label_a=known, label_b=known) if same else pair
        else:
            differs = pair.label_a != pair.label_b
            label = next(name for name in classes if (name != known) is differs)
            name = next(free[label], None)
            yield pair if name is None else replace(pair, a=name, label_a=label, label_b=known)
