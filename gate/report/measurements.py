"""Measurements in the report: those that rules need beside the model's answers."""

from hashlib import sha256

from gate.evidence.kept_scores import KeptScores
from gate.evidence.records import Evidence, SplitEvidence
from gate.report.canonical import canonical
from gate.report.model import MeasurementPart


def measurement_parts(evidence: Evidence) -> list[MeasurementPart]:
    """Return a part for each measurement of each split, in the order of the keys."""
    return [
        MeasurementPart(
            key=key,
            split=split.split.value,
            columns=sorted({*split.rows.observed(key), *_kept(split, key)}),
            facts=dict(known.facts),
            summary=known.summary,
            sha256=_digest(split, key),
        )
        for split in evidence.splits.values()
        for key, known in sorted(split.measurements.items())
    ]


def _kept(split: SplitEvidence, key: str) -> dict[str, KeptScores]:
    return {name: kept for (of, name), kept in split.rows.kept.items() if of == key}


def _digest(split: SplitEvidence, key: str) -> str:
    """Return the SHA-256 over what was observed on each image, with the names of the images."""
    digest = sha256(canonical(split.rows.ids.tolist()))
    for name, values in sorted(split.rows.observed(key).items()):
        digest.update(canonical([name, values.dtype.str[1:]]))
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
    for name, kept in sorted(_kept(split, key).items()):
        digest.update(canonical([name, str(kept.values.dtype.str[1:])]))
        digest.update(kept.known.tobytes())
        digest.update(kept.of_known.tobytes())
    return digest.hexdigest()
