"""A user's own function prepares images; what it gives is checked."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gate.errors import FactoryError
from gate.subject.datasets.records import UnreadableImage
from gate.subject.guard import Guard, describe_error, in_reach, kind_of, require_theirs
from gate.subject.inputs.decoding import decode_as_stored
from gate.subject.inputs.transform import Floats, Pixels
from gate.subject.usercode import call, load_callable
from gate.wording import list_names, quote

if TYPE_CHECKING:
    from PIL import Image


_TURNED_BY = frozenset({"exif", "xmp", "XML:com.adobe.xmp"})  # what Pillow finds a turn in


def user_transform(factory: str, base: Path) -> "FactoryTransform":
    """Return the callable that the user's factory gives, watched; raises FactoryError.

    ``factory`` is ``package.module:function``, imported from ``base``.
    """
    where = f"input.factory {quote(factory)}"
    with np.errstate():  # what the user's code sets is not for our own numbers
        function = call(
            load_callable(factory, base=base, purpose="input.factory"), {}, base=base, where=where
        )
    if not callable(function):
        raise FactoryError(
            where,
            f"returned {kind_of(function)}, nothing that can be called",
            "return a callable that turns a PIL image into a float tensor (C, H, W)",
        )
    return FactoryTransform(function, where, base)


@dataclass(frozen=True, slots=True, eq=False)
class FactoryTransform:
    """A user's own callable, and a check of what it gives.

    It is called from several threads at once, as torchvision's transforms may be.
    """

    function: Callable[[Any], Any]
    where: str
    base: Path
    assumed: tuple[str, ...] = ()

    def __call__(self, image: "Image.Image") -> Floats:
        """Return the tensor as float32 (C, H, W); raises UnreadableImage or FactoryError."""
        try:
            with in_reach():
                made = self.function(image)
        except Exception as error:  # user code may raise anything, and the next image may do
            require_theirs(error)
            raise UnreadableImage(
                f"{self.where} raised {describe_error(error, self.base)}"
            ) from error
        except BaseException as error:  # it ends the process, or means to: no image is to blame
            raise Guard(self.where, self.base).refusal(error) from error
        try:
            array = _as_array(made)
            is_image = isinstance(array, np.ndarray) and array.ndim == 3 and array.dtype.kind == "f"
            if is_image and array.size:
                return np.ascontiguousarray(array, np.float32)
        except BaseException as error:  # of a tensor without values, or an object that is odd
            require_theirs(error)
        raise FactoryError(
            self.where,
            f"gave {_described(made)} for an image",
            "its callable returns a float tensor (C, H, W)",
        )

    def treatment(self, image: "Image.Image") -> tuple[str, ...]:  # noqa: ARG002 -- as all have it
        """Return nothing: what the user's callable does is the user's to know."""
        return ()

    def levels(self, image: "Image.Image") -> None:
        """Return None: only the user's callable knows."""

    def decode(self, image: "Image.Image") -> Pixels:
        """Return the image as stored: grey where it is stored so, else RGB; raises UnreadableImage.

        The user's callable is not asked.
        """
        return decode_as_stored(image)

    def changed(self, pixels: Pixels, original: "Image.Image") -> Floats:
        """Return pixels of ``decode`` that were changed, as float32 (C, H, W).

        The user's callable is shown them as it is shown the image: it may turn it, and ask how it
        was stored. Raises UnreadableImage or FactoryError.
        """
        from PIL import Image

        image = Image.fromarray(pixels)
        image.format = original.format
        image.info |= {key: each for key, each in original.info.items() if key in _TURNED_BY}
        return self(image)

    def batch(self, pixels: Pixels) -> Floats:
        """Return uint8 rows (n, H, W) or (n, H, W, 3) as float32 (n, C, H, W).

        Raises UnreadableImage or FactoryError, the latter also for tensors of different shapes.
        """
        from PIL import Image

        made = [self(Image.fromarray(row)) for row in pixels]
        shapes = sorted({each.shape for each in made})
        if len(shapes) > 1:
            raise FactoryError(
                self.where,
                f"gave tensors of different shapes for images of one size: {list_names(shapes)}",
                "take random steps out of it",
            )
        return np.stack(made)


def _as_array(made: Any) -> Any:  # noqa: ANN401 - it is the user's object, looked at by the caller
    """Return the NumPy array of a torch tensor without knowing torch, and all else as it is."""
    if not hasattr(made, "detach"):
        return made
    tensor = made.detach().cpu()
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def _described(made: object) -> str:
    """Return what an object says of itself, as far as it does."""
    try:
        shape = getattr(made, "shape", None)
        if shape is not None:
            kind = getattr(made, "dtype", "?")
            return f"{kind_of(made)} of shape {tuple(shape)} and type {kind}"
    except BaseException as error:
        require_theirs(error)
    return kind_of(made)
