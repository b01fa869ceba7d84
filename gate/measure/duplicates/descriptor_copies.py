"""A descriptor, a network that the user names, finds copies that hashes miss.

It puts pictures into vectors, and copies near to each other: crops within a frame, captions and
collages, which no hash finds. The gate ships none, and believes this one as far as its thresholds
go: they are those of networks for copy detection (SSCD; Pizzi et al., 2022). The network runs in a
process in a sandbox, over pictures that are read once more; every pair of vectors is compared.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from os import cpu_count

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError
from gate.evidence.records import PairKind
from gate.measure.duplicates.exact_copies import NONE, FingerprintedSplit, Indices, Match
from gate.measure.duplicates.visual_copies import by_id
from gate.measure.fingerprints.fingerprint import turn_image
from gate.measure.fingerprints.orientations import ORIENTATIONS
from gate.measure.inference.mismatch_errors import wrong_output
from gate.measure.progress import Progress
from gate.subject.checkpoints.onnx import OnnxModel
from gate.subject.datasets.records import Dataset, UnreadableImage
from gate.subject.inputs import Transform

COPY = 0.85  # cosine; from here on, a pair counts
HINT = 0.75  # cosine; from here on, a person should look: another picture of one scene, perhaps
MOST_PAIRS = 20_000_000_000  # of vectors compared: minutes, not hours

_AT_ONCE = 16  # pictures read together, each in eight orientations
_ROWS_B, _ROWS_A = 128, 4096  # a block of cosines, in eight orientations, takes 17 MB
_LEAST = 0.001  # of a distance: a network does not prove that two pictures are equal

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Described:
    """The pictures of a split as vectors of length 1; of length 0 what was not described."""

    side: FingerprintedSplit
    vectors: NDArray[np.float16]  # (1 or 8 orientations, n, values)

    @property
    def without(self) -> int:
        """Return how many pictures were not described: flat, deep, or no longer readable."""
        return int(np.count_nonzero(~self.vectors[0].any(axis=1)))


def require_feasible(sides: Sequence[FingerprintedSplit]) -> None:
    """Raise DataError where comparing each two splits would take hours, and tens of gigabytes."""
    for a, b in combinations(sides, 2):
        if len(a) * len(b) * len(ORIENTATIONS) > MOST_PAIRS:
            raise DataError(
                "leakage.descriptor",
                f"{len(a):,} images of {a.split} and {len(b):,} of {b.split} in "
                f"{len(ORIENTATIONS)} orientations are more than {MOST_PAIRS:,} pairs to compare",
                "leave the descriptor out; bytes, pixels and hashes are compared all the same",
            )


def describe(
    side: FingerprintedSplit,
    dataset: Dataset,
    model: OnnxModel,
    transform: Transform,
    progress: Progress,
    *,
    every_way: bool,
) -> Described:
    """Return the vectors of the pictures of a split that have features.

    With ``every_way``, a picture is described in all eight orientations. Raises CheckpointError
    where the network cannot take the pictures, or gives no finite values.
    """
    rows = {side.ids[row]: row for row in np.flatnonzero(~side.fingerprints.featureless)}
    places = [place for place, entry in enumerate(dataset.entries) if entry.id in rows]
    ways = tuple(ORIENTATIONS) if every_way else (0,)
    vectors = np.zeros((len(ways), len(side), 0), np.float16)
    with (
        progress.stage(f"descriptor {side.split}", len(places)) as advance,
        ThreadPoolExecutor(cpu_count()) as readers,
    ):
        for first in range(0, len(places), _AT_ONCE):
            some = places[first : first + _AT_ONCE]
            read = readers.map(lambda place: _prepare(dataset, place, transform, ways), some)
            ready = {
                rows[dataset.entries[place].id]: pictures
                for place, pictures in zip(some, read, strict=True)
                if pictures is not None
            }
            if ready:
                outputs = _unit_vectors(model, np.stack(list(ready.values()), axis=1))
                if not vectors.shape[2]:
                    vectors = np.zeros((*vectors.shape[:2], outputs.shape[2]), np.float16)
                if outputs.shape[2] != vectors.shape[2]:
                    raise wrong_output("the descriptor gives vectors of different lengths", _REMEDY)
                vectors[:, list(ready)] = outputs
            advance(len(some))
    return Described(side, vectors)


def described_matches(a: Described, b: Described) -> list[Match]:
    """Return the picture of ``a`` most like each of ``b``, from a cosine of HINT on.

    ``b`` is turned; the distance is 1 - cosine, in thousandths, and never 0. Of equally good
    partners the one whose id comes first is taken.
    """
    if a.vectors.shape[2] != b.vectors.shape[2]:  # a side without a described picture has none
        return []
    return list(_matches(a, b))


def _matches(a: Described, b: Described) -> Iterator[Match]:
    rows_a, rows_b = (by_id(each.side, np.arange(len(each.side))) for each in (a, b))
    for first_b in range(0, len(rows_b), _ROWS_B):
        some_b = rows_b[first_b : first_b + _ROWS_B]
        place = np.full(len(some_b), NONE, np.int64)
        best = np.full(len(some_b), np.nextafter(np.float32(HINT), np.float32(0)))
        way = np.zeros(len(some_b), np.int64)
        for first_a in range(0, len(rows_a), _ROWS_A):
            cosines = _cosines(b, some_b, a, rows_a[first_a : first_a + _ROWS_A])
            whichever = cosines.max(axis=0)
            nearest = whichever.argmax(axis=1)
            value = np.take_along_axis(whichever, nearest[:, None], axis=1)[:, 0]
            better = np.flatnonzero(value > best)
            place[better], best[better] = first_a + nearest[better], value[better]
            way[better] = cosines[:, better, nearest[better]].argmax(axis=0)
        for found in np.flatnonzero(place != NONE):
            yield Match(
                int(rows_a[place[found]]),
                int(some_b[found]),
                PairKind.NEAR,
                distance=max(round(1 - float(best[found]), 3), _LEAST),
                orientation=int(way[found]),
            )


def _cosines(b: Described, rows_b: Indices, a: Described, rows_a: Indices) -> Floats:
    """Return cosines, (orientations, len(rows_b), len(rows_a)), in thousandths.

    Sums of floats depend on their order: rounded, the first of two equally good partners is the
    same on every machine, nearly always.
    """
    ways, values = b.vectors.shape[0], b.vectors.shape[2]
    queries = b.vectors[:, rows_b].astype(np.float32).reshape(-1, values)
    products = queries @ a.vectors[0, rows_a].astype(np.float32).T
    cosines: Floats = np.round(products, 3).reshape(ways, len(rows_b), len(rows_a))
    return cosines


_REMEDY = "name a network that gives one vector of finite numbers an image"


def _unit_vectors(model: OnnxModel, pictures: Floats) -> Floats:
    """Return vectors of length 1, (orientations, k, values), of (orientations, k, C, H, W)."""
    outputs = np.stack([model(each) for each in pictures])
    if not np.isfinite(outputs).all():
        raise wrong_output("the descriptor gives NaN or infinity", _REMEDY)
    lengths = np.linalg.norm(outputs.astype(np.float64), axis=2, keepdims=True)
    vectors: Floats = (outputs / np.maximum(lengths, np.finfo(np.float32).tiny)).astype(np.float32)
    return vectors


def _prepare(
    dataset: Dataset, place: int, transform: Transform, ways: tuple[int, ...]
) -> Floats | None:
    """Return a picture in some orientations, (orientations, C, H, W); None if it cannot be used."""
    try:
        image = dataset.read(place).image
        if image is None:
            return None
        return np.stack([transform(turn_image(image, way)) for way in ways])
    except UnreadableImage:  # of 16 bits, say: the hash has judged it, and the report counts it
        return None
