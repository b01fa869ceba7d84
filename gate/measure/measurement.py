"""A measurement turns checkpoint, splits, overlaps and history into evidence."""

import contextlib
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gate.evidence.records import Evidence, History, Split
from gate.measure.champion import champion_of
from gate.measure.configuration import configuration_of
from gate.measure.evidence_builder import EvidenceBuilder
from gate.measure.model_evidence import measure_model
from gate.measure.progress import Progress
from gate.measure.settings import MeasureSettings
from gate.policy.needs import Need
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
    progress: Progress,
    needs: Sequence[Need] = (),
) -> Evidence:
    """Return everything that the gate file's subject shows on its data, and what a policy needs.

    What cannot be measured is a failure in the evidence; the rest is measured all the same.
    """
    found = EvidenceBuilder(environment=_environment())
    tables = {split: each for split, each in datasets.items() if isinstance(each, PredictionTable)}
    pictures = {
        split: each for split, each in datasets.items() if not isinstance(each, PredictionTable)
    }
    for each in datasets.values():
        found.assumed += [note for note in each.assumed if note not in found.assumed]
    for note in find_shadowed((each.spec for each in gatefile.factories()), gatefile.base):
        progress.warn(note)
        found.assumed.append(note)
    if not gatefile.classes:
        first = ", ".join(classes[:5]) + (" ..." if len(classes) > 5 else "")
        found.assumed.append(f"class order as the data gives it: {first}")
    with found.failing(), contextlib.redirect_stdout(sys.stderr):  # user code may print
        if tables:
            from gate.measure.saved_predictions import measure_table

            found.assumed.append("saved predictions were judged; no checkpoint was run")
            found.splits = {split: measure_table(split, each) for split, each in tables.items()}
        if pictures:
            measure_model(gatefile, pictures, classes, settings, progress, found, needs)
            if settings.images:
                from gate.measure.sample_images import keep_pictures

                found.pictures = keep_pictures(pictures, found.splits, found.overlaps)
    with found.failing():
        ran = {} if found.failures else found.code  # what did not come to an end is not compared
        found.configuration = configuration_of(gatefile, ran)
    with found.failing():
        found.history = _history(gatefile)
    with found.failing():
        found.baseline = champion_of(gatefile, classes, found.splits)
    return Evidence(
        classes=classes,
        critical=gatefile.critical,
        splits=found.splits,
        overlaps=found.overlaps,
        subject=found.subject,
        probe=found.probe,
        history=found.history,
        baseline=found.baseline,
        failures=tuple(found.failures),
        assumed=tuple(found.assumed),
        environment=found.environment,
        pictures=found.pictures,
        configuration=found.configuration,
        measured_at=found.measured_at,
        answers_from_cache=found.answers_from_cache,
    )


def _history(gatefile: GateFile) -> History | None:
    """Return the history, under the path that the gate file gives it."""
    said = gatefile.history
    if said is None:
        return None
    # What a flag said may be no UTF-8, which a text that is checked must be.
    told = HistorySpec(path=".").model_copy(update={"path": said})
    spec = told if isinstance(said, str) else said
    history = read_history(
        gatefile.base / spec.path,
        format=spec.format,
        train_loss=spec.train_loss,
        validation=spec.columns_of_validation,
    )
    epoch = history.checkpoint_epoch if spec.checkpoint_epoch is None else spec.checkpoint_epoch
    return replace(history, path=as_utf8(spec.path), checkpoint_epoch=epoch)


def _environment() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "scipy", "scikit-learn", "pillow")
    return {
        "python": platform.python_version(),
        "platform": platform.system(),
        **{name: version(name) for name in packages},
        "seed": "0",
    }
