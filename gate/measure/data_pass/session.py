"""A worker opens the model and the data, and measures units of work in whatever process."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.evidence.records import Split
from gate.measure.choices import Backend
from gate.measure.fingerprints.known_fingerprints import KnownPrints
from gate.measure.inference.identity import changed
from gate.measure.parallel.cpu_budget import prepare_process
from gate.measure.partials.job import Job
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.work_units import MAX_MODEL_REPLICAS, WorkUnit, count_threads, pad
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset
from gate.subject.inputs import build_transform
from gate.subject.outputs import Values, output_spec
from gate.subject.touched import code_digest, track_opened_files, used_files

if TYPE_CHECKING:
    from gate.measure.data_pass.predict import ForwardPass
    from gate.measure.inference.first_images import FirstBatch
    from gate.measure.inference.onnx_export import SelectedRunner
    from gate.measure.inference.torch_runner import Runner
    from gate.measure.partials.requests import OpenMeasurement


@dataclass(frozen=True, slots=True)
class Worker:
    """A model that is open, and the data that it is shown."""

    facts: ModelFacts
    datasets: Mapping[Split, Dataset]
    passing: "ForwardPass"

    def parts(self, units: Sequence[WorkUnit], advance: Advance) -> Iterator[PartialResult]:
        """Return what the units show, in the order given.

        Raises DataError or CheckpointError where the data or the model does not let it.
        """
        return self.passing.parts(self.datasets, units, advance)


def _chosen(runner: "Runner", first: "FirstBatch", backend: Backend) -> "SelectedRunner":
    """Return who answers: the model as it was opened, or its export where that is asked for."""
    from gate.measure.inference.onnx_export import SelectedRunner, fastest
    from gate.measure.inference.torch_runner import TorchRunner

    if backend == "onnxruntime" and isinstance(runner, TorchRunner):
        return fastest(runner, first, threads=1)  # as a replica has
    return SelectedRunner(runner)


def _with_fusion(
    runners: tuple["Runner", ...], first: "FirstBatch", limited: Callable[[], None]
) -> tuple["Runner", ...]:
    """Return the runners with torch's fused form of their module, where it has one.

    It is one for all of them, and for the threads that ``limited`` leaves to each of them.
    """
    from gate.measure.inference.torch_runner import TorchRunner

    one = runners[0]
    if not isinstance(one, TorchRunner) or not len(first.images):
        return runners
    fused = one.fuse_for(pad(first.images, first.batch), first.outputs, limited)
    return tuple(replace(each, fused=fused) for each in runners if isinstance(each, TorchRunner))


def _replicas(runner: "Runner", wanted: int) -> tuple["Runner", ...]:
    """Return as many runners as are wanted, that answer at the same time; or the one alone."""
    others = [runner.replicate() for _ in range(wanted - 1)]
    return (runner, *(each for each in others if each is not None))


def _answering_together(
    runner: "Runner", first: "FirstBatch", threads: int
) -> tuple[tuple["Runner", ...], Callable[[], None]]:
    """Return runners that share so many threads, and what limits each thread to its share."""
    from gate.measure.inference.open_model import limit_threads

    runners = _replicas(runner, min(threads, MAX_MODEL_REPLICAS))
    together = count_threads(threads, first.batch)  # of one runner, for one batch
    limited = partial(limit_threads, 1 if len(runners) > 1 else together)
    runners = _with_fusion(runners, first, limited)
    limited()
    return runners, limited


def _notes_of_outputs(first: "FirstBatch", values: Values | None) -> Iterator[str]:
    """Yield what was read into the outputs of the model, and what a declaration says otherwise."""
    if first.single_output:
        if values is not None:
            yield f"the single output of the model is a {values} of the second class, as declared"
    elif not first.are_logits:
        yield "the outputs are probabilities already, so no softmax was applied"
    elif first.looks_multi_label:
        yield (
            "the first outputs lie in 0..1 without a sum of 1, as of a multi-label model; softmax "
            f"was applied to them as to logits{'' if values is None else ', as declared'}"
        )
    elif first.look_like_probabilities:
        yield (
            "the first outputs are probabilities, and output: declares logits: softmax was applied "
            "to them"
        )


def _refuse_to_ask_again(measurements: "Sequence[OpenMeasurement]") -> None:
    """Raise UsageError where rules must measure a model whose single output is not declared."""
    if not all(each.measurement.optional for each in measurements):
        raise UsageError(
            "output",
            "the model has a single output, and a measurement asks it again before it is known "
            "whether that is a logit or a probability",
            "add output: logit, or output: probability",
        )


@contextmanager
def open_worker(job: Job, datasets: Mapping[Split, Dataset]) -> Iterator[Worker]:
    """Give a worker for a job; ``datasets`` are those of its gate file, opened.

    Raises CheckpointError, FactoryError, DataError, or UsageError for a device that is not there.
    """
    prepare_process()
    from gate.measure.data_pass.artefacts import open_artefacts
    from gate.measure.data_pass.first_batch import first_batch
    from gate.measure.data_pass.predict import ForwardPass
    from gate.measure.inference.open_model import open_model

    spec, base = job.gatefile.model, job.gatefile.base
    assert spec is not None, "a gate file without saved predictions names a model"
    output = output_spec(job.gatefile.output)
    with ExitStack() as stack:
        subject, runner, notes, sandbox = stack.enter_context(
            open_model(spec, job.classes, job.device, base=base, threads=job.threads, output=output)
        )
        if subject.sha256 != job.checkpoint.sha256:
            raise changed(spec, job.checkpoint)
        transform = build_transform(job.gatefile.input, base=base)
        with track_opened_files(base, among_ours=True):  # what is read only when it is needed
            dataset = next(iter(datasets.values()))
            first = first_batch(dataset, transform, runner, output.values)
        chosen = _chosen(runner, first, job.backend)
        runners, limited = _answering_together(chosen.runner, first, job.threads)
        undecided = first.single_output and output.values is None
        measurements = tuple(each.open() for each in job.measurements)
        if undecided:
            _refuse_to_ask_again(measurements)
        artefacts = stack.enter_context(
            open_artefacts(
                job.artefacts_asked, job.classes, first, output, base=base, threads=job.threads
            )
        )
        weights = runner.weights()
        code = used_files(base)
        facts = ModelFacts(
            subject=subject,
            device=chosen.runner.device,
            backend=chosen.runner.backend,
            notes=(
                *(*notes, *transform.assumed),
                *_notes_of_outputs(first, output.values),
                *chosen.notes,
            ),
            nonfinite_tensors=weights.nonfinite,
            sandbox=sandbox,
            batch=first.batch,
            are_logits=first.are_logits,
            undecided=undecided,
            checked_individually=first.checked_individually,
            batch_disagreements=first.batch_disagreements,
            code_sha256=code_digest(code),
            code=code,
            max_abs_difference=chosen.max_abs_difference,
        )
        yield Worker(
            facts,
            datasets,
            ForwardPass(
                transform=transform,
                runners=runners,
                are_logits=first.are_logits,
                values=output.values,
                undecided=undecided,
                batch=first.batch,
                threads=job.threads,
                thread_init=limited,
                max_images_in_memory=job.max_images_in_memory,
                known=None if job.cache is None else KnownPrints(job.cache),
                measurements=measurements,
                samples=job.samples,
                input_size=job.gatefile.input.size,
                artefacts=artefacts,
            ),
        )
