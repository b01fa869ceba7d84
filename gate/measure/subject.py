"""The whole measurement: checkpoint, splits, overlaps and history become evidence."""

import contextlib
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gate.errors import GateError, SubjectError
from gate.evidence.records import (
    Baseline,
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    PairKind,
    Picture,
    Split,
    SplitEvidence,
    Subject,
)
from gate.measure.champion import champion_of
from gate.measure.progress import Device, Progress
from gate.subject.datasets.records import Dataset, PredictionTable
from gate.subject.gatefile import GateFile, HistorySpec, LeakageSpec
from gate.subject.histories import read_history
from gate.subject.inputs import build_transform
from gate.subject.wording import counted, plain

if TYPE_CHECKING:
    from gate.measure.exact import SplitSide


@dataclass(slots=True)
class Findings:
    """What has been measured so far; a failure ends a part and not the whole."""

    splits: dict[Split, SplitEvidence] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    subject: Subject | None = None
    probe: ModelProbe | None = None
    history: History | None = None
    baseline: Baseline | None = None
    failures: list[Failure] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Take down what could not be measured, and go on after the block."""
        try:
            yield
        except SubjectError as error:
            self.failures.append(failure(error))


def failure(error: GateError) -> Failure:
    """Return an error as the evidence keeps it."""
    return Failure(where=error.where, kind=error.kind, message=error.fact, remedy=error.remedy)


def measure(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset | PredictionTable],
    classes: tuple[str, ...],
    *,
    device: Device,
    progress: Progress,
    images: bool = True,
) -> Evidence:
    """Return everything that the gate file's subject shows on its data.

    What cannot be measured is a failure in the evidence; the rest is measured all the same.
    ``images`` says whether small pictures are kept for people to look at.
    """
    found = Findings(environment=_environment())
    tables = {split: each for split, each in datasets.items() if isinstance(each, PredictionTable)}
    pictures = {
        split: each for split, each in datasets.items() if not isinstance(each, PredictionTable)
    }
    for each in datasets.values():
        found.assumed += [note for note in each.assumed if note not in found.assumed]
    if not gatefile.classes:
        first = ", ".join(classes[:5]) + (" ..." if len(classes) > 5 else "")
        found.assumed.append(f"class order as the data gives it: {first}")
    with found.failing(), contextlib.redirect_stdout(sys.stderr):  # user code may print
        if tables:
            from gate.measure.tables import measure_table

            found.assumed.append("saved predictions were judged; no checkpoint was run")
            found.splits = {split: measure_table(split, each) for split, each in tables.items()}
        if pictures:
            _measure_model(gatefile, pictures, classes, device, progress, found)
            if images:
                from gate.measure.pictures import keep_pictures

                found.pictures = keep_pictures(pictures, found.splits, found.overlaps)
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
    )


def _measure_model(
    gatefile: GateFile,
    datasets: Mapping[Split, Dataset],
    classes: tuple[str, ...],
    device: Device,
    progress: Progress,
    found: Findings,
) -> None:
    from gate.measure.loading import Loaded, opened_model
    from gate.measure.predict import Interpreter, measure_split
    from gate.measure.probes import OutputProbe

    assert gatefile.model is not None, "a gate file without saved predictions names a model"
    loaded = Loaded()
    try:
        with opened_model(gatefile.model, classes, device, loaded, base=gatefile.base) as runner:
            found.environment |= {"device": runner.device}
            transform = build_transform(gatefile.input, base=gatefile.base)
            found.assumed += [*loaded.notes, *transform.assumed]
            probe, interpreter = OutputProbe(), Interpreter()
            for split, dataset in datasets.items():
                with progress.stage(split.value, len(dataset.entries)) as advance:
                    found.splits[split] = measure_split(
                        split, dataset, transform, runner, probe, interpreter, advance
                    )
            found.probe = probe.result(runner.weights())
    finally:
        found.subject = loaded.subject
    if interpreter.are_logits is False:
        found.assumed.append("the outputs are probabilities already, so no softmax was applied")
    sides = _sides(found.splits, classes)
    found.overlaps = tuple(_overlaps(sides, progress))
    if gatefile.leakage is not None:
        with found.failing():  # what the hashes have found stands
            _ask_descriptor(gatefile.leakage, gatefile.base, sides, datasets, progress, found)


def _sides(splits: Mapping[Split, SplitEvidence], classes: tuple[str, ...]) -> list["SplitSide"]:
    from gate.measure.exact import SplitSide

    names = np.array(classes, dtype=object)
    return [
        SplitSide(split, each.rows.ids, names[each.rows.labels], each.fingerprints)
        for split, each in ((split, splits[split]) for split in Split if split in splits)
        if each.fingerprints is not None
    ]


def _overlaps(sides: Sequence["SplitSide"], progress: Progress) -> Iterator[Overlap]:
    """Yield what each two splits share, then what each holds twice.

    The earlier one of train, validation and test is side a.
    """
    from gate.measure.overlap import find_duplicates, find_overlap

    pairs = list(combinations(sides, 2))
    with progress.stage("overlap", len(pairs) + len(sides)) as advance:
        for first, second in pairs:
            yield _as_compared(find_overlap(first, second), first, second)
            advance(1)
        for side in sides:
            yield find_duplicates(side, exact_only=True)
            advance(1)


def _as_compared(overlap: Overlap, *sides: "SplitSide") -> Overlap:
    """Return the overlap with the kinds that could be compared at all.

    Of tensors that a user's Dataset gives only the bytes are known: two such splits are compared by
    them, and such a split and one of images by nothing.
    """
    opaque = [
        (side.fingerprints.file == side.fingerprints.pixels).all(axis=1).any() for side in sides
    ]
    if not any(opaque):
        return overlap
    return replace(overlap, compared=(PairKind.BYTES,) if all(opaque) else ())


def _ask_descriptor(
    spec: LeakageSpec,
    base: Path,
    sides: Sequence["SplitSide"],
    datasets: Mapping[Split, Dataset],
    progress: Progress,
    found: Findings,
) -> None:
    """Add the near copies that the user's descriptor sees between splits."""
    from gate.measure import descriptors
    from gate.measure.overlap import with_described
    from gate.subject.checkpoints.onnx import open_onnx

    descriptors.require_feasible(sides)
    transform = build_transform(spec.input(), base=base)
    with open_onnx(base / spec.descriptor, gives="descriptors of the images") as network:
        described = {
            side.split: descriptors.describe(
                side, datasets[side.split], network, transform, progress, every_way=place > 0
            )
            for place, side in enumerate(sides)
        }
    compared = []
    for overlap in found.overlaps:
        a, b = described[overlap.split_a], described[overlap.split_b]
        if a is not b:
            matches = descriptors.described_matches(a, b)
            most = round(1 - descriptors.COPY, 3)
            overlap = with_described(overlap, a.side, b.side, matches, copy=most)
        compared.append(overlap)
    found.overlaps = tuple(compared)
    without = sum(each.without for each in described.values())
    found.assumed.append(
        f"splits were also compared by the descriptor {plain(spec.descriptor)} (sha256 "
        f"{network.identity.sha256}), near from a cosine of {descriptors.COPY} on; "
        f"{counted(without, 'image')} could not be described"
    )


def _history(gatefile: GateFile) -> History | None:
    """Return the history, under the path that the gate file gives it."""
    said = gatefile.history
    if said is None:
        return None
    spec = HistorySpec(path=said) if isinstance(said, str) else said
    history = read_history(
        gatefile.base / spec.path,
        format=spec.format,
        train_loss=spec.train_loss,
        validation_loss=spec.validation_loss,
    )
    epoch = history.checkpoint_epoch if spec.checkpoint_epoch is None else spec.checkpoint_epoch
    return replace(history, path=spec.path, checkpoint_epoch=epoch)


def _environment() -> dict[str, str]:
    from importlib.metadata import version

    packages = ("torch", "numpy", "scipy", "scikit-learn", "pillow")
    return {
        "python": platform.python_version(),
        "platform": platform.system(),
        **{name: version(name) for name in packages},
        "seed": "0",
    }
