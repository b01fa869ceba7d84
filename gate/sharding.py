"""One share of a measurement, for another process to join (``validate-model shard``)."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path

from gate.errors import OutputError, UsageError, refuse_address
from gate.evidence.files import remove_unfinished_files
from gate.evidence.records import Split
from gate.measure.cache_location import usable
from gate.measure.engines import open_engine
from gate.measure.partials.shard_files import shard_name, write_shard
from gate.measure.partials.work_units import share_of
from gate.measure.planning import plan_measurement
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.measure.unit_results import unit_results
from gate.policy.needs import needs_of
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
    needs = needs_of(policy_of(subject).policy.rules)
    engine = open_engine(settings.engine, settings.workers)
    with engine.start_ahead():
        datasets, classes = _datasets_of(subject)
        cache = usable(settings.cache, progress.warn)
        plan, job = plan_measurement(subject, datasets, classes, settings, needs)
        units = share_of(plan.units, index=index, of=of)
        path = _prepared(out) / shard_name(plan, index=index, of=of)
        with (
            progress.stage("images", sum(map(len, units))) as advance,
            contextlib.redirect_stdout(sys.stderr),  # user code may print
        ):
            results = unit_results(
                plan, job, units, datasets,
                engine=engine, cache=cache, progress=progress, advance=advance,
            )  # fmt: skip
            images = write_shard(path, plan, results)
    return Written(path, images, plan.images)


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
