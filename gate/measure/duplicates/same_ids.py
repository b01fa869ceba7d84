"""Images of two splits that have one id are one image, whatever anybody looked at."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations_with_replacement

import numpy as np

from gate.evidence.records import EXACT, Overlap, Pair, PairKind, Rows, Split


def overlaps_by_ids(
    rows: Mapping[Split, Rows], classes: tuple[str, ...], seen: tuple[Overlap, ...]
) -> tuple[Overlap, ...]:
    """Return what each two splits share, and each holds twice, by ids and by what was ``seen``.

    ``seen`` are the overlaps of those splits whose images were compared.
    """
    of_images = {(each.split_a, each.split_b): each for each in seen}
    splits = [split for split in Split if split in rows]
    return tuple(
        _joined(_by_ids(rows, a, b, classes), of_images.get((a, b)))
        for a, b in combinations_with_replacement(splits, 2)
    )


def _by_ids(rows: Mapping[Split, Rows], a: Split, b: Split, classes: tuple[str, ...]) -> Overlap:
    first, second = rows[a], rows[b]
    pairs: tuple[Pair, ...] = ()
    if a is not b:  # inside a split ids are unique
        _, in_a, in_b = np.intersect1d(
            first.ids.astype(str), second.ids.astype(str), assume_unique=True, return_indices=True
        )
        pairs = tuple(
            Pair(
                first.ids[row_a], second.ids[row_b], a, b,
                classes[first.labels[row_a]], classes[second.labels[row_b]], PairKind.ID,
            )
            for row_a, row_b in zip(in_a.tolist(), in_b.tolist(), strict=True)
        )  # fmt: skip
    return Overlap(
        a,
        b,
        pairs,
        compared=(PairKind.ID,),
        images_a=len(first),
        images_b=len(second),
        exact_pairs=len(pairs),
    )


def _joined(by_ids: Overlap, seen: Overlap | None) -> Overlap:
    if seen is None:
        return by_ids
    known = {(pair.a, pair.b) for pair in seen.pairs if pair.kind in EXACT}
    new = tuple(pair for pair in by_ids.pairs if (pair.a, pair.b) not in known)
    return replace(
        seen,
        pairs=(*seen.pairs, *new),
        compared=(*seen.compared, PairKind.ID) if by_ids.split_a is not by_ids.split_b
        else seen.compared,
        exact_pairs=seen.exact_pairs + len(new),
    )  # fmt: skip
