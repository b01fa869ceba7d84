"""Two pictures are aligned under one affine transform, then compared window by window.

All is done on a band of frequencies: without the slow shading, in which any two skies agree, and
without noise. Alignment is Gauss-Newton on the correlation: one picture is warped, the gradient is
taken after the warp, and the step composed with the transform so far (Baker and Matthews, 2004;
Evangelidis and Psarakis, 2008).

So aligned, unrelated pictures agree too, wherever each has one straight edge. A window is therefore
weighed by how far its gradients have two directions, in the picture that has them less: by the root
of 1 less the coherence of the structure tensor (Bigün and Granlund, 1987); and by how fine its
detail is, as a few blobs come to lie on others under some transform. It must agree both in its
levels and in what rises along its edges. What weighted windows agree by, beyond what any two do,
adds up to the evidence.
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gate.measure.duplicates.keypoints import blur_weights
from gate.measure.fingerprints.perceptual_hash import SIDE

_FINE, _WIDE = 0.8, 8.0  # pixels: the band lies between these two Gaussian blurs
_FLAT = 1.0  # grey levels: less contrast than this in the band counts as this
_DULL = 0.04  # of a picture's variance: a window with less counts as having this
_STEP = 0.1  # of a coefficient of a transform: the longest step
_DAMPING = 1e-3  # of the mean curvature
_CELL = 8  # pixels; a window is 2 x 2 cells, and the next begins a cell on
_SEEN = 0.6  # of a window's pixels must lie in both pictures
_FAINT = 0.5  # grey levels a pixel: a slope along an edge that is less counts as this
_BARE = 0.02  # of the squared slopes of a window: those along its edge count as this at least
_LEVELS = 0.6  # of a window's agreement is that of its levels, the rest that of its slopes
_FINE_DETAIL = 0.4  # squared frequency, in radians a pixel; of coarser detail there is less
_CHANCE = 0.45  # correlation: what windows of unrelated pictures, aligned, may have

Floats = NDArray[np.floating[Any]]
_Flags = NDArray[np.bool_]


class Agreement(NamedTuple):
    """How n pairs of pictures agree once aligned."""

    evidence: Floats  # (n,) what weighted windows agree by beyond chance, added up
    agree: Floats  # (n,) their mean correlation
    windows: NDArray[np.int64]  # (n,) how many windows had something to compare
    overlap: Floats  # (n,) which part of a lies in b
    inverted: _Flags  # (n,) whether dark is bright in the other


def to_bands(pictures: Floats, filled: _Flags) -> Floats:
    """Return pictures, (n, 64, 64), without what is coarser or finer, and NaN where ``filled``."""
    fine, wide = blur_weights(SIDE, _FINE), blur_weights(SIDE, _WIDE)
    bands = fine @ pictures @ fine.T - wide @ pictures @ wide.T
    bands[filled] = np.nan
    return np.asarray(bands, np.float32)


def halve(bands: Floats) -> Floats:
    """Return pictures, (n, s, s), at half of their side."""
    count, side, _ = bands.shape
    return np.asarray(bands.reshape(count, side // 2, 2, side // 2, 2).mean(axis=(2, 4)))


def correlate(a: Floats, b: Floats, ways: Floats) -> tuple[Floats, Floats]:
    """Return the correlation of pictures, (n, s, s), and the part of a that lies in b, (n,) each.

    ``ways``, (n, 2, 3), say where of b, in sides from the middle, is what is at (y, x, 1) of a.
    """
    pair = _Pair.of(a, b, ways)
    return pair.correlation, pair.shown.mean(axis=1)


def refine(a: Floats, b: Floats, ways: Floats, steps: int) -> Floats:
    """Return ``ways`` in which the pictures agree better, after so many steps."""
    count, side, _ = b.shape
    grid = _grid(side)
    slopes = np.empty((count, 6, side * side), np.float32)
    for _ in range(steps):
        pair = _Pair.of(a, b, ways)
        gain = pair.product / np.maximum(pair.square_a, 1e-3)
        rest = pair.a * gain[:, None] - pair.b
        for axis, slope in enumerate(_slopes(pair.warped, pair.shown)):
            slope *= np.float32(side)
            for column in range(3):
                np.multiply(slope, grid[column], out=slopes[:, 3 * axis + column])
        curvature = slopes @ slopes.transpose(0, 2, 1)
        diagonal = np.einsum("nii->ni", curvature)
        diagonal += diagonal.mean(axis=1, keepdims=True) * _DAMPING + _DAMPING
        descent = slopes @ rest[:, :, None]
        step = np.linalg.solve(curvature, descent).reshape(count, 2, 3)
        ways = _then(ways, np.clip(step, -_STEP, _STEP))
    return ways


def compare(a: Floats, b: Floats, ways: Floats) -> Agreement:
    """Return how far pictures, (n, 64, 64), agree; ``ways`` as in :func:`correlate`."""
    pair = _Pair.of(a, b, ways)
    inverted = pair.correlation < 0
    sign = np.where(inverted, np.float32(-1), np.float32(1))[:, None, None]
    pixels = _windows(pair.shown)
    levels, spread, counts = _alike_in_levels(pair, pixels)
    slopes, weight = _alike_in_slopes(pair, pixels, spread)
    alike = sign * (_LEVELS * levels + (1 - _LEVELS) * slopes)
    weight = weight * counts
    return Agreement(
        evidence=(weight * (alike - _CHANCE)).sum(axis=(1, 2)),
        agree=(weight * alike).sum(axis=(1, 2)) / np.maximum(weight.sum(axis=(1, 2)), 1e-6),
        windows=counts.sum(axis=(1, 2)),
        overlap=pair.shown.mean(axis=1),
        inverted=inverted,
    )


def _alike_in_levels(pair: "_Pair", pixels: Floats) -> tuple[Floats, tuple[Floats, Floats], _Flags]:
    """Return of each window, (n, 7, 7), the correlation, the squares, and if there is contrast."""
    many = np.maximum(pixels, 1)
    sum_a, sum_b = _windows(pair.a), _windows(pair.b)
    var_a, var_b = (
        _windows(values * values) - total**2 / many
        for values, total in ((pair.a, sum_a), (pair.b, sum_b))
    )
    covariance = _windows(pair.a * pair.b) - sum_a * sum_b / many
    least_a, least_b = (
        np.maximum(_FLAT**2, _DULL * square / pair.many)[:, None, None] * many
        for square in (pair.square_a, pair.square_b)
    )
    counts = (pixels >= _SEEN * (2 * _CELL) ** 2) & ((var_a > least_a) | (var_b > least_b))
    scale = np.maximum(var_a, least_a) * np.maximum(var_b, least_b)
    return np.asarray(covariance / np.sqrt(scale)), (var_a, var_b), counts


def _alike_in_slopes(
    pair: "_Pair", pixels: Floats, spread: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """Return the correlation, (n, 7, 7), of what rises along each window's edges, and weights.

    Along an edge nothing rises but what is no part of it. The weight is 0 where all gradients of
    either picture lie along one line, and 1 where they lie evenly and the detail is fine.
    ``spread`` are the squares of the levels.
    """
    slopes_a, slopes_b = _slopes(pair.a, pair.shown), _slopes(pair.b, pair.shown)
    own_a, own_b = _Tensor.of(slopes_a, slopes_a), _Tensor.of(slopes_b, slopes_b)
    edges = own_a.scaled().plus(own_b.scaled())
    least = _FAINT**2 * pixels
    along_a, along_b = (
        np.maximum(own.along(edges), np.maximum(least, _BARE * own.total)) for own in (own_a, own_b)
    )
    product = _Tensor.of(slopes_a, slopes_b).along(edges)
    weight = np.sqrt(np.minimum(own_a.roundness, own_b.roundness))
    squares = (np.maximum(each, 1e-3) for each in spread)
    fineness = np.minimum(
        *(own.total / each for own, each in zip((own_a, own_b), squares, strict=True))
    )
    weight *= np.minimum(fineness / _FINE_DETAIL, 1) ** 2
    return product / np.sqrt(along_a * along_b), weight


class _Tensor(NamedTuple):
    """Sums over windows, (n, 7, 7) each, of products of the slopes of two pictures."""

    down: Floats
    right: Floats
    mixed: Floats

    @classmethod
    def of(cls, a: tuple[Floats, Floats], b: tuple[Floats, Floats]) -> "_Tensor":
        mixed = (a[0] * b[1] + a[1] * b[0]) / 2
        return cls(_windows(a[0] * b[0]), _windows(a[1] * b[1]), _windows(mixed))

    @property
    def total(self) -> Floats:
        return np.asarray(np.maximum(self.down + self.right, 1e-3))

    @property
    def roundness(self) -> Floats:
        length = np.sqrt((self.right - self.down) ** 2 + 4 * self.mixed**2)
        return np.asarray(np.maximum(1 - length / self.total, 0))

    def scaled(self) -> "_Tensor":
        return _Tensor._make(each / self.total for each in self)

    def plus(self, other: "_Tensor") -> "_Tensor":
        return _Tensor._make(p + q for p, q in zip(self, other, strict=True))

    def along(self, edges: "_Tensor") -> Floats:
        """Return what the slopes along the ``edges`` add up to, across the main gradient."""
        wide, mixed = edges.right - edges.down, 2 * edges.mixed
        length = np.maximum(np.sqrt(wide**2 + mixed**2), 1e-6)
        cos, sin = wide / length, mixed / length  # of twice the angle of the main gradient
        down, right = self.down * (1 + cos), self.right * (1 - cos)
        return np.asarray((down + right) / 2 - self.mixed * sin)


class _Pair(NamedTuple):
    """Pictures of a, and those of b warped onto them, (n, pixels); zero where either shows nothing.

    Both are without their means.
    """

    a: Floats
    b: Floats
    warped: Floats  # as b, with its mean
    shown: Floats  # 1 where both show something
    many: Floats  # (n,) of those pixels
    square_a: Floats  # (n,)
    square_b: Floats
    product: Floats

    @classmethod
    def of(cls, a: Floats, b: Floats, ways: Floats) -> "_Pair":
        levels = a.reshape(len(a), a.shape[1] ** 2)
        warped, shown = _warp(b, ways)
        shown &= ~np.isnan(levels)
        levels, warped = np.where(shown, levels, 0), np.where(shown, warped, 0)
        ones = shown.astype(np.float32)
        count = np.maximum(ones.sum(axis=1), 1)
        centred_a, centred_b = (
            (values - (values.sum(axis=1) / count)[:, None]) * ones for values in (levels, warped)
        )
        products = (
            np.einsum("np,np->n", *each)
            for each in ((centred_a, centred_a), (centred_b, centred_b), (centred_a, centred_b))
        )
        square_a, square_b, product = products
        return cls(centred_a, centred_b, warped, ones, count, square_a, square_b, product)

    @property
    def correlation(self) -> Floats:
        least = _FLAT**2 * self.many
        scale = np.maximum(self.square_a, least) * np.maximum(self.square_b, least)
        return np.asarray(self.product / np.sqrt(scale))


@cache
def _grid(side: int) -> Floats:
    """Return (3, side * side): y and x of each pixel, in sides from the middle, and 1."""
    places = ((np.arange(side) + 0.5) / side - 0.5).astype(np.float32)
    y, x = np.meshgrid(places, places, indexing="ij")
    return np.stack([y.ravel(), x.ravel(), np.ones(side * side, np.float32)])


def _warp(b: Floats, ways: Floats) -> tuple[Floats, _Flags]:
    """Return what of b lies on each pixel of a, (n, pixels), and whether anything does."""
    count, side, _ = b.shape
    places = ways @ (_grid(side) * np.float32(side))
    places += np.float32(side / 2 - 0.5)
    shown = ((places > -0.51) & (places < side - 0.49)).all(axis=1)
    np.clip(places, 0, np.float32(side - 1.001), out=places)
    whole = places.astype(np.int32)
    places -= whole
    down, right = places[:, 0], places[:, 1]
    at = whole[:, 0] * side
    at += whole[:, 1]
    at += (np.arange(count, dtype=np.int32) * side**2)[:, None]
    pixels = b.reshape(-1)
    upper, lower = _between(pixels, at, right), _between(pixels, at + side, right)
    lower -= upper
    lower *= down
    upper += lower
    shown &= ~np.isnan(upper)
    return upper, shown


def _between(pixels: Floats, at: NDArray[np.int32], part: Floats) -> Floats:
    """Return values ``part`` of the way from the pixels ``at`` to those right of them."""
    here = pixels.take(at)
    step = pixels.take(at + 1)
    step -= here
    step *= part
    here += step
    return here


def _slopes(values: Floats, shown: Floats) -> tuple[Floats, Floats]:
    """Return half of what values, (n, pixels), rise by downwards and to the right.

    Where not all four neighbours are shown, nothing does: what is hidden has an edge of its own.
    """
    side = round(values.shape[1] ** 0.5)
    pictures, seen = (each.reshape(len(each), side, side) for each in (values, shown))
    inner = seen[:, 1:-1, 1:-1] / 2
    inner *= seen[:, 2:, 1:-1] * seen[:, :-2, 1:-1] * seen[:, 1:-1, 2:] * seen[:, 1:-1, :-2]
    down, right = np.zeros_like(pictures), np.zeros_like(pictures)
    down[:, 1:-1, 1:-1] = (pictures[:, 2:, 1:-1] - pictures[:, :-2, 1:-1]) * inner
    right[:, 1:-1, 1:-1] = (pictures[:, 1:-1, 2:] - pictures[:, 1:-1, :-2]) * inner
    return down.reshape(shown.shape), right.reshape(shown.shape)


def _then(ways: Floats, step: Floats) -> Floats:
    """Return the transforms that move by ``step`` first, then go their ``ways``."""
    linear = ways[:, :, :2]
    moved = linear @ step
    moved[:, :, :2] += linear
    moved[:, :, 2] += ways[:, :, 2]
    return np.asarray(moved, np.float32)


def _windows(values: Floats) -> Floats:
    """Return sums over windows of 16 x 16 pixels, one every 8, of values (n, 4096): (n, 7, 7)."""
    cells = SIDE // _CELL
    sums = values.reshape(len(values), cells, _CELL, cells, _CELL).sum(axis=(2, 4))
    sums = sums[:, :-1] + sums[:, 1:]
    return np.asarray(sums[:, :, :-1] + sums[:, :, 1:])
