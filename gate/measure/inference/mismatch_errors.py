"""Errors say what does not fit between a model and its images or classes."""

from pathlib import Path

import torch
from torch import nn

from gate.errors import CheckpointError, Refusal
from gate.subject.guard import first_line, place_of, require_theirs
from gate.wording import pluralize

_TENSORS = "where your Dataset returns float tensors, return them as in training"


def wrong_shape(shape: tuple[int, ...], images: int, classes: int) -> CheckpointError | None:
    """Return what is wrong with outputs of ``shape`` for so many images; None if nothing is.

    A single output is a score of the second of two classes.
    """
    if shape == (images, classes):
        return None
    is_single = shape in {(images,), (images, 1)}
    if is_single and classes == 2:
        return None
    if len(shape) == 2 and shape[0] == images and shape[1] > 1:
        return wrong_output(
            f"the model has {shape[1]} outputs, the data has {classes} classes",
            "name all classes of the model under classes:, in the order of its outputs, or "
            "build the model with as many",
        )
    if is_single:
        return wrong_output(
            f"the model has a single output, the data has {classes} classes",
            "name the two classes under classes:, the second the one that the output is the score "
            "of, or build the model with one output for each class",
        )
    return wrong_output(
        f"the output has the shape {shape}, expected (N, {classes})",
        "this gate judges single-label image classification; a segmentation, detection or "
        "multi-label model needs another",
    )


def wrong_output(fact: str, remedy: str) -> CheckpointError:
    """Return the error of a model that answers with something else than scores."""
    return CheckpointError("model output", Refusal.MISMATCH, fact, remedy)


def cannot_take(
    model: nn.Module, batch: torch.Tensor, error: Exception, base: Path
) -> CheckpointError:
    """Return what is wrong between model and images, in words; found by running one image again.

    ``base`` is the folder of the gate file, where the user's code lies.
    """
    try:
        layer, given = _last_layer_entered(model, batch[:1])
    except Exception as another:  # what it says of its own layers raises, too
        require_theirs(another)
        layer, given = None, batch[:1]
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
                f"{subject} expects {pluralize(convolution.in_channels, 'channel')}, {source} has "
                f"{given.shape[1]}",
                f"set input.channels to RGB (3) or L (1) as in training; {_TENSORS}",
            )
        case (name, nn.Linear() as linear) if given.shape[-1] != linear.in_features:
            return CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"layer {name} expects {linear.in_features} features, images of {height} x {width} "
                f"give {given.shape[-1]}: the head was built for another image size",
                f"set input.size to the size in training; {_TENSORS}",
            )
        case _:
            place = place_of(error, base)
            at_place = f", {place}" if place else ""
            at = f" in layer {layer[0]}" if layer and layer[0] else ""
            return CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"the model cannot take images of shape {tuple(batch.shape[1:])}{at} "
                f"({first_line(error)}{at_place})",
                f"check input.size and input.channels against the training code; {_TENSORS}",
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
    except BaseException as error:  # it raised before; here only the way there matters
        require_theirs(error)
    finally:
        for hook in hooks:
            hook.remove()
    if not seen:
        return None, image
    name, layer, given = seen[-1]
    return (name, layer), given
