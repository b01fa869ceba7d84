"""Compares what reaches the first batch norm of a module with what training saw there."""

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

_FEWEST_PLACES = 4  # of an image, for a variance to be told
_TINY = 1e-12  # of a variance, of which a logarithm is taken
_LARGEST = 1e30  # of a divergence: evidence holds no infinities

Floats = NDArray[np.float32]


def divergences_at_first_norm(
    model: nn.Module, images: torch.Tensor, forward: Callable[[torch.Tensor], object]
) -> Floats | None:
    """Return how far each image lies from the running statistics of the first batch norm, (n,).

    In nats: the Kullback-Leibler divergence of two Gaussians (Kullback 1959, chapter 9), from that
    of training, by running mean and variance, to that of the image, by its own; the mean of the
    channels. Its mean over images is least for the scaling and the offset of training. NaN where
    what reaches the layer is not finite.

    ``forward`` asks the module. None where it has no batch norm that keeps statistics and has
    learned some, or the first that is asked is given something else than (n, C, ...) of several
    places.
    """
    seen: list[tuple[_BatchNorm, torch.Tensor]] = []

    def take(layer: nn.Module, given: tuple[object, ...]) -> None:
        if not seen and given and isinstance(given[0], torch.Tensor):
            assert isinstance(layer, _BatchNorm)
            seen.append((layer, given[0].detach().clone()))

    hooks = [
        layer.register_forward_pre_hook(take)
        for layer in model.modules()
        if isinstance(layer, _BatchNorm)
    ]
    if not hooks:
        return None
    try:
        forward(images)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        return None
    layer, given = seen[0]
    return _divergences(layer, given, len(images))


def _divergences(layer: _BatchNorm, given: torch.Tensor, images: int) -> Floats | None:
    mean, variance = layer.running_mean, layer.running_var
    if mean is None or variance is None or not given.is_floating_point():
        return None
    if given.ndim < 3 or given.shape[:2] != (images, len(mean)):
        return None
    places = given.double().flatten(2)
    if places.shape[2] < _FEWEST_PLACES or _is_as_made(mean, variance):
        return None
    expected, spread = mean.double(), variance.double() + layer.eps
    own, spread_of_own = places.mean(dim=2), places.var(dim=2, unbiased=False) + layer.eps
    ratio = (spread_of_own / spread).clamp(min=_TINY)
    each = (ratio + (own - expected).square() / spread - 1 - ratio.log()) / 2
    found = each.mean(dim=1).clamp(0, _LARGEST)
    return np.asarray(found.cpu().numpy(), np.float32)


def _is_as_made(mean: torch.Tensor, variance: torch.Tensor) -> bool:
    """Return whether the statistics are those of a layer that has seen no image."""
    return not bool(mean.any()) and bool((variance == 1).all())
