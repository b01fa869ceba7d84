"""A runner gives the answers of the user's module in evaluation mode, and says why it cannot."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gate.errors import UsageError
from gate.measure.choices import Device
from gate.measure.inference.mismatch_errors import cannot_take
from gate.measure.inference.module_replica import copy_module, state_of
from gate.measure.inference.operator_fusion import Fused, fuse
from gate.measure.inference.scores import scores_of
from gate.subject.checkpoints.numbers import floats_of, has_values
from gate.subject.guard import Guard, in_reach, require_theirs

Floats = NDArray[np.float32]

_UNNAMED = Guard("the module", Path())


def choose_device(wanted: Device) -> torch.device:
    """Return the device to run on; ``auto`` takes CUDA, then MPS, then the CPU.

    Raises UsageError for a device that this machine does not have.
    """
    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if wanted == "auto":
        return torch.device(next(name for name, there in available.items() if there))
    if not available[wanted]:
        raise UsageError("--device", f"this machine has no {wanted}", "use --device auto or cpu")
    return torch.device(wanted)


def require_exact_products() -> None:
    """Have torch multiply in full float32, whatever the user's code chose, in a fixed order.

    TF32, which cuDNN takes unless told otherwise, keeps 10 bits of 23, bfloat16 on a CPU 7. Each
    kind of product is told by itself: the settings above them do not reach all of them. And cuDNN
    must not choose its algorithms by a stopwatch.
    """
    backends: Any = torch.backends  # its stubs do not know the kinds of products
    gpu, cudnn, cpu = backends.cuda, backends.cudnn, backends.mkldnn
    # The old names first: torch raises for whoever asks by them when they contradict the new ones.
    gpu.matmul.allow_tf32 = cudnn.allow_tf32 = False
    every = (backends, cudnn, cpu)
    for products in (*every, gpu.matmul, cudnn.conv, cudnn.rnn, cpu.matmul, cpu.conv, cpu.rnn):
        products.fp32_precision = "ieee"
    cudnn.benchmark = False
    cudnn.deterministic = True


@dataclass(frozen=True, slots=True)
class Weights:
    """What a model shows without an image."""

    parameters: int | None  # None: the format does not tell
    nonfinite: tuple[str, ...] = ()  # names of parameters and buffers with NaN or infinity


class Runner(Protocol):
    """Gives the outputs of a model for batches of images."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the outputs."""

    @property
    def device(self) -> str:
        """Where the model runs."""

    @property
    def backend(self) -> str:
        """Who gives the outputs; with its release where that is not one of our requirements."""

    def outputs(self, images: Floats) -> Floats:
        """Return the outputs for images float32 (n, C, H, W): float32 (n, classes).

        (n, 1) of a model with a single output for two classes.

        Raises CheckpointError (mismatch) where the model cannot take the images, or answers with
        something else than one score a class.
        """

    def divergences_at_first_norm(self, images: Floats) -> Floats | None:
        """Return how far images lie from what training saw at the first batch norm, (n,).

        None where the model has none, or does not show its layers.
        """

    def replicate(self) -> Self | None:
        """Return one of the same model that may answer at the same time; None: there is none."""

    def weights(self) -> Weights:
        """Return what the model shows without an image."""


@dataclass(frozen=True, slots=True)
class TorchRunner:
    """A module of the user's factory, with the weights of the checkpoint."""

    model: nn.Module
    classes: tuple[str, ...]
    place: torch.device
    state: bytes | None  # of the module before it was asked anything; None: nobody knows
    fused: Fused | None = None
    backend: str = "torch"
    guard: Guard = _UNNAMED
    select: str | int | None = None  # the scores in an answer of several; see OutputSpec

    @property
    def device(self) -> str:
        """The device, as torch calls it."""
        return str(self.place)

    @classmethod
    def start(
        cls,
        model: nn.Module,
        classes: tuple[str, ...],
        device: Device,
        *,
        guard: Guard = _UNNAMED,
        select: str | int | None = None,
    ) -> "TorchRunner":
        """Return a runner of ``model``, moved to the device and laid out for convolutions.

        Raises FactoryError where the module's own code, which ``guard`` is for, stops it,
        UsageError for a device that this machine lacks.
        """
        chosen = choose_device(device)
        require_exact_products()
        with guard.during(f"its move to {chosen}"):
            model.to(chosen)  # in place: what a `to` of the user's returns is its own matter
            _lay_out(model)
            model.eval()
        return cls(model, classes, chosen, state_of(model), guard=guard, select=select)

    def outputs(self, images: Floats) -> Floats:
        """Return the outputs, float32 (n, classes) on the CPU, for images float32 (n, C, H, W).

        Raises CheckpointError where the model does not fit images or classes, FactoryError where
        its own code fails.
        """
        batch = self._moved(images)
        fits = self.fused is not None and self.fused.shape == batch.shape
        answer = self._answer(self.fused.module if self.fused and fits else self.model, batch)
        return scores_of(answer, len(images), len(self.classes), self.guard, self.select)

    def divergences_at_first_norm(self, images: Floats) -> Floats | None:
        """Return how far images lie from what training saw at the first batch norm, (n,).

        See :func:`gate.measure.inference.batch_norm.divergences_at_first_norm`. None where the
        model has none. Raises CheckpointError and FactoryError as :meth:`outputs` does.
        """
        from gate.measure.inference.batch_norm import divergences_at_first_norm

        return divergences_at_first_norm(
            self.model, self._moved(images), lambda batch: self._answer(self.model, batch)
        )

    def _moved(self, images: Floats) -> torch.Tensor:
        batch = torch.from_numpy(images)
        if self.place.type == "cuda":
            batch = batch.pin_memory()  # else the copy waits for the device, and the device for it
        return _laid_out(batch.to(self.place, non_blocking=True))

    def _answer(self, module: Any, batch: torch.Tensor) -> object:  # noqa: ANN401 -- or what was traced of it
        try:
            with in_reach(), np.errstate(), torch.inference_mode():
                return module(batch)
        except Exception as error:
            require_theirs(error)
            raise cannot_take(self.model, batch, error, self.guard.base) from error
        except BaseException as error:  # it ends the process, or means to: no image is to blame
            raise self.guard.refusal(error, "its forward") from error

    def fuse_for(
        self, images: Floats, outputs: Floats, limited: Callable[[], None]
    ) -> Fused | None:
        """Return what answers batches shaped like ``images`` faster, where there is one.

        ``outputs`` are what this one answers to the first of them; ``limited`` leaves torch as many
        threads as it has when that one is asked.
        """
        if self.select is not None:  # what is traced must answer with a tensor
            return None
        if (
            self.replicate() is None
        ):  # it answers alone, in as many threads as there are: other bits
            return None
        batch = _laid_out(torch.from_numpy(images.copy()))  # it may work in place
        return fuse(self.model, batch, torch.from_numpy(outputs), limited)

    def replicate(self) -> "TorchRunner | None":
        """Return one with a copy of the module, on a CPU and where nothing else is shared."""
        copied = copy_module(self.model) if self._is_stateless else None
        return None if copied is None else replace(self, model=copied)

    @property
    def _is_stateless(self) -> bool:
        """Whether the module is what it was before it was asked; only then may it be duplicated."""
        known = self.place.type == "cpu" and self.state is not None
        return known and state_of(self.model) == self.state

    def weights(self) -> Weights:
        """Return the size of the model, and which of its tensors are not finite."""
        with self.guard.during("looking at its parameters and buffers"):
            tensors = [*self.model.named_parameters(), *self.model.named_buffers()]
            return Weights(
                parameters=sum(
                    each.numel() for each in self.model.parameters() if has_values(each)
                ),
                nonfinite=tuple(name for name, tensor in tensors if not _is_finite(tensor)),
            )


def _is_finite(tensor: torch.Tensor) -> bool:
    numbers = floats_of(tensor)
    return numbers is None or bool(torch.isfinite(numbers).all())


def _lay_out(model: nn.Module) -> None:
    """Put the channels of a module's tensors last, where torch can, and the module lets it.

    Channels last is what CPU and tensor-core convolutions are fastest in; values are equal.
    """
    try:
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch has it, its stubs do not
    except Exception as error:  # a sparse buffer has no such layout; it is as good without
        require_theirs(error)


def _laid_out(batch: torch.Tensor) -> torch.Tensor:
    """Return a batch of images with its channels last; anything else as it is."""
    return batch.contiguous(memory_format=torch.channels_last) if batch.ndim == 4 else batch
