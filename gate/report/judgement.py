"""The record of how evidence was judged, in a file beside report and evidence.

Whoever attests a verdict judges the evidence again by it, and signs what comes of that.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from gate.decision import judge
from gate.evidence.records import Evidence
from gate.evidence.regular import LARGEST_EVIDENCE, sha256_of_database
from gate.policy.binding import bind
from gate.policy.record import PolicyRecord, place_of, sha256_said
from gate.policy.waivers import Acceptance, PlacedWaiver, Waiver
from gate.report.build import build
from gate.report.model import Report

FILE_NAME = "judged.json"
_VERSION = 1
_MODES = {"enforce": True, "audit": False}


@dataclass(frozen=True, slots=True)
class Judgement:
    """A policy, the waivers that were given, and whether the verdict was enforced."""

    policy: PolicyRecord
    waivers: tuple[PlacedWaiver, ...] = ()
    enforced: bool = True

    def report_on(
        self, evidence: Evidence, *, at: datetime, run: Callable[[], Mapping[str, Any]]
    ) -> Report:
        """Return the report on evidence, its waivers ruled on at a time (with its zone).

        ``run`` gives the volatile part of the report; it is asked when everything is decided.
        Raises EvidenceError where fitted thresholds are not those that the evidence gives.
        """
        bound = bind(evidence, self.policy.policy)
        acceptance = Acceptance(self.waivers, self.policy.policy, now=at)
        decision = judge(
            self.policy.policy.rules, bound, enforced=self.enforced, acceptance=acceptance
        )
        return build(decision, bound, self.policy, run())


@dataclass(frozen=True, slots=True)
class Judged:
    """A judgement and the SHA-256 of the evidence file that it is of."""

    judgement: Judgement
    evidence_sha256: str

    def to_json(self) -> str:
        """Return what :meth:`from_json` reads, as indented JSON with a final line break."""
        judgement = self.judgement
        document = {
            "version": _VERSION,
            "evidence_sha256": self.evidence_sha256,
            "mode": "enforce" if judgement.enforced else "audit",
            "policy": judgement.policy.as_json(),
            "waivers": [_place(each) for each in judgement.waivers],
        }
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: bytes) -> Self:
        """Return what was written.

        Raises ValueError (pydantic's and json's are some), LookupError, TypeError, AttributeError
        or RecursionError for anything else, and for a policy whose digest is not that of its rules.
        """
        said = json.loads(text)
        json.dumps(said, ensure_ascii=False).encode()  # a half of a character is no text
        if said["version"] != _VERSION:
            raise ValueError(f"this is no record of version {_VERSION}")
        policy = PolicyRecord.from_json(said["policy"])
        waivers = tuple(_waivers(said["waivers"]))
        judgement = Judgement(policy, waivers, _MODES[said["mode"]])
        return cls(judgement, sha256_said(said["evidence_sha256"]))


def sha256_of(evidence: Path) -> str:
    """Return the SHA-256 of an evidence file.

    Raises OSError where it cannot be read, and IrregularError for what no evidence can be: a pipe,
    a device, a file that is not as long as it says.
    """
    return sha256_of_database(evidence, most=LARGEST_EVIDENCE)


def _place(placed: PlacedWaiver) -> dict[str, Any]:
    waiver = placed.waiver.model_dump()
    return {"file": placed.file, "line": placed.line, "column": placed.column, "waiver": waiver}


def _waivers(said: list[dict[str, Any]]) -> Iterator[PlacedWaiver]:
    seen = set()
    for each in said:
        waiver = Waiver.model_validate(each["waiver"])
        key = waiver.result, waiver.checkpoint
        if key in seen:
            raise ValueError("a result is waived twice")
        seen.add(key)
        yield PlacedWaiver(waiver, *place_of([each["file"], each["line"], each["column"]]))
