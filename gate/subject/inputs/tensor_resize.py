"""Images resized as uint8 tensors: torchvision's way, which transformers takes."""

from typing import TYPE_CHECKING

import numpy as np

from gate.errors import UsageError

if TYPE_CHECKING:
    from PIL import Image


def resize_as_tensor(
    image: "Image.Image", height: int, width: int, interpolation: str
) -> "Image.Image":
    """Return an image of mode L or RGB, resized by torch with antialiasing and rounded to uint8.

    The integer arithmetic of torch is used, as torchvision does on the CPUs of today. The nearest
    pixel is the one whose middle is nearest, as of Pillow and transformers.
    """
    import torch
    from PIL import Image

    pixels = np.asarray(image)
    planes = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    is_nearest = interpolation == "nearest"
    made = torch.nn.functional.interpolate(
        torch.from_numpy(planes.copy())[None],
        size=(height, width),
        mode="nearest-exact" if is_nearest else interpolation,
        align_corners=None if is_nearest else False,
        antialias=not is_nearest,
    )
    rows = made[0].numpy().transpose(1, 2, 0)
    return Image.fromarray(np.ascontiguousarray(rows[..., 0] if pixels.ndim == 2 else rows))


def require_tensor_resize(interpolation: str) -> None:
    """Raise UsageError where this release of torch does not resize tensors in that way."""
    import torch
    from PIL import Image

    try:
        resize_as_tensor(Image.new("L", (2, 2)), 1, 1, interpolation)
    except (NotImplementedError, RuntimeError, ValueError) as error:
        raise UsageError(
            "input.interpolation",
            f"torch {torch.__version__} does not resize tensors by {interpolation}",
            "write input.resizer: pillow, or install a later torch",
        ) from error
