"""Objects on plain ground are told from photographs, a photograph in a border from an object.

Aligned, all silhouettes of one kind agree. So what shows an object on plain ground is compared by
its hashes alone, and not by aligning.
"""

import numpy as np
from numpy.typing import NDArray

_EVEN = 4  # grey levels that ground may vary by
_STANDS_OUT = 12  # grey levels from it
_RIM, _PICTURE = 0.6, 0.2  # shares of the rim, and of the picture, that are ground
_SIDES = 0.1  # of the sides of the box of what stands out; a photograph in a border fills its box
_AT_ONCE = 1024  # pictures

Flags = NDArray[np.bool_]


def show_objects(small: NDArray[np.uint8]) -> Flags:
    """Return which thumbnails, (n, 64, 64), show an object on plain ground."""
    found = np.zeros(len(small), np.bool_)
    for first in range(0, len(small), _AT_ONCE):
        part = small[first : first + _AT_ONCE].astype(np.int16)
        rim = np.concatenate([part[:, 0], part[:, -1], part[:, 1:-1, 0], part[:, 1:-1, -1]], axis=1)
        level = np.partition(rim, rim.shape[1] // 2, axis=1)[:, rim.shape[1] // 2]
        plain = (np.abs(rim - level[:, None]) <= _EVEN).mean(axis=1) > _RIM
        for row in np.flatnonzero(plain).tolist():
            away = np.abs(part[row] - level[row])
            found[first + row] = (away <= _EVEN).mean() > _PICTURE and not _fills_its_box(away)
    return found


def _fills_its_box(away: NDArray[np.int16]) -> bool:
    """Return whether the sides of the box of what stands out, (64, 64), show hardly any ground."""
    stands_out = away > _STANDS_OUT
    if not stands_out.any():
        return True
    down, across = (np.flatnonzero(stands_out.any(axis=axis))[[0, -1]] for axis in (1, 0))
    box = away[down[0] : down[1] + 1, across[0] : across[1] + 1] <= _EVEN
    # One pixel within: a side of the box itself lies half on the ground.
    sides = (box[min(1, len(box) - 1)], box[max(len(box) - 2, 0)])
    ends = (box[:, min(1, box.shape[1] - 1)], box[:, max(box.shape[1] - 2, 0)])
    return float(np.mean([side.mean() for side in (*sides, *ends)])) <= _SIDES
