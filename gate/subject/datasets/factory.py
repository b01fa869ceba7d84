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
from gate.healing import may_heal
from gate.keys import name_key
from gate.subject.datasets.records import Entry, Sample, UnreadableImage
from gate.subject.folder import in_this_folder
from gate.subject.guard import (
    Guard,
    describe_error,
    in_reach,
    kind_of,
    require_theirs,
    text_of,
    to_standard_error,
)
from gate.subject.usercode import call, load_callable
from gate.wording import list_names, plain, quote

MOST_ITEMS = 10_000_000  # each is listed, in 170 bytes, before the first is read


def open_factory(
    factory: str, kwargs: Mapping[str, Any], *, base: Path, classes: tuple[str, ...] | None
) -> "FactoryDataset":
    """Return what the factory's Dataset holds; ids are the indices from 0.

    Labels index ``classes``, or the Dataset's own ``classes`` where none are declared. They are
    known only when an item is read. Raises FactoryError or DataError.
    """
    where = f"data.factory {quote(factory)}"
    # What it sets is not for our own numbers and paths.
    with np.errstate(), in_this_folder(), to_standard_error():
        function = load_callable(factory, base=base, purpose="data.factory")
        dataset = call(function, kwargs, base=base, where=where)
        length = _length(dataset, Guard(where, base))
        own = _own_classes(dataset, Guard(where, base))
    entries = [Entry(str(index), None) for index in range(length)]
    if classes is None and own is None:
        raise DataError(where, "its Dataset does not name its classes", "declare classes")
    assumed = (
        *_compared(own, classes, where),
        f"where {where} returns float tensors, they are the model's input: `input:` is for images",
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
        guard = Guard(f"{self.where}, item {index}", self.base)
        try:
            with self.lock, in_reach():
                item = self.dataset[index]
        except Exception as error:  # user code may raise anything; the next item may be readable
            require_theirs(error)
            if issubclass(type(error), OSError) and may_heal(error):  # a store, a disk: no image
                raise guard.refusal(error, "its Dataset", "run again when it is there") from error
            raise UnreadableImage(
                f"the Dataset raised {describe_error(error, self.base)}"
            ) from error
        except BaseException as error:  # it ends the process, or means to: no image is to blame
            raise guard.refusal(error, "its Dataset") from error
        try:
            return self._sample(item, guard.where)
        except (DataError, FactoryError):
            raise
        except BaseException as error:  # of an object that is not what it seems
            raise guard.refusal(error, "what its Dataset gave") from error

    def _sample(self, item: Any, place: str) -> Sample:  # noqa: ANN401 - it is the user's object
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
                f"the label {quote(given)} is not one of the {len(self.classes)} classes",
                f"the classes are {list_names(self.classes, 10)}",
            )
        try:
            label = operator.index(given)
        except Exception as error:  # such as RuntimeError: a tensor of several values
            require_theirs(error)
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


def _length(dataset: Any, guard: Guard) -> int:  # noqa: ANN401 - the user's object
    with guard.during("looking at its Dataset"):
        usable = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
        usable = usable and not isinstance(dataset, Mapping | str | bytes)
        loader = hasattr(dataset, "dataset") and hasattr(dataset, "batch_size")
    if not usable:
        raise FactoryError(
            guard.where,
            f"returned {kind_of(dataset)}, not a Dataset with a length and items",
            "return the Dataset, without a DataLoader"
            if loader
            else "return a torch.utils.data.Dataset with __len__ and __getitem__",
        )
    try:
        with in_reach():
            length = len(dataset)
    except BaseException as error:  # user code may raise anything
        require_theirs(error)
        raise FactoryError(
            guard.where,
            f"its Dataset raised {describe_error(error, guard.base)} when asked for its length",
            "give it one",
        ) from error
    if not length:
        raise DataError(guard.where, "its Dataset is empty", "check the arguments of the factory")
    if length > MOST_ITEMS:
        raise DataError(
            guard.where,
            f"its Dataset claims {length:,} items, more than the {MOST_ITEMS:,} that are read",
            "let its length be the number of its images",
        )
    return length


def _own_classes(dataset: Any, guard: Guard) -> tuple[str, ...] | None:  # noqa: ANN401 - the user's object
    """Return the classes that a Dataset names; None where it names none."""
    with guard.during("looking for the classes of its Dataset"):
        own = getattr(dataset, "classes", None)
        own = tuple(own) if isinstance(own, list | tuple) else ()
        named = bool(own) and all(isinstance(name, str) for name in own)
        names = tuple(map(name_key, own)) if named else ()
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise DataError(
            guard.where,
            f"its Dataset names the class {quote(twice[0])} twice",
            "give every class a name of its own; what nobody sees makes no difference",
        )
    return names or None


def _compared(
    own: tuple[str, ...] | None, declared: tuple[str, ...] | None, where: str
) -> tuple[str, ...]:
    """Return what is assumed of the labels; raises DataError where two orders contradict."""
    if own is None or declared is None or own == declared:
        return ()
    if sorted(own) == sorted(declared):
        raise DataError(
            where,
            f"its Dataset orders the classes {list_names(own)}, the gate file {list_names(declared)}",
            "put classes in the order of the model's outputs, in both",
        )
    return (f"labels of the Dataset are positions in classes; it calls them {list_names(own)}",)


def _picture(given: Any, place: str) -> tuple[bytes, Image.Image | None, Any | None]:  # noqa: ANN401
    """Return canonical bytes, and the image or the tensor."""
    if isinstance(given, Image.Image):
        return _decoded(given, place)
    if isinstance(given, np.ndarray):
        return _image(np.asarray(given), place)  # what a class of the user's says may be untrue
    import torch

    if isinstance(given, torch.Tensor) and given.ndim == 3:
        if given.dtype == torch.uint8:
            return _image(given.permute(1, 2, 0).cpu().numpy(), place)
        if given.is_floating_point() and given.numel():
            tensor = given.detach().float().cpu().contiguous()
            if not bool(torch.isfinite(tensor).all()):
                raise UnreadableImage("its tensor holds NaN or infinity")
            values = tensor.numpy()
            return _canonical(values, "tensor"), None, torch.from_numpy(values)  # of no other class
    raise FactoryError(
        place,
        f"the image is {_shape_of(given)}",
        "return a PIL image, a uint8 array (H, W[, 3]) or a float tensor (C, H, W)",
    )


def _decoded(given: Image.Image, place: str) -> tuple[bytes, Image.Image, None]:
    """Return a picture of Pillow's with its pixels: it may have been opened, and not yet read."""
    try:
        given.load()
    except Exception as error:  # damage makes parsers raise nearly anything
        require_theirs(error)
        fact = f"its image cannot be decoded ({kind_of(error)}: {text_of(error)})"
        raise UnreadableImage(fact) from error
    image = _plain(given)
    pixels = np.asarray(image)
    if not pixels.size:
        raise FactoryError(place, "the image has no pixels", "leave it out, or mend what cuts it")
    return _canonical(pixels, image.mode), image, None


def _plain(image: Image.Image) -> Image.Image:
    """Return an image of Pillow's own classes: one of the user's may raise wherever it is used."""
    if not type(image).__module__.startswith("PIL."):
        image = Image.Image.copy(image)
    return image.convert("LA") if image.mode == "La" else image  # Pillow turns it into nothing else


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
    """Return what an object says of itself, as far as it does."""
    kind = kind_of(given)
    try:
        if hasattr(given, "shape") and hasattr(given, "dtype"):
            return f"{kind} of shape {tuple(given.shape)} and type {plain(given.dtype)}"
        if isinstance(given, tuple | list):
            return f"{kind} of {len(given)}"
    except BaseException as error:
        require_theirs(error)
    return kind
