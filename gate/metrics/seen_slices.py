"""The sight of a search: the weakness that a slice needs to be found, by its size.

To have found nothing is no proof. For slices of several sizes this says up to which true share of
right answers they would have been called weak with a chance of 0.8, at the error that the number of
looks leaves.
"""

from dataclasses import dataclass

import numpy as np

from gate.evidence.records import Rows
from gate.metrics.padded import MIN_GROUPS
from gate.metrics.proportions import exact_upper
from gate.metrics.tables import group_codes
from gate.metrics.weak_slices import MOST_CANDIDATES, Search

POWER = 0.8
_QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the sizes that were searched


@dataclass(frozen=True, slots=True)
class SeenSlice:
    """Slices of one size, and how weak one of them has to be to be found."""

    images: int  # where it is discovered
    confirmed_on: int  # images of test
    slices: int  # that have at least so many images
    found_below: float | None  # the true share of right answers; None where none would be found


@dataclass(frozen=True, slots=True)
class Sight:
    """What a search could have seen: on a split, among so many slices, by size."""

    split: str
    searched: int
    required: float
    by_size: tuple[SeenSlice, ...]
    overlooked: tuple[int, str]  # the most images of a column in slices too small for the search


def sight_of(
    search: Search,
    discovered: Rows | None,
    test: Rows,
    *,
    required: float,
    alpha: float,
    part: float = 1.0,
) -> Sight:
    """Return what a search could have seen, that was made on the ``discovered`` rows or on test.

    Rows are those that were searched; candidates share ``part`` of the error ``alpha``. A slice is
    taken to have the same share of test. Where images come in groups they are counted as groups, as
    if all images of one were answered alike: less is then seen than in truth.
    """
    on_validation = discovered is not None
    looked_at = test if discovered is None else discovered
    among = min(MOST_CANDIDATES, len(search.candidates) + 1) if on_validation else search.searched
    shared = among / part
    first_unit, last_unit = _images_of_a_group(looked_at), _images_of_a_group(test)
    ratio = len(test) / max(1, len(looked_at))
    sizes = np.array(search.sizes)
    found = []
    for images in np.unique(np.quantile(sizes, _QUANTILES, method="lower")).tolist():
        last = round(images * ratio)
        confirmed, discoverable = int(last / last_unit), int(images / first_unit)
        is_enough = last_unit == 1 or confirmed >= MIN_GROUPS
        below = (
            seen_from(discoverable if on_validation else None, confirmed, required, alpha, shared)
            if is_enough
            else None
        )
        found.append(SeenSlice(images, last, int((sizes >= images).sum()), below))
    split = "validation" if on_validation else "test"
    return Sight(split, search.searched, required, tuple(found), search.overlooked)


def seen_from(
    discovered_on: int | None, confirmed_on: int, required: float, alpha: float, among: float
) -> float | None:
    """Return the true share up to which a slice would be found with a chance of 0.8.

    Of so many images it is ``discovered_on`` (None: without another split), and of so many
    ``confirmed_on`` at ``alpha`` divided ``among`` the candidates. None where none would be.
    """
    from scipy.special import bdtr

    critical = _most_that_proves(confirmed_on, required, alpha / among)
    first = 0
    if discovered_on is not None:
        chances = np.asarray(bdtr(np.arange(discovered_on + 1), discovered_on, required))
        first = int(np.searchsorted(chances, alpha, side="right")) - 1
    if min(critical, first) < 0:
        return None

    def chance(truth: float) -> float:
        found = float(bdtr(critical, confirmed_on, truth))
        return found if discovered_on is None else found * float(bdtr(first, discovered_on, truth))

    low, high = 0.0, required
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if chance(middle) >= POWER else (low, middle)
    return low


def _most_that_proves(images: int, required: float, alpha: float) -> int:
    """Return the most right answers whose upper bound is below the required share; -1 for none."""
    low, high = -1, images  # it proves at low, and all right never does
    while high - low > 1:
        middle = (low + high) // 2
        proves = exact_upper(middle, images, 1 - alpha) < required
        low, high = (middle, high) if proves else (low, middle)
    return low


def _images_of_a_group(rows: Rows) -> float:
    codes = group_codes(rows)
    return 1.0 if codes is None or not len(codes) else len(codes) / (int(codes.max()) + 1)


def in_words(sight: Sight) -> str:
    """Return what would have been seen in a clause, of a middling slice and of the largest.

    And how many images were not looked at, where the values of a column are too rare.
    """
    by_size, (images, column) = sight.by_size, sight.overlooked
    chosen = dict.fromkeys((by_size[len(by_size) // 2], by_size[-1]))
    said = [
        f"{each.images:,} images "
        + ("never" if each.found_below is None else f"below {each.found_below:.2f}")
        for each in chosen
    ]
    seen = f"weakness would be seen: of {', of '.join(said)}"
    small = f"{images:,} images are in slices of {column} that are too small to be looked at"
    return f"{seen}; {small}" if images else seen
