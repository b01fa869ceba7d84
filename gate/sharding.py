"""One share of a measurement, for another process to join (``validate-model shard``)."""

import contextlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gate.errors import OutputError, UsageError, refuse_address
from gate.evidence.files import remove_unfinished_files
from gate.evidence.records import Split
from gate.measure.cache_location import usable
from gate.measure.engines import open_engine
from gate.measure.model_evidence import by_pass, places_of
from gate.measure.partials.job import Job
from gate.measure.partials.plan import Plan
from gate.measure.partials.requests import requests_of
from gate.measure.partials.shard_files import shard_name, write_shard
from gate.measure.partials.work_units import share_of
from gate.measure.planning import plan_measurement
from gate.measure.progress import Progress
from gate.measure.second_pass import SecondPass, plan_second_pass, survey
from gate.measure.settings import MeasureSettings
from gate.measure.unit_results import unit_results
from gate.policy.needs import Need, artefacts_wanted, needs_of
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.gatefile import GateFile
from gate.subject.named_documents import policy_of
from gate.subject.sources.resolution import resolve
from gate.subject.splits import open_splits


@dataclass(frozen=True, slots=True)
class Written:
    """A shard on disk."""

    path: Path
    images: int  # that it stands for
    of_images: int  # in all shards together
    again: Path | None = None  # the shard of the second pass, where rules ask the model again


def measure_shard(
    subject: GateFile,
    out: Path,
    *,
    index: int,
    of: int,
    settings: MeasureSettings,
    progress: Progress,
) -> Written:
    """Measure share ``index`` of ``of`` and return the file that holds it.

    What the rules of its policy need is measured too. Raises UsageError where the gate file or the
    policy is wrong, SubjectError where the model or the data does
    not let it be measured, OutputError where the disk does not take it. Then nothing is written.
    """
    refuse_address(out, "--out")
    resolution = resolve(subject)
    if resolution.failure is not None:
        raise resolution.failure
    subject = resolution.gatefile
    document = policy_of(subject)
    once, again = by_pass(needs_of(document.policy.rules))
    subject = subject.bound_by(document)
    subject.require_artefacts(artefacts_wanted(again))
    engine = open_engine(settings.engine, settings.workers)
    with engine.start_ahead():
        datasets, classes = _datasets_of(subject)
        cache = usable(settings.cache, progress.warn)
        plan, job = plan_measurement(subject, datasets, classes, settings, once, again)
        folder = _prepared(out)

        def measure(stage: str, plan: Plan, job: Job, data: Mapping[Split, Dataset]) -> _Share:
            units = share_of(plan.units, index=index, of=of)
            path = folder / shard_name(plan, index=index, of=of)
            with (
                progress.stage(stage, sum(map(len, units))) as advance,
                contextlib.redirect_stdout(sys.stderr),  # user code may print
            ):
                results = unit_results(
                    plan, job, units, data,
                    engine=engine, cache=cache, progress=progress, advance=advance,
                )  # fmt: skip
                return path, write_shard(path, plan, results)

        path, images = measure("images", plan, job, datasets)
        first = places_of(document.policy.critical, job.classes)
        second = _second_pass(plan, job, again, subject, datasets, first, progress)
        shard_again = None if second is None else measure("views", *second)[0]
    return Written(path, images, plan.images, shard_again)


_Share = tuple[Path, int]  # the file, and the images that it stands for


def _second_pass(
    plan: Plan,
    job: Job,
    needs: Sequence[Need],
    subject: GateFile,
    datasets: Mapping[Split, Dataset],
    asked_first: frozenset[int],
    progress: Progress,
) -> SecondPass | None:
    """Return what is asked again; every shard surveys all images, to choose the same samples."""
    if not needs:
        return None
    known = {}
    for split in {Split(name) for need in needs for name in need.splits} & datasets.keys():
        dataset = datasets[split]
        with progress.stage(f"survey of {split}", len(dataset.entries)) as advance:
            known[split] = survey(dataset, subject.input, subject.base, advance)
    return plan_second_pass(
        plan, job, requests_of(needs), known, datasets, subject.input, asked_first
    )


def _datasets_of(subject: GateFile) -> tuple[dict[Split, Dataset], tuple[str, ...]]:
    """Return the splits and the classes; raises UsageError for saved predictions."""
    opened, classes = open_splits(subject)
    subject.require_critical(classes)
    datasets: dict[Split, Dataset] = {}
    for split, each in opened.items():
        if isinstance(each, PredictionTable):
            raise UsageError(
                each.path, "is of saved predictions", "judge them with `validate-model run`"
            )
        datasets[split] = each
    return datasets, classes


def _prepared(out: Path) -> Path:
    """Return the folder for shards, without what a killed process left unfinished in it."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(str(out), error, "name another folder with --out") from error
    remove_unfinished_files(out)
    return out
