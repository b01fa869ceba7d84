"""The number of train images that a gap between train and test rests on."""

import math

from gate.metrics.proportions import normal_quantile


def min_train_support(test_images: int, max_gap: float, confidence: float) -> int:
    """Return the fewest train images with which a gap of at most ``max_gap`` may be proven.

    As many as test has, or so many that the normal half width of a share on train, at its widest,
    is no more than half the gap: ``min(n, ceil(z^2 / max^2))``. Fewer may be a choice of the images
    that suit. ``confidence`` is that of one bound, in (0.5, 1).
    """
    z = normal_quantile(confidence)
    if z >= max_gap * math.sqrt(test_images):  # also where the gap is 0, or too small to square
        return test_images
    return min(test_images, math.ceil((z / max_gap) ** 2))
