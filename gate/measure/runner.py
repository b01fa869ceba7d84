"""A model that answers: the user's module in evaluation mode, and words for when it cannot."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gate.errors import CheckpointError, FactoryError, Refusal, UsageError
from gate.measure.progress import Device
from gate.subject.usercode import call, load_callable
from gate.subject.wording import counted

Floats = NDArray[np.float32]

SEED = 0  # for user code that draws; the gate itself draws nothing from torch


def build_model(factory: str, kwargs: dict[str, Any], *, base: Path) -> nn.Module:
    """Return the module that the user's factory gives, on the CPU and in evaluation mode.

    Raises FactoryError where the factory is missing, raises, or returns no module.
    """
    torch.manual_seed(SEED)
    where = f"model.factory {factory!r}"
    model = call(
        load_callable(factory, base=base, purpose="model.factory"), kwargs, base=base, where=where
    )
    if not isinstance(model, nn.Module):
        raise FactoryError(
            where,
            f"returned {type(model).__name__}, not a torch.nn.Module",
            "return the model itself; its weights come from the checkpoint",
        )
    return model.eval()


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


@dataclass(frozen=True, slots=True)
class Runner:
    """Gives the outputs of a model for batches of images."""

    model: nn.Module
    classes: tuple[str, ...]
    device: torch.device

    @classmethod
    def start(cls, model: nn.Module, classes: tuple[str, ...], device: Device) -> "Runner":
        """Return a runner of ``model``, moved to the device and laid out for convolutions."""
        chosen = choose_device(device)
        # Channels last is what CPU and tensor-core convolutions are fastest in; values are equal.
        ready = model.to(chosen).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]  # torch has it, its stubs do not
        return cls(ready, classes, chosen)

    def outputs(self, images: Floats) -> Floats:
        """Return the model's outputs for images float32 (n, C, H, W): float32 (n, classes).

        Raises CheckpointError (mismatch) where the model cannot take the images, or answers with
        something else than one score a class.
        """
        batch = torch.from_numpy(images).to(self.device)
        if batch.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        try:
            with torch.inference_mode():
                answer = self.model(batch)
        except Exception as error:
            raise _cannot_take(self.model, batch, error) from error
        return self._checked(answer, len(images))

    def _checked(self, answer: object, images: int) -> Floats:
        expected = f"(N, {len(self.classes)})"
        if not isinstance(answer, torch.Tensor):
            raise _wrong_output(
                f"the model returned {type(answer).__name__}, not a tensor {expected}",
                "wrap it in a factory whose forward returns the class scores alone",
            )
        shape = tuple(answer.shape)
        if shape == (images, len(self.classes)):
            return answer.detach().float().cpu().numpy()
        if len(shape) == 2 and shape[0] == images and shape[1] > 1:
            raise _wrong_output(
                f"the model has {shape[1]} outputs, the data has {len(self.classes)} classes",
                "name all classes of the model under classes:, in the order of its outputs, or "
                "build the model with as many",
            )
        if shape in {(images,), (images, 1)}:
            raise _wrong_output(
                "the model has a single output, and a class needs one each",
                "return two scores, for example torch.cat([-z, z], dim=1)",
            )
        raise _wrong_output(
            f"the output has the shape {shape}, expected {expected}",
            "this gate judges single-label image classification; a segmentation, detection or "
            "multi-label model needs another",
        )


def _wrong_output(fact: str, remedy: str) -> CheckpointError:
    return CheckpointError("model output", Refusal.MISMATCH, fact, remedy)


def _cannot_take(model: nn.Module, batch: torch.Tensor, error: Exception) -> CheckpointError:
    """Return what is wrong between model and images, in words; found by running one image again."""
    layer, given = _last_layer_entered(model, batch[:1])
    height, width = batch.shape[-2:]
    match layer:
        case (name, nn.Conv2d() as convolution) if (
            given.ndim == 4 and given.shape[1] != convolution.in_channels
        ):
            is_input = given.shape[1] == batch.shape[1] and given.shape[-2:] == batch.shape[-2:]
            subject = "the model" if is_input else f"layer {name}"
            source = "the data" if is_input else "the layer before it"
            return CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"{subject} expects {counted(convolution.in_channels, 'channel')}, {source} has "
                f"{given.shape[1]}",
                "set input.channels to RGB (3) or L (1) as in training",
            )
        case (name, nn.Linear() as linear) if given.shape[-1] != linear.in_features:
            return CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"layer {name} expects {linear.in_features} features, images of {height} x {width} "
                f"give {given.shape[-1]}: the head was built for another image size",
                "set input.size to the size in training",
            )
        case _:
            at = f" in layer {layer[0]}" if layer and layer[0] else ""
            return CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"the model cannot take images of shape {tuple(batch.shape[1:])}{at} "
                f"({type(error).__name__}: {_first_line(error)})",
                "check input.size and input.channels against the training code",
            )


def _last_layer_entered(
    model: nn.Module, image: torch.Tensor
) -> tuple[tuple[str, nn.Module] | None, torch.Tensor]:
    """Return the last layer that the image came to, with its name, and what it was given."""
    seen: list[tuple[str, nn.Module, torch.Tensor]] = []
    hooks = [
        layer.register_forward_pre_hook(
            lambda module, inputs, name=name: (
                seen.append((name, module, inputs[0]))
                if inputs and isinstance(inputs[0], torch.Tensor)
                else None
            )
        )
        for name, layer in model.named_modules()
        if not any(layer.children())
    ]
    try:
        with torch.inference_mode():
            model(image)
    except Exception:  # noqa: S110 -- it raised before; here only the way there matters
        pass
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        return None, image
    name, layer, given = seen[-1]
    return (name, layer), given


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
