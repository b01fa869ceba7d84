"""The evidence of its own run gives the champion's answers."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from gate.errors import EvidenceError
from gate.evidence.records import Baseline, Rows, Split, SplitEvidence, Strings
from gate.evidence.regular import LARGEST_EVIDENCE, IrregularError, sha256_of_database
from gate.evidence.store import FILE_NAME, load
from gate.subject.gatefile import GateFile
from gate.utf8 import as_utf8
from gate.wording import list_names, quote


def champion_of(
    gatefile: GateFile, classes: tuple[str, ...], splits: Mapping[Split, SplitEvidence]
) -> Baseline | None:
    """Return what the champion answered on the splits that were measured; None without one.

    Raises EvidenceError where its evidence is missing, or speaks of other classes or images.
    """
    if gatefile.baseline is None:
        return None
    path = gatefile.base / gatefile.baseline
    # A report names its evidence by lying beside it.
    path = path.parent if path.suffix == ".json" else path
    evidence = load(path)
    digest = _digest(path / FILE_NAME if path.is_dir() else path, gatefile.baseline)
    if evidence.classes != classes:
        raise EvidenceError(
            f"baseline {gatefile.baseline}",
            f"the champion has the classes {list_names(evidence.classes)}, this model has "
            f"{list_names(classes)}",
            "measure the champion with the same classes, in the same order",
        )
    rows = {
        split: _same_images(evidence.splits[split], measured, gatefile.baseline)
        for split, measured in splits.items()
        if split in evidence.splits and split.is_labelled
    }
    sha256 = evidence.subject.sha256 if evidence.subject else None
    return Baseline(
        as_utf8(gatefile.baseline),
        sha256,
        rows,
        digest,
        operating_point=evidence.configuration.operating_point,
    )


def _digest(file: Path, name: str) -> str:
    try:
        return sha256_of_database(file, most=LARGEST_EVIDENCE)
    except (OSError, IrregularError) as error:
        raise EvidenceError(
            f"baseline {name}", f"it cannot be read: {error}", "measure the champion again"
        ) from error


def _same_images(champion: SplitEvidence, measured: SplitEvidence, path: str) -> Rows:
    """Return the champion's rows of one split; raises EvidenceError where it saw other images."""
    told_by_predictions = "predictions" in (champion.format, measured.format)
    if told_by_predictions:  # their digest covers the scores, which differ between two models
        same = _labels(champion.rows) == _labels(measured.rows)
    else:
        same = champion.manifest_sha256 == measured.manifest_sha256
    if not same:
        raise EvidenceError(
            f"baseline {path}",
            f"the champion was measured {_differently(champion, measured)}",
            f"run the champion's checkpoint on {measured.path} as it is declared now, and name "
            "that evidence",
        )
    return replace(champion.rows, observations={})  # what its rules needed is not compared


def _differently(champion: SplitEvidence, measured: SplitEvidence) -> str:
    """Return how the champion's data differs: in its images, or in what is said of them."""
    theirs, ours = champion.rows, measured.rows
    if _labels(theirs) != _labels(ours):
        return f"on another {measured.split} set"
    if theirs.slices.keys() != ours.slices.keys():
        declared = [
            list_names(tuple(sorted(each))) or "none" for each in (theirs.slices, ours.slices)
        ]
        return f"with the slices {declared[0]} of {measured.split}, this model with {declared[1]}"
    for name in sorted(ours.slices):
        if image := _first_other(theirs, theirs.slices[name], ours, ours.slices[name]):
            return f"with other slices of {measured.split}: {quote(image)} has another {name}"
    if (theirs.groups is None) is not (ours.groups is None):
        return f"{'without' if theirs.groups is None else 'with'} groups of {measured.split}"
    if (
        theirs.groups is not None
        and ours.groups is not None
        and (image := _first_other(theirs, theirs.groups, ours, ours.groups))
    ):
        return f"with other groups of {measured.split}: {quote(image)} has another one"
    return f"on another {measured.split} set: other images, under the same names"


def _first_other(theirs: Rows, column: Strings, ours: Rows, other: Strings) -> str | None:
    """Return the first of our images that has another value; both are of the same images."""
    known = dict(zip(theirs.ids, column, strict=True))
    pairs = zip(ours.ids, other, strict=True)
    return next((str(name) for name, value in pairs if known[name] != value), None)


def _labels(rows: Rows) -> dict[str, int]:
    return dict(zip(rows.ids, rows.labels, strict=True))
