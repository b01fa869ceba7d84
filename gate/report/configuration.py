"""The configuration behind a verdict, and the digests that pin it."""

from dataclasses import asdict
from hashlib import sha256
from typing import Any

from gate.evidence.operating_point import OperatingPoint
from gate.evidence.records import Baseline, Evidence, Rows
from gate.report.canonical import canonical, decimal
from gate.report.model import ChampionPart, ConfigurationPart

PINNED = (
    *("input", "output", "weights", "operating_point"),
    *("slices", "groups", "code", "plugins"),
)


def configuration_part(evidence: Evidence) -> ConfigurationPart:
    """Return the configuration of a report; the same for equal runs, wherever they were made."""
    parts: dict[str, Any] = {
        **asdict(evidence.configuration),
        "operating_point": decision_part(evidence.configuration.operating_point),
        "slices": {name.value: list(each.rows.slices) for name, each in evidence.splits.items()},
        "plugins": dict(evidence.plugins),
    }
    return ConfigurationPart(
        classes=list(evidence.classes),
        critical=list(evidence.critical),
        champion=None if evidence.baseline is None else _champion(evidence.baseline),
        digests={name: sha256(canonical(parts[name])).hexdigest() for name in PINNED},
        **parts,
    )


def decision_part(point: OperatingPoint | None) -> dict[str, Any] | None:
    """Return what of an operating point decides, its thresholds as decimal strings.

    Not how they were found: a threshold is the same threshold, whoever found it.
    """
    if point is None:
        return None
    order = [
        {
            "class": each.class_name,
            "at_least": None if each.at_least is None else decimal(each.at_least),
        }
        for each in point.order
    ]
    return {"order": order, "otherwise": point.otherwise}


def _champion(champion: Baseline) -> ChampionPart:
    """Return what is known of a champion: its checkpoint, and its answers under one digest."""
    digest = sha256(canonical([champion.sha256, sorted(champion.rows)]))
    for _, rows in sorted(champion.rows.items()):
        digest.update(_answers(rows))
    return ChampionPart(checkpoint=champion.sha256, evidence=digest.hexdigest())


def _answers(rows: Rows) -> bytes:
    return sha256(
        b"\0".join(
            (
                canonical(rows.ids.tolist()),
                rows.labels.astype("<i4").tobytes(),
                rows.predictions.astype("<i4").tobytes(),
                rows.confidence.astype("<f8").tobytes(),
            )
        )
    ).digest()
