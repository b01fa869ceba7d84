"""The artefacts that measurements ask beside the model, open in a worker."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gate.errors import CheckpointError, Refusal
from gate.measure.data_pass.first_batch import are_logits
from gate.measure.inference.answers import per_class, probabilities
from gate.measure.inference.first_images import FirstBatch
from gate.measure.inference.identity import changed
from gate.measure.inference.known_artefacts import KnownArtefact, at
from gate.measure.inference.onnx_export import fastest
from gate.measure.inference.open_model import open_model
from gate.measure.inference.torch_runner import Floats, Runner, TorchRunner
from gate.measure.partials.work_units import cut, pad
from gate.subject.outputs import OutputSpec, Values

_ONNX = "onnx"  # the source whose models answer with one output: nothing is selected of it


@dataclass(frozen=True, slots=True)
class OpenArtefact:
    """An artefact that answers; many threads may ask it, and one at a time is answered."""

    place: str  # what messages call it
    runner: Runner
    batch: int
    are_logits: bool
    values: Values | None
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def probabilities(self, inputs: Floats, together: int | None = None) -> NDArray[np.float64]:
        """Return the probabilities, (m, classes), of inputs (m, C, H, W), so many ``together``.

        NaN in all classes of an image whose scores are not finite. Raises CheckpointError where it
        does not take the inputs, or answers with something else than one score a class.
        """
        outputs = self.outputs(inputs, together)
        finite = np.isfinite(outputs).all(axis=1)
        scores = np.full(outputs.shape, np.nan)
        scores[finite] = probabilities(outputs[finite], are_logits=self.are_logits)
        return scores

    def outputs(self, inputs: Floats, together: int | None = None) -> Floats:
        """Return what it answers, (m, classes), to inputs (m, C, H, W), so many ``together``.

        By default in whole batches. Raises CheckpointError.
        """
        size = together or self.batch
        parts = [np.empty((0, len(self.runner.classes)), np.float32)]
        with self.answering() as runner:
            for some in cut(range(len(inputs)), size):
                ready = inputs[some.start : some.stop].copy()  # it may work in place
                answer = runner.outputs(pad(ready, size))[: len(ready)]
                parts.append(per_class(answer, self.values))
        return np.concatenate(parts)

    @contextmanager
    def answering(self) -> Iterator[Runner]:
        """Give who answers, to one thread at a time.

        Raises CheckpointError, with the name of the artefact, where that raises it.
        """
        try:
            with self._turn, np.errstate(all="ignore"):  # what overflows is the finding
                yield self.runner
        except CheckpointError as error:
            raise at(self.place, error) from error


@contextmanager
def open_artefacts(
    known: Mapping[str, KnownArtefact],
    classes: tuple[str, ...],
    first: FirstBatch,
    output: OutputSpec,
    *,
    base: Path,
    threads: int,
) -> Iterator[dict[str, OpenArtefact]]:
    """Give the artefacts by name, open as the model is; each has answered the first images.

    Raises CheckpointError where one is refused, is another file than was planned, or does not take
    the images or gives other classes; FactoryError, and UsageError for a device that is not there.
    """
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(
                _open(each, classes, first, output, base=base, threads=threads)
            )
            for name, each in known.items()
        }


@contextmanager
def _open(
    known: KnownArtefact,
    classes: tuple[str, ...],
    first: FirstBatch,
    output: OutputSpec,
    *,
    base: Path,
    threads: int,
) -> Iterator[OpenArtefact]:
    select = OutputSpec() if known.spec.source == _ONNX else output
    with ExitStack() as stack:
        try:
            loaded = stack.enter_context(
                open_model(
                    known.spec, classes, known.device, base=base, threads=threads, output=select
                )
            )
        except CheckpointError as error:
            raise at(known.place, error) from error
        if loaded.subject.sha256 != known.identity.sha256:
            raise at(known.place, changed(known.spec, known.identity))
        runner = _runner(loaded.runner, known, first)
        values = output.values
        opened = OpenArtefact(known.place, runner, first.batch, values != "probability", values)
        if values is None and len(first.images):
            opened = replace(opened, are_logits=are_logits(opened.outputs(first.images), None))
        yield opened


def _runner(runner: Runner, known: KnownArtefact, first: FirstBatch) -> Runner:
    """Return who answers: the artefact as it was opened, or its export where that is asked for.

    Raises CheckpointError where it has none that answers as torch does: torch is not asked instead.
    """
    if known.backend != "onnxruntime" or not isinstance(runner, TorchRunner):
        return runner
    if not len(first.images):
        return runner
    try:
        outputs = runner.outputs(pad(first.images, first.batch).copy())[: len(first.images)]
    except CheckpointError as error:
        raise at(known.place, error) from error
    chosen = fastest(runner, replace(first, outputs=outputs), threads=1)  # as a replica has
    if chosen.runner is runner:
        raise CheckpointError(
            known.place,
            Refusal.MISMATCH,
            f"onnxruntime does not answer for it: {'; '.join(chosen.notes)}",
            "export it to ONNX and name that file, or set backend: torch",
        )
    return chosen.runner
