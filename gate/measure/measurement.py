"""A measurement turns checkpoint, splits, overlaps and history into evidence."""

import contextlib
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

from gate.evidence.records import Evidence, History, Split
from gate.measure.champion import champion_of
from gate.measure.configuration import configuration_of
from gate.measure.engines.engine import Engine
from gate.measure.evidence_builder import EvidenceBuilder
from gate.measure.model_evidence import measure_model
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need, artefacts_wanted
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.gatefile import GateFile, HistorySpec
from gate.subject.histories import read_history
from gate.subject.shadows import find_shadowed
from gate.utf8 import as_utf8


def measure(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset | PredictionTable],
    classes: tuple[str, ...],
    *,
    settings: MeasureSettings,
    engine: Engine | None,
    progress: Progress,
    needs: Sequence[Need] = (),
    asked_first: Sequence[str] = (),
) -> Evidence:
    """Return everything that the gate file's subject shows on its data, and what a policy needs.

    ``asked_first`` are the classes that the policy calls critical: first in what is asked again.
    ``engine`` is None where no model is run: for saved predictions and merged shards.
    What cannot be measured is a failure in the evidence; the rest is measured all the same.
    """
    builder = EvidenceBuilder(environment=dict(_environment()))
    tables = {split: each for split, each in datasets.items() if isinstance(each, PredictionTable)}
    pictures = {
        split: each for split, each in datasets.items() if not isinstance(each, PredictionTable)
    }
    builder.assumed += _assumed(gatefile, datasets, classes, progress)
    builder.assumed += _not_compared(gatefile, needs)
    with builder.failing(), contextlib.redirect_stdout(sys.stderr):  # user code may print
        if tables:
            from gate.measure.cache_location import usable
            from gate.measure.saved_predictions import compare_tables, measure_table

            builder.assumed.append("saved predictions were judged; no checkpoint was run")
            builder.splits = {split: measure_table(split, each) for split, each in tables.items()}
            found = compare_tables(
                builder.splits,
                tables,
                gatefile.data.given(),
                gatefile.base,
                cache=usable(settings.cache, progress.warn),
                progress=progress,
            )
            builder.overlaps = found.overlaps
            builder.assumed += found.notes
        if pictures:
            measure_model(
                gatefile, pictures, classes, settings, engine, progress, builder, needs, asked_first
            )
            if settings.images:
                from gate.measure.sample_images import keep_pictures

                builder.pictures = keep_pictures(
                    pictures, builder.splits, builder.overlaps, gatefile.input
                )
    with builder.failing():
        ran = {} if builder.failures else builder.code  # what did not come to an end: not compared
        builder.configuration = configuration_of(gatefile, ran)
    with builder.failing():
        builder.history = _history(gatefile)
    with builder.failing():
        builder.baseline = champion_of(gatefile, classes, builder.splits)
    return builder.evidence(classes, gatefile.critical, gatefile.parents)


def _assumed(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset | PredictionTable],
    classes: tuple[str, ...],
    progress: Progress,
) -> list[str]:
    """Return what a reader of the numbers must know before anything is measured, each once."""
    notes = list(dict.fromkeys(note for each in datasets.values() for note in each.assumed))
    for note in find_shadowed((each.spec for each in gatefile.factories()), gatefile.base):
        progress.warn(note)
        notes.append(note)
    if doubt := gatefile.input.doubt:
        progress.warn(f"input: {doubt}")
        notes.append(f"input: {doubt}")
    notes += gatefile.origins
    if not gatefile.classes:
        first = ", ".join(classes[:5]) + (" ..." if len(classes) > 5 else "")
        notes.append(f"class order as the data gives it: {first}")
    return notes


def _not_compared(gatefile: GateFile, needs: Sequence[Need]) -> Iterator[str]:
    """Yield a note for each artefact that is deployed, perhaps, and that no rule looks at."""
    wanted = artefacts_wanted(needs)
    for name in gatefile.artefacts:
        if name not in wanted:
            yield f"artefact {name} is not judged: no rule of the policy names it (see parity)"


def _history(gatefile: GateFile) -> History | None:
    """Return the history, under the path that the gate file gives it."""
    given = gatefile.history
    if given is None:
        return None
    # What a flag says may be no UTF-8, which a text that is checked must be.
    by_path = HistorySpec(path=".").model_copy(update={"path": given})
    spec = by_path if isinstance(given, str) else given
    history = read_history(
        gatefile.base / spec.path,
        format=spec.format,
        train_loss=spec.train_loss,
        validation=spec.columns_of_validation,
    )
    epoch = history.checkpoint_epoch if spec.checkpoint_epoch is None else spec.checkpoint_epoch
    return replace(history, path=as_utf8(spec.path), checkpoint_epoch=epoch)


@cache  # nothing of it changes while a process runs
def _environment() -> Mapping[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "scipy", "scikit-learn", "pillow")
    return {
        "python": platform.python_version(),
        "platform": platform.system(),
        **{name: version(name) for name in packages},
        "seed": "0",
    }
