"""The choice of images that are asked again, and of those that lend regions to others."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gate.views.names import Donor

Indices = NDArray[np.int64]


def choose_sample(
    digests: Sequence[bytes],
    labels: Sequence[int],
    ids: Sequence[str],
    most: int,
    entire: frozenset[int] = frozenset(),
) -> Indices:
    """Return the places, ascending, of at most ``most`` images.

    The classes take turns, each in the order of a hash of its pixels, until none is left. Classes
    that are ``entire`` come first, and leave the others half of the sample: a rule about all
    classes must not speak of some alone. What repeats an image comes last: copies of one show
    nothing more. ``digests`` are those of the pixels: nobody chooses the sample by names.
    """
    turns: Counter[int] = Counter()
    seen: Counter[bytes] = Counter()
    ranked = []
    for place in _order(digests, ids, "sample"):
        label = labels[place]
        ranked.append((seen[digests[place]], turns[label], label, place))
        seen[digests[place]] += 1
        turns[label] += 1
    ranked.sort()
    first = [each for each in ranked if each[2] in entire]
    others = [each for each in ranked if each[2] not in entire]
    least = min(len(others), most - most // 2)  # of the sample, for the others
    first = first[: most - least]
    return np.array(sorted(place for *_, place in [*first, *others][:most]), np.int64)


def choose_donors(
    digests: Sequence[bytes],
    labels: Sequence[int],
    ids: Sequence[str],
    groups: Sequence[str | None],
    whose: Donor,
) -> Indices:
    """Return for each image the place of the one that lends to it; -1 where none may.

    The next one of the same or of another class, in the order of a hash of the pixels, that is not
    of its group: an image of the same patient would lend what the model should see.
    """
    order = _order(digests, ids, "donor")
    donors = np.full(len(labels), -1, np.int64)
    for rank, place in enumerate(order):
        for step in range(1, len(order)):
            other = order[(rank + step) % len(order)]
            alike = labels[other] == labels[place]
            own = groups[place] is not None and groups[place] == groups[other]
            if alike == (whose == "same") and not own:
                donors[place] = other
                break
    return donors


def _order(digests: Sequence[bytes], ids: Sequence[str], purpose: str) -> list[int]:
    """Return places in the order of SHA-256 of the purpose and the pixels; equal ones by name."""
    hashed = [hashlib.sha256(f"{purpose}\0{each.hex()}".encode()).digest() for each in digests]
    return sorted(range(len(hashed)), key=lambda place: (hashed[place], ids[place]))
