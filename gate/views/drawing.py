"""A view is drawn: the pixels of an image as the model is asked to see them."""

from collections.abc import Callable, Mapping

from gate.views import corruptions, delivery, geometry, regions
from gate.views.names import KINDS, View
from gate.views.pixels import Pixels, Surroundings

_MODULES = (delivery, corruptions, geometry, regions)
_DRAWN: Mapping[str, Callable[..., Pixels]] = {
    kind: getattr(module, kind) for kind in KINDS for module in _MODULES if hasattr(module, kind)
}


def draw(view: View, pixels: Pixels, key: str, around: Surroundings) -> Pixels:
    """Return a view of an image, uint8 (H, W) or (H, W, 3), a copy or the image itself.

    ``key`` is the digest of the pixels. Raises ValueError where the view needs a donor and there is
    none.
    """
    return _DRAWN[view.kind](pixels, key, around, *view.arguments)
