"""The user's module in onnxruntime: exported, compared with torch, and used only where both agree.

The graph needs no sandbox: it is no foreign file, but what our own exporter wrote a moment ago of a
module that this process runs itself. So it runs here, and no batch goes through a pipe.
"""

import io
import warnings
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gate.errors import CheckpointError, Refusal
from gate.measure.inference.answers import per_class, probabilities
from gate.measure.inference.data_dependent_flow import has_data_dependent_control_flow
from gate.measure.inference.first_images import FirstBatch
from gate.measure.inference.mismatch_errors import wrong_shape
from gate.measure.inference.torch_runner import Runner, TorchRunner, Weights
from gate.subject.guard import first_line, require_theirs
from gate.subject.outputs import Values
from gate.wording import plain, pluralize

TOLERANCE = 1e-4  # by which a probability may differ; a class may only where torch's lead is less

_INPUT, _OUTPUT, _IMAGES = "images", "scores", "n"
_LOOKS = torch.jit.TracerWarning  # type: ignore[attr-defined]  # torch has it, its stubs do not
_SAMPLE = 2  # images that the export is traced with; the number of images stays open

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SelectedRunner:
    """Who answers, and why."""

    runner: Runner
    notes: tuple[str, ...] = ()
    max_abs_difference: float | None = (
        None  # the most by which two probabilities differed, where compared
    )


class _UnusableError(Exception):
    """Why torch gives the numbers: a clause for the reader."""

    def __init__(self, reason: str, max_abs_difference: float | None = None) -> None:
        super().__init__(reason)
        self.max_abs_difference = max_abs_difference


@dataclass(frozen=True, slots=True)
class ExportedRunner:
    """A module's export in onnxruntime, on the CPU of this process."""

    session: Any  # onnxruntime has no types
    backend: str
    classes: tuple[str, ...]
    of_module: Weights
    device: str = "cpu"

    def outputs(self, images: Floats) -> Floats:
        """Return float32 (n, classes) for images (n, C, H, W).

        Raises CheckpointError where onnxruntime stops.
        """
        try:
            (scores,) = self.session.run([_OUTPUT], {_INPUT: np.ascontiguousarray(images)})
        except Exception as error:  # onnxruntime raises what it likes
            raise CheckpointError(
                "model input",
                Refusal.MISMATCH,
                f"onnxruntime cannot take images of shape {images.shape} ({first_line(error)})",
                "measure with --backend torch",
            ) from error
        rows = np.asarray(scores, dtype=np.float32)
        return rows[:, None] if rows.ndim == 1 else rows  # a single output

    def divergences_at_first_norm(self, images: Floats) -> None:
        """Return None: an export has no layers to look into."""

    def replicate(self) -> "ExportedRunner":
        """Return itself: a session takes many threads."""
        return self

    def weights(self) -> Weights:
        """Return what the module showed before it was exported."""
        return self.of_module


def fastest(runner: TorchRunner, first: FirstBatch, threads: int) -> SelectedRunner:
    """Return the runner's export in onnxruntime where both agree on the first images, else itself.

    They agree where every probability differs by at most ``TOLERANCE``, and the class differs
    nowhere that torch's two best are further apart than that.
    """
    try:
        if runner.place.type != "cpu":
            raise _UnusableError(f"the model is on {runner.place.type}, the export runs on the CPU")
        if runner.select is not None:
            raise _UnusableError("of several answers of the model one is selected")
        if not len(first.images):
            raise _UnusableError("there is no image to compare them on")
        exported = _open(_export(runner, first.images[:_SAMPLE]), runner, threads)
        max_abs_difference = _compare(exported, first)
    except _UnusableError as unusable:
        note = f"the numbers are torch's and not onnxruntime's: {unusable}"
        return SelectedRunner(runner, (note,), unusable.max_abs_difference)
    note = (
        f"the numbers are those of {exported.backend}, whose scores agree with torch's within "
        f"{TOLERANCE} on the first {pluralize(len(first.images), 'image')}"
    )
    return SelectedRunner(exported, (note,), max_abs_difference)


def _export(runner: TorchRunner, sample: Floats) -> bytes:
    """Return the module as an ONNX graph.

    It is traced: what the module's code does with values in Python would be frozen as it went
    for the sample. None of it is let through.
    """
    written = io.BytesIO()
    # Of torch's two exporters the older one, and it warns that it is: on a small network it takes
    # half a second and not two, and it needs no further package. A failure prints the whole graph.
    with warnings.catch_warnings(record=True) as said, redirect_stdout(io.StringIO()):
        warnings.simplefilter("always")
        try:
            looked = has_data_dependent_control_flow(runner.model, torch.from_numpy(sample.copy()))
            torch.onnx.export(
                runner.model,
                (torch.from_numpy(sample.copy()),),  # it may work in place
                written,  # type: ignore[arg-type]  # the older exporter takes a buffer
                dynamo=False,
                input_names=[_INPUT],
                output_names=[_OUTPUT],
                dynamic_axes={_INPUT: {0: _IMAGES}, _OUTPUT: {0: _IMAGES}},
            )
        except BaseException as error:  # the user's code and torch raise what they like
            require_theirs(error)
            raise _UnusableError(f"torch cannot export the model ({first_line(error)})") from error
    for each in said:
        if issubclass(each.category, _LOOKS):
            where = f"line {each.lineno} of {plain(Path(each.filename).name)}"
            raise _UnusableError(f"{where} handles values in Python, which an export would freeze")
    if looked:
        raise _UnusableError("its code handles values in Python, which an export would freeze")
    return written.getvalue()


def _open(graph: bytes, runner: TorchRunner, threads: int) -> ExportedRunner:
    try:
        import onnxruntime
    except ImportError as error:  # on another machine than the one that made the plan
        raise _UnusableError("onnxruntime is not installed where the model runs") from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    # Threads that wait in a loop would take the cores from those that decode.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime raises what it likes
        raise _UnusableError(f"onnxruntime cannot open it ({first_line(error)})") from error
    name = f"onnxruntime {onnxruntime.__version__}"
    return ExportedRunner(session, name, runner.classes, runner.weights())


def _compare(exported: ExportedRunner, first: FirstBatch) -> float:
    """Return the most by which a probability of the first images differs from torch's."""
    # One image alone, too: a graph that only takes a full batch fails on the last one.
    outputs = [_ask(exported, images) for images in (first.images, first.images[:1])]
    values: Values = "logit" if first.are_logits else "probability"
    answered = per_class(np.concatenate(outputs), values)
    found = probabilities(answered, are_logits=first.are_logits)
    wanted = per_class(np.concatenate([first.outputs, first.outputs[:1]]), values)
    expected = probabilities(wanted, are_logits=first.are_logits)
    max_abs_difference = float(np.abs(found - expected).max())
    if not max_abs_difference <= TOLERANCE:  # NaN is no agreement
        raise _UnusableError(
            f"on the first {pluralize(len(first.images), 'image')} their scores "
            "differ by more than "
            f"{TOLERANCE}",
            max_abs_difference if np.isfinite(max_abs_difference) else None,
        )
    others = found.argmax(axis=1) != expected.argmax(axis=1)
    best_two = np.partition(expected, -2, axis=1)[:, -2:]
    if (others & (best_two[:, 1] - best_two[:, 0] > TOLERANCE)).any():
        raise _UnusableError(
            "they name another class for one of the first images", max_abs_difference
        )
    return max_abs_difference


def _ask(exported: ExportedRunner, images: Floats) -> Floats:
    try:
        outputs = exported.outputs(images)
    except CheckpointError as error:
        raise _UnusableError(error.fact) from error
    if wrong_shape(outputs.shape, len(images), len(exported.classes)) is not None:
        raise _UnusableError(
            f"for {pluralize(len(images), 'image')} its output has the shape {outputs.shape}"
        )
    return outputs
