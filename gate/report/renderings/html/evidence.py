"""The evidence beside a report: taken only where it is of the same run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import EvidenceError
from gate.report.model import Report

if TYPE_CHECKING:
    from gate.evidence.records import Evidence, Rows


@dataclass(frozen=True, slots=True)
class Beside:
    """What the evidence adds to a report; without evidence, why there is none."""

    evidence: "Evidence | None" = None
    missing: str = ""
    pictures: dict[tuple[str, str], bytes] = field(default_factory=dict)  # (split, id) -> PNG
    # (split, id, view) -> PNG
    views: dict[tuple[str, str, str], bytes] = field(default_factory=dict)

    def rows(self) -> "tuple[str, Rows] | None":
        """Return the split that mistakes and scores are shown of, and its rows."""
        if self.evidence is None:
            return None
        splits = {str(split): each.rows for split, each in self.evidence.splits.items()}
        return next(
            ((name, splits[name]) for name in ("test", "validation") if name in splits), None
        )


def read_beside(report: Report, path: Path | None) -> Beside:
    """Return the evidence in ``path`` where it is that of ``report``; never raises for its sake."""
    if path is None:
        return Beside(missing="No evidence lies beside the report")
    from gate.evidence.store import load
    from gate.metrics.operating_point import at_operating_point

    try:
        evidence = load(path)
    except EvidenceError as error:
        return Beside(missing=f"The evidence beside the report cannot be read: {error.fact}")
    measured = {str(split): each.manifest_sha256 for split, each in evidence.splits.items()}
    judged = {str(split): part.manifest_sha256 for split, part in report.data.items()}
    sha256 = evidence.subject.sha256 if evidence.subject else None
    if measured != judged or sha256 != report.subject.sha256:
        return Beside(missing="The evidence beside the report is of another run")
    return Beside(
        at_operating_point(evidence),
        pictures={
            (str(each.split), each.id): each.png for each in evidence.pictures if not each.view
        },
        views={
            (str(each.split), each.id, each.view): each.png
            for each in evidence.pictures
            if each.view
        },
    )
