"""A user's own Dataset, from a factory: items are (image, label)."""

import operator
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from gate.errors import DataError, FactoryError
from gate.keys import name_key
from gate.subject.datasets.records import Entry, Sample, UnreadableImage
from gate.subject.usercode import call, load_callable, said
from gate.subject.wording import listed, plain, quoted


def open_factory(
    factory: str, kwargs: Mapping[str, Any], *, base: Path, classes: tuple[str, ...] | None
) -> "FactoryDataset":
    """Return what the factory's Dataset holds; ids are the indices from 0.

    Labels index ``classes``, or the Dataset's own ``classes`` where none are declared. They are
    known only when an item is read. Raises FactoryError or DataError.
    """
    where = f"data.factory {quoted(factory)}"
    function = load_callable(factory, base=base, purpose="data.factory")
    dataset = call(function, kwargs, base=base, where=where)
    entries = [Entry(str(index), None) for index in range(_length(dataset, where, base))]
    own = _own_classes(dataset, where)
    if classes is None and own is None:
        raise DataError(where, "its Dataset does not name its classes", "declare classes")
    assumed = (
        *_compared(own, classes, where),
        f"float tensors of {where} are the model's input as they are: `input:` is for images",
    )
    return FactoryDataset(where, factory, classes or own or (), dataset, entries, base, assumed)


@dataclass(frozen=True, slots=True, eq=False)
class FactoryDataset:
    """A user's Dataset; one thread at a time is in the user's code, made for one."""

    where: str
    path: str
    classes: tuple[str, ...]
    dataset: Any
    entries: Sequence[Entry]  # the labels not yet known
    base: Path
    assumed: tuple[str, ...]
    format: str = "factory"
    slice_columns: tuple[str, ...] = ()
    group_column: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, index: int) -> Sample:
        """Return the item at ``index``; raises UnreadableImage, FactoryError or DataError."""
        try:
            with self.lock:
                item = self.dataset[index]
        except Exception as error:  # user code may raise anything; the next item may be readable
            raise UnreadableImage(f"the Dataset raised {said(error, self.base)}") from error
        place = f"{self.where}, item {index}"
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise FactoryError(
                place,
                f"is {_shape_of(item)}, not (image, label)",
                "return a pair of image and label",
            )
        label = self._label(item[1], place)
        stored, image, tensor = _picture(item[0], place)
        return Sample(stored, image, tensor, label)

    def hidden(self) -> tuple[()]:
        """Return nothing: only the user's code knows what it leaves out."""
        return ()

    def sources(self) -> None:
        """Return None: only the user's code knows what it reads."""

    def stored(self, index: int) -> None:
        """Return None: only the user's code makes the bytes."""

    def _label(self, given: Any, place: str) -> int:  # noqa: ANN401 - it is the user's object
        if isinstance(given, str):
            if (name := name_key(given)) in self.classes:
                return self.classes.index(name)
            raise DataError(
                place,
                f"the label {quoted(given)} is not one of the {len(self.classes)} classes",
                f"the classes are {listed(self.classes, 10)}",
            )
        try:
            label = operator.index(given)
        except (TypeError, RuntimeError) as error:  # RuntimeError: a tensor of several values
            raise FactoryError(
                place, f"the label is {_shape_of(given)}", "return the index of one class"
            ) from error
        if not 0 <= label < len(self.classes):
            raise DataError(
                place,
                f"the label {label} is out of range: there are {len(self.classes)} classes",
                "labels count the classes from 0",
            )
        return label


def _length(dataset: Any, where: str, base: Path) -> int:  # noqa: ANN401 - the user's object
    usable = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    if not usable or isinstance(dataset, Mapping | str | bytes):
        loader = hasattr(dataset, "dataset") and hasattr(dataset, "batch_size")
        raise FactoryError(
            where,
            f"returned {type(dataset).__name__}, not a Dataset with a length and items",
            "return the Dataset, without a DataLoader"
            if loader
            else "return a torch.utils.data.Dataset with __len__ and __getitem__",
        )
    try:
        length = len(dataset)
    except Exception as error:  # user code may raise anything
        raise FactoryError(
            where,
            f"its Dataset raised {said(error, base)} when asked for its length",
            "give it one",
        ) from error
    if not length:
        raise DataError(where, "its Dataset is empty", "check the arguments of the factory")
    return length


def _own_classes(dataset: Any, where: str) -> tuple[str, ...] | None:  # noqa: ANN401 - the user's object
    own = getattr(dataset, "classes", None)
    if isinstance(own, list | tuple) and own and all(isinstance(name, str) for name in own):
        names = tuple(map(name_key, own))
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise DataError(
                where,
                f"its Dataset names the class {quoted(twice[0])} twice",
                "give every class a name of its own; what nobody sees makes no difference",
            )
        return names
    return None


def _compared(
    own: tuple[str, ...] | None, declared: tuple[str, ...] | None, where: str
) -> tuple[str, ...]:
    """Return what is assumed of the labels; raises DataError where two orders contradict."""
    if own is None or declared is None or own == declared:
        return ()
    if sorted(own) == sorted(declared):
        raise DataError(
            where,
            f"its Dataset orders the classes {listed(own)}, the gate file {listed(declared)}",
            "put classes in the order of the model's outputs, in both",
        )
    return (f"labels of the Dataset are positions in classes; it calls them {listed(own)}",)


def _picture(given: Any, place: str) -> tuple[bytes, Image.Image | None, Any | None]:  # noqa: ANN401
    """Return canonical bytes, and the image or the tensor."""
    if isinstance(given, Image.Image):
        pixels = np.asarray(given)
        return _canonical(pixels, given.mode), given, None
    if isinstance(given, np.ndarray):
        return _image(given, place)
    import torch

    if isinstance(given, torch.Tensor) and given.ndim == 3:
        if given.dtype == torch.uint8:
            return _image(given.permute(1, 2, 0).cpu().numpy(), place)
        if given.is_floating_point():
            tensor = given.detach().float().cpu().contiguous()
            if not bool(torch.isfinite(tensor).all()):
                raise UnreadableImage("its tensor holds NaN or infinity")
            return _canonical(tensor.numpy(), "tensor"), None, tensor
    raise FactoryError(
        place,
        f"the image is {_shape_of(given)}",
        "return a PIL image, a uint8 array (H, W[, 3]) or a float tensor (C, H, W)",
    )


def _image(pixels: Any, place: str) -> tuple[bytes, Image.Image | None, Any | None]:  # noqa: ANN401
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[..., 0]
    shaped = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not shaped or not pixels.size:
        raise FactoryError(
            place,
            f"the image is {_shape_of(pixels)}",
            "return uint8 of shape (H, W) or (H, W, 3), or a float tensor (C, H, W)",
        )
    pixels = np.ascontiguousarray(pixels)
    image = Image.fromarray(pixels)
    return _canonical(pixels, image.mode), image, None


def _canonical(pixels: Any, mode: str) -> bytes:  # noqa: ANN401 - an array of any type
    """Return mode, type, shape and values as bytes: equal where, and only where, images are."""
    head = f"{mode} {pixels.dtype.str} {pixels.shape}\n"
    return head.encode("ascii") + np.ascontiguousarray(pixels).tobytes()


def _shape_of(given: Any) -> str:  # noqa: ANN401 - the user's object
    kind = type(given).__name__
    if hasattr(given, "shape") and hasattr(given, "dtype"):
        return f"{kind} of shape {tuple(given.shape)} and type {plain(given.dtype)}"
    if isinstance(given, tuple | list):
        return f"{kind} of {len(given)}"
    return kind
