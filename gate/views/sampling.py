"""The choice of images that are asked again, and of those that lend regions to others."""

import hashlib
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gate.views.names import Donor

Indices = NDArray[np.int64]
_MOST_OF_A_GROUP = 0.75  # of the images that could lend to one


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
    of its group: an image of the same patient would lend what the model should see. None may where
    its group holds more than three quarters of those of the class: the few that are left would lend
    to all, and who forms the groups would choose them.
    """
    order = _order(digests, ids, "donor")
    donors = np.full(len(labels), -1, np.int64)
    crowded = _crowded(labels, groups, whose)
    for rank, place in enumerate(order):
        if crowded[place]:
            continue
        for step in range(1, len(order)):
            other = order[(rank + step) % len(order)]
            alike = labels[other] == labels[place]
            own = groups[place] is not None and groups[place] == groups[other]
            if alike == (whose == "same") and not own:
                donors[place] = other
                break
    return donors


def _crowded(labels: Sequence[int], groups: Sequence[str | None], whose: Donor) -> list[bool]:
    """Return for each image whether its group holds too many of those that could lend to it."""
    in_class, in_group = Counter(labels), Counter(groups)
    together = Counter(zip(labels, groups, strict=True))
    found = []
    for label, group in zip(labels, groups, strict=True):
        own = together[label, group]
        pool, theirs = in_class[label] - 1, own - 1
        if whose == "other":
            pool, theirs = len(labels) - in_class[label], in_group[group] - own
        found.append(group is not None and theirs > _MOST_OF_A_GROUP * pool)
    return found


def _order(digests: Sequence[bytes], ids: Sequence[str], purpose: str) -> list[int]:
    """Return places in the order of SHA-256 of purpose, all pixels and own; equal ones by name.

    All pixels are in each hash, so that who changes a bit of one image draws lots for all of them
    again: with its own pixels alone, an image is moved to any place in the order by a few tries.
    """
    every = hashlib.sha256(b"".join(sorted(digests))).hexdigest()
    hashed = [
        hashlib.sha256(f"{purpose}\0{every}\0{each.hex()}".encode()).digest() for each in digests
    ]
    return sorted(range(len(hashed)), key=lambda place: (hashed[place], ids[place]))
