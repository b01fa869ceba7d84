"""The formats that are read, and those that are refused because they are programs."""

from collections.abc import Iterable
from enum import StrEnum

from gate.subject.checkpoints.refusals import unsafe
from gate.subject.checkpoints.resaving import KERAS

_TRUSTED = "where it was made and is trusted, run: python -c"


class Format(StrEnum):
    """What a checkpoint is; these names stand in the report."""

    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    SAFETENSORS = "safetensors"
    HUGGINGFACE = "huggingface"
    PT2_WEIGHTS = "pt2-weights"
    ONNX = "onnx"


def is_exported_program(members: Iterable[str]) -> bool:
    """Return whether a zip archive is what torch.export.save writes."""
    return any(name.partition("/")[2] == "archive_format" for name in members)


def refuse_old_program(members: Iterable[str]) -> None:
    """Raise RefusedError for an exported program of torch 2.7 and before: its parts are pickles."""
    if "serialized_exported_program.json" in members:
        raise unsafe(
            "it is an exported program in the format of torch 2.7 and before, whose weights, "
            "constants and sample inputs are pickles",
            "where it was made and is trusted, load it with torch.export.load and save its "
            "state_dict with torch.save",
        )


def refuse_script(members: Iterable[str]) -> None:
    """Raise RefusedError for a TorchScript archive: a program, which could write files."""
    inside = {name.partition("/")[2] for name in members}
    if "constants.pkl" in inside or any(name.startswith("code/") for name in inside):
        raise unsafe(
            "it is a TorchScript archive: a program, not only weights",
            f"{_TRUSTED} \"import torch; torch.save(torch.jit.load('MODEL.pt').state_dict(), "
            "'weights.pt')\", and give weights.pt with a factory",
        )


def refuse_keras(members: Iterable[str]) -> None:
    """Raise RefusedError for the archive of a Keras model, which may hold code of its own."""
    if {"config.json", "model.weights.h5"} <= set(members):
        raise unsafe("it is a Keras model, not a PyTorch checkpoint", KERAS)
