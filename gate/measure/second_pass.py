"""A second pass asks the model again about samples, when all images have been answered.

The first pass tells which images there are; of each split a sample is chosen that follows from
their pixels alone, and it is measured like a small split of its own, by the same engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gate.errors import DataError, UsageError
from gate.evidence.kept_scores import KeptScores, is_kept
from gate.evidence.records import MeasurementFacts, Numbers, Split, SplitEvidence
from gate.measure.data_pass.read_images import chunk_of
from gate.measure.parallel.cpu_budget import usable_cores
from gate.measure.parallel.ordered_map import in_order
from gate.measure.partials.job import Job, ResultStream
from gate.measure.partials.partial import PartialResult
from gate.measure.partials.plan import Plan, entries_digest
from gate.measure.partials.requests import MeasurementRequest, columns_of
from gate.measure.partials.samples import KnownImages, SplitSamples, choose_samples
from gate.measure.partials.work_units import MOST, WorkUnit, cut, units_of
from gate.measure.progress import Advance
from gate.subject.datasets.records import Dataset
from gate.subject.inputs import InputSpec, build_transform
from gate.subject.inputs.decoding import decode

_READ_ALIKE = (
    "the model is asked about changed copies of the images that it answered: let each read give "
    "the same image, without random augmentation, and change no data while it is measured"
)
SecondPass = tuple[Plan, Job, dict[Split, Dataset]]


def plan_second_pass(
    plan: Plan,
    job: Job,
    requests: Sequence[MeasurementRequest],
    known: Mapping[Split, KnownImages],
    datasets: Mapping[Split, Dataset],
    spec: InputSpec,
    asked_first: frozenset[int],
) -> SecondPass | None:
    """Return the plan and the job of the second pass, and its data; None: nothing is asked again.

    ``requests`` are the measurements that ask again, ``known`` the images that can be read, and
    ``asked_first`` the classes that come first in a sample.
    """
    samples = {
        split: _samples_of(split, requests, images, datasets[split], spec, asked_first)
        for split, images in known.items()
        if any(split in each.splits for each in requests)
    }
    if not samples:
        return None
    sampled: dict[Split, Dataset] = {
        split: each.of(datasets[split]) for split, each in samples.items()
    }
    document = {
        **plan.document,
        "samples": {split.value: each.describe() for split, each in samples.items()},
        "splits": {
            split.value: {**plan.document["splits"][split.value], "entries": entries_digest(each)}
            for split, each in sampled.items()
        },
        "measurements": {each.key: each.describe() for each in requests},
    }
    told = replace(job, measurements=tuple(requests), samples=samples)
    if artefacts := told.artefacts_asked:
        document["artefacts"] = {name: each.describe() for name, each in artefacts.items()}
    second = Plan(document, units_of(sampled))
    told = replace(
        told,
        plan=second.digest,
        images={split: len(each.entries) for split, each in sampled.items()},
        entries=second.entries,
    )
    return second, told, sampled


def _samples_of(
    split: Split,
    requests: Sequence[MeasurementRequest],
    known: KnownImages,
    dataset: Dataset,
    spec: InputSpec,
    asked_first: frozenset[int],
) -> SplitSamples:
    asked = [each for each in requests if split in each.splits]
    sizes = {each.images for each in asked if each.images is not None}
    samples = choose_samples(known, dataset, sizes, asked_first)
    coloured = {each.images for each in asked if each.wants_mean_colour and each.images is not None}
    if not coloured:
        return samples
    return samples.with_mean_colours(dataset, coloured, partial(decode, spec=spec))


def survey(dataset: Dataset, spec: InputSpec, base: Path, advance: Advance) -> KnownImages:
    """Return the images of a split that can be read and prepared, without asking the model.

    For a shard, which measures a part of the split and must choose the same sample as all others.
    Raises UsageError where a user's function prepares the images, for that runs with the model.
    """
    if spec.factory is not None:
        raise UsageError(
            "input.factory",
            "prepares the images, and a rule of the policy asks the model again: a shard cannot "
            "tell which images of the others it can prepare",
            "measure without shards, or declare the input without a factory",
        )
    transform = build_transform(spec, base=base)
    spans = cut(range(len(dataset.entries)), MOST)
    read = partial(chunk_of, dataset, transform)
    names: list[str] = []
    labels: list[int] = []
    pixels: list[bytes] = []
    for chunk in in_order(read, spans, threads=usable_cores()):
        names += [entry.id for entry in chunk.entries]
        labels += chunk.labels.tolist()
        pixels += [each.tobytes() for each in chunk.fingerprints.pixels]
        advance(chunk.size)
    return KnownImages(names, labels, pixels)


def add_observations(
    splits: Mapping[Split, SplitEvidence],
    job: Job,
    units: Sequence[WorkUnit],
    results: ResultStream,
) -> dict[Split, SplitEvidence]:
    """Return the splits with what the second pass observed on the images of the samples.

    Raises SubjectError where a part cannot be measured, DataError where an image of the sample is
    not the one that was answered: who serves others now would choose what the views are of.
    """
    parts: dict[Split, list[PartialResult]] = {}
    before = {
        split: dict(zip(known.names, known.pixels, strict=True))
        for split, known in ((split, KnownImages.of(splits[split])) for split in job.images)
    }
    for unit, (_, part) in zip(units, results, strict=True):
        _require_same_images(splits[unit.split].path, before[unit.split], part)
        parts.setdefault(unit.split, []).append(part)
    return {
        split: _with_observations(each, parts.get(split, ()), job.measurements)
        for split, each in splits.items()
    }


def _require_same_images(path: str, before: Mapping[str, bytes], part: PartialResult) -> None:
    """Raise DataError where images cannot be read again, or have other pixels than before."""
    for lost in part.unreadable:
        fact = f"it could be read once, and not a second time ({lost.reason})"
        raise DataError(f"{path}: {lost.id}", fact, _READ_ALIKE)
    again = zip(part.rows.ids.tolist(), part.fingerprints.pixels, strict=True)
    for name, pixels in again:
        if before[name] != pixels.tobytes():
            fact = "it has other pixels when it is read a second time"
            raise DataError(f"{path}: {name}", fact, _READ_ALIKE)


def _with_observations(
    evidence: SplitEvidence,
    parts: Sequence[PartialResult],
    requests: Sequence[MeasurementRequest],
) -> SplitEvidence:
    asked = [each for each in requests if evidence.split in each.splits]
    if not asked or not parts:
        return evidence
    names = np.concatenate([part.rows.ids for part in parts])
    known: list[str] = evidence.rows.ids.tolist()
    place_of = {name: place for place, name in enumerate(known)}
    places = np.array([place_of[name] for name in names], np.int64)
    observations, kept = dict(evidence.rows.observations), dict(evidence.rows.kept)
    facts = dict(evidence.measurements)
    for request in asked:
        opened = request.open()
        units = [columns_of(part.rows.observations, request.key) for part in parts]
        of_sample = opened.join(units, len(names))
        whole = {
            name: _spread(each, places, len(known))
            for name, each in of_sample.items()
            if not is_kept(each)
        }
        kept |= {
            (request.key, name): KeptScores.spread(each, places, len(known))
            for name, each in of_sample.items()
            if is_kept(each)
        }
        observations |= {(request.key, name): each for name, each in whole.items()}
        rows = replace(evidence.rows, observations={})
        facts[request.key] = MeasurementFacts(request.facts, opened.summarise(whole, rows))
    rows = replace(
        evidence.rows,
        observations=dict(sorted(observations.items())),
        kept=dict(sorted(kept.items())),
    )
    return replace(evidence, rows=rows, measurements=dict(sorted(facts.items())))


def _spread(values: Numbers, places: NDArray[np.int64], rows: int) -> Numbers:
    """Return values as a column of all rows: NaN, or -1, where nothing was observed."""
    column: Numbers = np.full(rows, -1, np.int64)
    if values.dtype.kind == "f":
        column = np.full(rows, np.nan)
    column[places] = values
    return column
