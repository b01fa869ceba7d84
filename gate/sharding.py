"""One share of a measurement, for another process to join: what `validate-model shard` does."""

import contextlib
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from gate.errors import OutputError, UsageError, refuse_address
from gate.evidence.files import remove_unfinished_files
from gate.evidence.records import Split
from gate.measure.cache_location import usable
from gate.measure.partials.shard_files import shard_name, write_shard
from gate.measure.partials.work_units import share_of
from gate.measure.planning import measure_units, plan_measurement
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.policy.needs import needs_of
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.gatefile import GateFile
from gate.subject.named_policy import policy_of
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
    subject.require_complete()
    needs = needs_of(policy_of(subject).policy.rules)
    opened, classes = open_splits(subject)
    subject.require_critical(classes)
    datasets: dict[Split, Dataset] = {}
    for split, each in opened.items():
        if isinstance(each, PredictionTable):
            raise UsageError(
                each.path, "is of saved predictions", "judge them with `validate-model run`"
            )
        datasets[split] = each
    settings = replace(settings, cache=usable(settings.cache, progress.warn))
    plan, job = plan_measurement(subject, datasets, classes, settings, needs)
    units = share_of(plan.units, index=index, of=of)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(str(out), error, "name another folder with --out") from error
    remove_unfinished_files(out)
    path = out / shard_name(plan, index=index, of=of)
    with (
        progress.stage("images", sum(map(len, units))) as advance,
        contextlib.redirect_stdout(sys.stderr),  # user code may print
    ):
        found = measure_units(plan, job, units, datasets, settings, progress, advance)
        images = write_shard(path, plan, found)
    return Written(path, images, plan.images)
