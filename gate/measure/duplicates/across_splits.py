"""Splits are compared with each other, and each with itself."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np

from gate.evidence.agreement import UNKNOWN
from gate.evidence.records import EXACT, Overlap, PairKind, Split, SplitEvidence
from gate.measure.duplicates.aligned_copies import is_quick, seconds
from gate.measure.duplicates.exact_copies import FingerprintedSplit
from gate.measure.duplicates.find_overlap import find_duplicates, find_overlap, with_described
from gate.measure.duplicates.known_overlaps import load_or_compare
from gate.measure.progress import Progress
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import LeakageSpec
from gate.subject.inputs import build_transform
from gate.wording import plain, pluralize


def sides_of(
    splits: Mapping[Split, SplitEvidence], classes: tuple[str, ...]
) -> list[FingerprintedSplit]:
    """Return the splits as sides of comparisons: train, validation, test, unknown."""
    names = np.array([*classes, UNKNOWN], dtype=object)  # -1 is the last
    return [
        FingerprintedSplit(split, each.rows.ids, names[each.rows.labels], each.fingerprints)
        for split, each in ((split, splits[split]) for split in Split if split in splits)
        if each.fingerprints is not None
    ]


def overlaps_of(
    sides: Sequence[FingerprintedSplit],
    cache: Path | None,
    progress: Progress,
    *,
    thorough: bool = False,
) -> Iterator[Overlap]:
    """Yield what each two splits share, then what each holds twice.

    The earlier one of train, validation and test is side a. ``cache`` is the folder where what was
    found before is kept. Inside a split only exact copies are sought; with ``thorough`` others too,
    which are for review, as hints of one scene taken twice.
    """
    pairs = list(combinations(sides, 2))
    with progress.stage("overlap", len(pairs) + len(sides)) as advance:
        for a, b in pairs:
            tell_cost(a, b, progress, thorough=thorough)
            found = load_or_compare(
                cache,
                (a, b),
                lambda: find_overlap(a, b, thorough=thorough),  # noqa: B023 -- called at once
                progress.warn,
                thorough=thorough,
            )
            yield _as_compared(found, a, b)
            advance(1)
        for side in sides:
            yield load_or_compare(
                cache,
                (side,),
                lambda: duplicates_of(side, thorough=thorough),  # noqa: B023 -- called at once
                progress.warn,
                thorough=thorough,
            )
            advance(1)


def duplicates_of(side: FingerprintedSplit, *, thorough: bool) -> Overlap:
    """Return the exact copies inside a split; with ``thorough``, others for review."""
    if not thorough:
        return find_duplicates(side, exact_only=True)
    found = find_duplicates(side, thorough=True)
    exact = tuple(pair for pair in found.pairs if pair.kind in EXACT)
    others = tuple(pair for pair in found.pairs if pair.kind not in EXACT)
    return replace(found, pairs=exact, review=(*others, *found.review))


def tell_cost(
    a: FingerprintedSplit, b: FingerprintedSplit, progress: Progress, *, thorough: bool
) -> None:
    """Say how long copies are sought that were turned, or why they are not, where it takes long."""
    thumbnails = (each.fingerprints.thumbnails for each in (a, b))
    if is_quick(len(a), len(b)) or any(each is None for each in thumbnails):
        return
    images = f"{len(a):,} images of {a.split} and {len(b):,} of {b.split}"
    minutes = f"{seconds(len(a), len(b)) / 60:,.0f} minutes of one processor"
    what = "copies that were turned, moved or cropped are"
    if thorough:
        progress.warn(f"{what} looked for among {images}: about {minutes}")
    else:
        progress.warn(f"{what} not looked for among {images}: thorough: true takes {minutes}")


def _as_compared(overlap: Overlap, *sides: FingerprintedSplit) -> Overlap:
    """Return the overlap with the kinds that could be compared at all.

    Of tensors that a user's Dataset gives only the bytes are known: two such splits are compared by
    them, and such a split and one of images by nothing.
    """
    opaque = [
        (side.fingerprints.file == side.fingerprints.pixels).all(axis=1).any() for side in sides
    ]
    if not any(opaque):
        return overlap
    return replace(overlap, compared=(PairKind.BYTES,) if all(opaque) else ())


def described_overlaps(
    overlaps: Sequence[Overlap],
    spec: LeakageSpec,
    base: Path,
    sides: Sequence[FingerprintedSplit],
    datasets: Mapping[Split, Dataset],
    progress: Progress,
) -> tuple[tuple[Overlap, ...], str]:
    """Return the overlaps with the near copies that the user's descriptor sees between splits.

    The text says what compared them. Raises CheckpointError, DataError or FactoryError where it
    cannot, MissingExtraError without onnxruntime.
    """
    from gate.measure.duplicates import descriptor_copies
    from gate.subject.checkpoints.onnx import open_onnx

    descriptor_copies.require_feasible(sides)
    assert spec.descriptor is not None, "it is called for a descriptor"
    transform = build_transform(spec.input(), base=base)
    with open_onnx(base / spec.descriptor, gives="descriptors of the images") as network:
        described = {
            side.split: descriptor_copies.describe(
                side, datasets[side.split], network, transform, progress, every_way=place > 0
            )
            for place, side in enumerate(sides)
        }
    compared = []
    for overlap in overlaps:
        a, b = described[overlap.split_a], described[overlap.split_b]
        if a is not b:
            matches = descriptor_copies.described_matches(a, b)
            most = round(1 - descriptor_copies.COPY, 3)
            overlap = with_described(overlap, a.side, b.side, matches, copy=most)
        compared.append(overlap)
    without = sum(each.without for each in described.values())
    return tuple(compared), (
        f"compared also by the descriptor {plain(spec.descriptor)} (sha256 "
        f"{network.identity.sha256}), near from a cosine of {descriptor_copies.COPY} on; "
        f"{pluralize(without, 'image')} could not be described"
    )
