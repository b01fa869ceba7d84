"""Tensors as a file describes them: named, measured, and still only bytes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

from gate.subject.checkpoints.refusals import RefusedError, corrupt, unsafe
from gate.wording import bytes_in_words, plain

MAX_AXES = 64
MAX_NAME = 1024  # characters; PyTorch's own longest names have about 100
MAX_TENSORS = 100_000  # a ResNet-152 has 932 entries
STEP = 1 << 20  # bytes that are compared at once; a multiple of every item
SMALL_EXPANSION = 65_536  # elements that a view may repeat from a smaller storage

# Bytes of one element; the names are torch's own.
ITEM_BYTES: Mapping[str, int] = {
    "bool": 1,
    "uint8": 1,
    "int8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "uint16": 2,
    "uint32": 4,
    "uint64": 8,
    "float16": 2,
    "bfloat16": 2,
    "float32": 4,
    "float64": 8,
    "complex32": 4,
    "complex64": 8,
    "complex128": 16,
    "float8_e4m3fn": 1,
    "float8_e5m2": 1,
    "float8_e4m3fnuz": 1,
    "float8_e5m2fnuz": 1,
}
FLOATING = frozenset({"float16", "bfloat16", "float32", "float64"})


@dataclass(frozen=True, slots=True, eq=False)
class TensorSpec:
    """One tensor of a checkpoint; its bytes are looked at only when it is built."""

    name: str
    dtype: str  # torch's name, a key of ITEM_BYTES
    shape: tuple[int, ...]
    stride: tuple[int, ...]  # in elements
    offset: int  # in elements from the start of data
    data: memoryview = field(repr=False)  # the storage's bytes, little-endian

    @property
    def elements(self) -> int:
        """Return the number of elements, as the shape says it."""
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        """Return the number of bytes that the elements fill when they lie side by side."""
        return self.elements * ITEM_BYTES[self.dtype]


@dataclass(frozen=True, slots=True)
class Expected:
    """One entry of the model's own state_dict."""

    dtype: str
    shape: tuple[int, ...] | None  # None: the model takes it from the checkpoint, as lazy ones do
    place: object = None  # equal for two names of one tensor; None: its numbers are its own


@dataclass(frozen=True, slots=True)
class Weights:
    """The tensors that one reader found under one name, and what stood between them."""

    tensors: tuple[TensorSpec, ...]  # in the order of the file
    others: Mapping[str, str]  # names whose value is no tensor -> the kind of the value
    key: str = ""  # where in the file; empty: at its top
    notes: tuple[str, ...] = ()  # what else is in the file, unread
    versions: Mapping[str, int] = field(
        default_factory=dict
    )  # of modules, as torch.save keeps them
    twins: Mapping[str, str] = field(
        default_factory=dict
    )  # of shared tensors: a name that was left out -> the one that is kept


def same_numbers(one: TensorSpec, other: TensorSpec) -> bool:
    """Return whether two tensors of one dtype and shape hold the same bits, in steps of a MiB."""
    return all(mine == theirs for mine, theirs in zip(_steps(one), _steps(other), strict=True))


def _steps(spec: TensorSpec) -> Iterator[bytes]:
    """Yield the bytes of a tensor as if its last axis ran fastest, cut by its size alone."""
    item = ITEM_BYTES[spec.dtype]
    if spec.stride == row_major(spec.shape):
        start, end = spec.offset * item, spec.offset * item + spec.bytes
        for begin in range(start, end, STEP):
            yield bytes(spec.data[begin : min(begin + STEP, end)])
        return
    if spec.elements == 0:
        return
    import numpy as np

    view = np.ndarray(
        spec.shape,
        dtype=f"V{item}",
        buffer=spec.data,
        offset=spec.offset * item,
        strides=[step * item for step in spec.stride],
    )
    for begin in range(0, spec.elements, STEP // item):
        yield view.flat[begin : begin + STEP // item].tobytes()


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the strides, in elements, of a tensor whose last axis runs fastest.

    >>> row_major((2, 3, 4))
    (12, 4, 1)
    """
    strides: list[int] = []
    step = 1
    for length in reversed(shape):
        strides.append(step)
        step *= max(length, 1)
    return tuple(reversed(strides))


def check_view(
    name: str, shape: tuple[int, ...], stride: tuple[int, ...], offset: int, available: int
) -> None:
    """Raise RefusedError for a tensor that reaches outside its storage.

    ``shape``, ``stride`` and ``offset`` count elements, of which the storage has ``available``.
    Also refused is a view that repeats few numbers very often (stride 0): 864 bytes can claim 40
    thousand million elements that way.
    """
    check_axes(name, shape)
    if len(shape) != len(stride):
        raise corrupt(f"{plain(name)} has {len(shape)} axes and {len(stride)} strides")
    elements = prod(shape)
    if elements == 0:
        return
    last = offset + sum((length - 1) * step for length, step in zip(shape, stride, strict=True))
    if last >= available:
        raise unsafe(
            f"{plain(name)} reaches element {last:,} of a storage that has {available:,}",
            "no library writes this; do not load the file elsewhere, ask who made it",
        )
    if elements > max(available, SMALL_EXPANSION):
        raise unsafe(
            f"{plain(name)} claims {elements:,} elements over a storage of {available:,}",
            "save expanded tensors with .clone() before torch.save",
        )


def check_axes(name: str, shape: tuple[int, ...]) -> None:
    """Raise RefusedError for more axes than any library allows: each multiplies larger numbers."""
    if len(shape) > MAX_AXES:
        raise too_many_axes(name, len(shape))


def too_many_axes(name: str, count: int) -> RefusedError:
    """Return the refusal of a tensor with more axes than any library allows."""
    return corrupt(f"{plain(name)} has {count:,} axes")


def check_count(count: int) -> None:
    """Raise RefusedError for more tensors than any network has; each one costs time when listed."""
    if count > MAX_TENSORS:
        raise unsafe(
            f"it lists {count:,} tensors, more than the {MAX_TENSORS:,} that are read",
            "save only the model's state_dict",
        )


def check_names(tensors: Sequence[TensorSpec]) -> None:
    """Raise RefusedError for more tensors, or longer names, than any network has."""
    check_count(len(tensors))
    longest = max((len(spec.name) for spec in tensors), default=0)
    if longest > MAX_NAME:
        raise unsafe(
            f"it has a tensor whose name has {longest:,} characters, more than {MAX_NAME:,}",
            "save only the model's state_dict",
        )


def check_bytes(name: str, claimed: int, found: int) -> None:
    """Raise RefusedError where a storage claims another size in bytes than lies in the file."""
    if claimed != found:
        raise corrupt(
            f"storage {plain(name)} claims {bytes_in_words(claimed)} and the file holds "
            f"{bytes_in_words(found)}"
        )
