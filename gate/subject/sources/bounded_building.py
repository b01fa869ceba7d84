"""Build a module whose sizes an artefact says, before its memory is taken.

It is built on torch's meta device first, where tensors have shapes and no numbers. Every module,
parameter and buffer is counted as it is made; a build that is larger than the weights it is for
can fill is stopped.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from gate.subject.checkpoints.opening import Checkpoint
from gate.subject.checkpoints.refusals import RefusedError, mismatch
from gate.subject.guard import first_line
from gate.subject.sources.source import OpenModel
from gate.wording import number_in_words

if TYPE_CHECKING:
    import torch
    from torch import nn

SEED = 0  # for libraries that draw weights, which the checkpoint then replaces
LARGEST_NUMBER = 65_536  # of a configuration: no layer is wider, no network deeper
_MOST_ITEMS = 10_000  # of a configuration
_PARTS_PER_TENSOR = 64  # modules, parameters and buffers
_FREE_PARTS = 10_000
_FREE_ELEMENTS = 16 << 20  # of what a module makes and does not save: tables of positions, masks


class _TooLargeError(Exception):
    """The module that is being built has more than its weights can fill."""


def too_large(value: object) -> str | None:
    """Return what is too large in plain values of a configuration; None where nothing is."""
    left = _MOST_ITEMS
    waiting = [value]
    while waiting:
        each = waiting.pop()
        left -= 1
        if left < 0:
            return f"more than {_MOST_ITEMS:,} values"
        if isinstance(each, int | float) and not abs(each) <= LARGEST_NUMBER:
            return number_in_words(each)
        if isinstance(each, Mapping):
            waiting.extend(each.values())
        elif isinstance(each, list | tuple):
            waiting.extend(each)
    return None


def build_bounded(
    make: Callable[[], "nn.Module"], checkpoint: Checkpoint, *, what: str
) -> "nn.Module":
    """Return the module that ``make`` builds, on the CPU and in evaluation mode, without weights.

    ``what`` names it in words, such as ``timm resnet50``. Raises CheckpointError where it cannot
    be built, or is larger than the checkpoint.
    """
    import torch

    try:
        with _counting(checkpoint):
            _build_without_memory(make)
        with _counting(checkpoint):
            torch.manual_seed(SEED)
            model = make()
    except _TooLargeError:
        raise _larger(what).at(checkpoint.path, checkpoint.identity) from None
    except Exception as error:
        raise _not_built(what, error).at(checkpoint.path, checkpoint.identity) from error
    model.eval()
    return model


def open_built(
    make: Callable[[], "nn.Module"], checkpoint: Checkpoint, *, what: str, threads: int
) -> OpenModel:
    """Return the open model that ``make`` builds, with the weights of a checkpoint.

    Raises CheckpointError where it cannot be built or the weights do not fit it, and FactoryError
    where its own code stops the loading. Raises UsageError as :func:`load_into` does.
    """
    import torch

    from gate.subject.checkpoints.loading import load_into

    torch.set_num_threads(threads)
    module = build_bounded(make, checkpoint, what=what)
    report = load_into(checkpoint, module)
    return OpenModel(
        identity=checkpoint.identity,
        model=module,
        parameters=report.parameters,
        notes=(
            f"the model is {what}",
            *report.notes,
            *(f"weights cast: {cast}" for cast in report.casts),
        ),
    )


def _build_without_memory(make: Callable[[], "nn.Module"]) -> None:
    """Build on the meta device; what needs numbers to build itself is only counted later."""
    import torch

    try:
        with torch.device("meta"):
            make()
    except (NotImplementedError, RuntimeError) as error:
        if "meta" not in str(error):
            raise


@contextmanager
def _counting(checkpoint: Checkpoint) -> Iterator[None]:
    """Stop a build by _TooLargeError where it makes more than the checkpoint can be of."""
    import torch
    from torch.nn.modules import module as registry

    elements = _FREE_ELEMENTS + 2 * sum(spec.elements for spec in checkpoint.tensors)
    parts = _FREE_PARTS + _PARTS_PER_TENSOR * len(checkpoint.tensors)

    def count(_module: "nn.Module", _name: str, part: "torch.Tensor | nn.Module | None") -> None:
        nonlocal elements, parts
        parts -= 1
        elements -= part.numel() if isinstance(part, torch.Tensor) else 0
        if parts < 0 or elements < 0:
            raise _TooLargeError

    hooks = [
        registry.register_module_parameter_registration_hook(count),
        registry.register_module_buffer_registration_hook(count),
        registry.register_module_module_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _larger(what: str) -> RefusedError:
    return mismatch(
        f"{what}, as its configuration has it, is larger than the weights are",
        "give the configuration that was saved with these weights, or name the code that builds "
        "the model: under model: add factory: package.module:function, or use --model",
    )


def _not_built(what: str, error: Exception) -> RefusedError:
    return mismatch(
        f"{what} cannot be built as its configuration has it ({first_line(error)})",
        "install the release that the model was trained with, or name the code that builds it: "
        "under model: add factory: package.module:function, or use --model",
    )
