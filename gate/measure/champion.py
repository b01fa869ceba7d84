"""The champion's answers, from the evidence that its own run left."""

from collections.abc import Mapping

from gate.errors import EvidenceError
from gate.evidence.records import Baseline, Rows, Split, SplitEvidence
from gate.evidence.store import load
from gate.subject.gatefile import GateFile


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
    evidence = load(path.parent if path.suffix == ".json" else path)
    if evidence.classes != classes:
        raise EvidenceError(
            f"baseline {gatefile.baseline}",
            f"the champion has the classes {_listed(evidence.classes)}, this model has "
            f"{_listed(classes)}",
            "measure the champion with the same classes, in the same order",
        )
    rows = {
        split: _same_images(evidence.splits[split], measured, gatefile.baseline)
        for split, measured in splits.items()
        if split in evidence.splits
    }
    sha256 = evidence.subject.sha256 if evidence.subject else None
    return Baseline(gatefile.baseline, sha256, rows)


def _same_images(champion: SplitEvidence, measured: SplitEvidence, path: str) -> Rows:
    """Return the champion's rows of one split; raises EvidenceError where it saw other images."""
    told_by_predictions = "predictions" in (champion.format, measured.format)
    if told_by_predictions:  # their digest covers the scores, which differ between two models
        same = dict(zip(champion.rows.ids, champion.rows.labels, strict=True)) == dict(
            zip(measured.rows.ids, measured.rows.labels, strict=True)
        )
    else:
        same = champion.manifest_sha256 == measured.manifest_sha256
    if not same:
        raise EvidenceError(
            f"baseline {path}",
            f"the champion was measured on another {measured.split} set",
            f"run the champion's checkpoint on {measured.path}, and name that evidence",
        )
    return champion.rows


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
