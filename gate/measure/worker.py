"""Whoever measures: a model that is open, and data to show it, in this process or in another."""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import CheckpointError, Identity, Refusal
from gate.evidence.records import Split
from gate.measure.cores import prepare_process
from gate.measure.grid import LANES, Cell, padded, shared_among
from gate.measure.head import Head
from gate.measure.means import Backend
from gate.measure.parts import Part
from gate.measure.print_cache import KnownPrints
from gate.measure.progress import Advance, Device
from gate.subject.datasets.records import Dataset
from gate.subject.gatefile import GateFile
from gate.subject.inputs import build_transform
from gate.subject.touched import code_digest, noted, used_files

if TYPE_CHECKING:
    from gate.measure.export import Chosen
    from gate.measure.predict import Pass
    from gate.measure.probes import FirstBatch
    from gate.measure.runner import Runner


# What engines give: the model as the worker opened it, and what one cell shows of it.
Found = Generator[tuple[Head, Part], None, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is measured and how; it travels to other processes as it stands."""

    plan: str  # the digest of the plan
    gatefile: GateFile
    classes: tuple[str, ...]
    checkpoint: Identity  # the one that the plan speaks of
    images: Mapping[Split, int]  # in each split, as the plan counts them
    entries: Mapping[Split, str]  # digests of their names, labels, groups and slices
    device: Device = "auto"
    backend: Backend = "torch"
    threads: int = 1
    held: int | None = None  # images in memory at once; None: as many as help
    cache: Path | None = None  # folder where fingerprints are kept; None: nowhere


@dataclass(frozen=True, slots=True)
class Worker:
    """A model that is open, and the data that it is shown."""

    head: Head
    datasets: Mapping[Split, Dataset]
    passing: "Pass"

    def parts(self, cells: Sequence[Cell], advance: Advance) -> Iterator[Part]:
        """Return what the cells show, in the order given.

        Raises DataError or CheckpointError where the data or the model does not let it.
        """
        return self.passing.parts(self.datasets, cells, advance)


def _chosen(runner: "Runner", first: "FirstBatch", backend: Backend) -> "Chosen":
    """Return who answers: the model as it was opened, or its export where that is asked for."""
    from gate.measure.export import Chosen, fastest
    from gate.measure.runner import TorchRunner

    if backend == "onnxruntime" and isinstance(runner, TorchRunner):
        return fastest(runner, first, threads=1)  # as a lane has
    return Chosen(runner)


def _quickened(
    runners: tuple["Runner", ...], first: "FirstBatch", limited: Callable[[], None]
) -> tuple["Runner", ...]:
    """Return the runners with torch's fused form of their module, where it has one.

    It is one for all of them, and for the threads that ``limited`` leaves to each of them.
    """
    from gate.measure.runner import TorchRunner

    one = runners[0]
    if not isinstance(one, TorchRunner) or not len(first.images):
        return runners
    fused = one.fused_for(padded(first.images, first.batch), first.outputs, limited)
    return tuple(replace(each, fused=fused) for each in runners if isinstance(each, TorchRunner))


def _lanes(runner: "Runner", wanted: int) -> tuple["Runner", ...]:
    """Return as many runners as are wanted, that answer at the same time; or the one alone."""
    others = [runner.beside() for _ in range(wanted - 1)]
    return (runner, *(each for each in others if each is not None))


@contextmanager
def opened(job: Job, datasets: Mapping[Split, Dataset]) -> Iterator[Worker]:
    """Give a worker for a job; ``datasets`` are those of its gate file, opened.

    Raises CheckpointError, FactoryError, DataError, or UsageError for a device that is not there.
    """
    prepare_process()
    from gate.measure.loading import limit_threads, opened_model
    from gate.measure.predict import Pass
    from gate.measure.probes import first_batch

    spec, base = job.gatefile.model, job.gatefile.base
    assert spec is not None, "a gate file without saved predictions names a model"
    with opened_model(spec, job.classes, job.device, base=base, threads=job.threads) as (
        subject,
        runner,
        notes,
    ):
        if subject.sha256 != job.checkpoint.sha256:
            raise CheckpointError(
                str(spec.checkpoint),
                Refusal.CORRUPT,
                "the file changed while it was measured",
                "run again when nothing writes to it",
                retriable=True,
            )
        transform = build_transform(job.gatefile.input, base=base)
        with noted(base, among_ours=True):  # what is imported or read only when it is needed
            first = first_batch(next(iter(datasets.values())), transform, runner)
        chosen = _chosen(runner, first, job.backend)
        runners = _lanes(chosen.runner, min(job.threads, LANES))
        alone = shared_among(job.threads, first.batch)
        limited = partial(limit_threads, 1 if len(runners) > 1 else alone)
        runners = _quickened(runners, first, limited)
        limited()
        answered = ("the outputs are probabilities already, so no softmax was applied",)
        weights = runner.weights()
        code = used_files(base)
        head = Head(
            subject=subject,
            device=chosen.runner.device,
            backend=chosen.runner.backend,
            notes=(
                *(*notes, *transform.assumed),
                *(() if first.are_logits else answered),
                *chosen.notes,
            ),
            nonfinite_tensors=weights.nonfinite,
            walls=weights.walls,
            batch=first.batch,
            are_logits=first.are_logits,
            alone=first.alone,
            disagreements=first.disagreements,
            code_sha256=code_digest(code),
            code=code,
            gap=chosen.gap,
        )
        yield Worker(
            head,
            datasets,
            Pass(
                transform=transform,
                runners=runners,
                are_logits=first.are_logits,
                batch=first.batch,
                threads=job.threads,
                start=limited,
                held=job.held,
                known=None if job.cache is None else KnownPrints(job.cache),
            ),
        )
