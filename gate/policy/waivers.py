"""Waivers: failures that somebody accepted in writing, for one checkpoint and for a while.

A waiver is a document of its own, because another person owns it than owns the policy. Whether one
holds is decided in :func:`ruling` and nowhere else.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gate.checks.base import Operator, Outcome
from gate.documents.document import Document, read_document
from gate.documents.source_text import refuse
from gate.documents.validation import validate
from gate.errors import Fault
from gate.keys import is_one_person, is_somebody, name_key
from gate.policy.model import ID_PATTERN, Policy
from gate.wording import quote

_LONGEST_TEXT = 500  # characters of a reason; more is a document, and has a link


def _is_a_day(text: str) -> str:
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        try:
            date.fromisoformat(text)
        except ValueError:
            pass
        else:
            return text
    raise ValueError(f"{quote(text)} is no day; write YEAR-MONTH-DAY, such as 2026-09-30")


def _is_somebody(name: str) -> str:
    if is_somebody(name):
        return name
    raise ValueError("this names nobody; write the name or the account of a person")


Day = Annotated[str, AfterValidator(_is_a_day)]
Person = Annotated[str, AfterValidator(_is_somebody)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Waiver(_Strict):
    """One failure of one checkpoint, accepted by another person than asked for it."""

    result: Annotated[str, AfterValidator(name_key)] = Field(
        pattern=rf"^{ID_PATTERN}(\[.+\])?$",
        description="The key of the result as the report shows it: the rule and its scope, such as "
        "recall[class=tumour].",
    )
    checkpoint: str = Field(
        pattern="^[0-9a-f]{64}$",
        description="The SHA-256 of the checkpoint, in 64 small hexadecimal digits; no other is "
        "waived.",
    )
    floor: float = Field(
        description="The worst value that is accepted: the least of what should be high, the most "
        "of what should be low. Beyond it the waiver is void."
    )
    reason: str = Field(
        min_length=1, max_length=_LONGEST_TEXT, description="Why the failure is accepted."
    )
    ticket: str = Field(
        min_length=1, max_length=_LONGEST_TEXT, description="Where the case is discussed."
    )
    requested_by: Person = Field(min_length=1, description="Who asked for it.")
    approved_by: Person = Field(min_length=1, description="Who accepted it: another person.")
    approved_on: Day = Field(description="The day it was accepted on, such as 2026-07-01 (UTC).")
    expires: Day = Field(description="The last day that it holds on, such as 2026-09-30 (UTC).")

    @model_validator(mode="after")
    def _two_people_and_a_while(self) -> "Waiver":
        if is_one_person(self.requested_by, self.approved_by):
            raise ValueError(
                "who asks for a waiver cannot approve it; name another person in approved_by"
            )
        if self.days < 1:
            raise ValueError("the waiver expires before it is approved; mend expires")
        return self

    @property
    def days(self) -> int:
        """For how many days it holds, the first and the last included."""
        first, last = date.fromisoformat(self.approved_on), date.fromisoformat(self.expires)
        return (last - first).days + 1


class WaiverSet(_Strict):
    """A document of waivers."""

    api_version: Literal["gate/v1"] = Field(
        alias="apiVersion", description="The version of the format: gate/v1."
    )
    kind: Literal["WaiverSet"] = Field(description="What the document is: WaiverSet.")
    owner: str | None = Field(
        None, min_length=1, description="Who keeps the document: a person, a team, an address."
    )
    waivers: tuple[Waiver, ...] = Field(description="The failures that are accepted.")


@dataclass(frozen=True, slots=True)
class PlacedWaiver:
    """A waiver and where it stands, lines and columns from 1."""

    waiver: Waiver
    file: str
    line: int
    column: int


class Standing(StrEnum):
    """What becomes of a waiver in one run."""

    APPLIED = "applied"
    EXPIRED = "expired"
    UNUSED = "unused"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Case:
    """What a waiver is held against: one result of a run."""

    rule: str
    outcome: Outcome
    value: float | None
    operator: Operator
    checkpoint: str | None  # None where no checkpoint was run


@dataclass(frozen=True, slots=True)
class Ruling:
    """What became of a waiver, and why, in a clause."""

    placed: PlacedWaiver
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Waivers, the policy on whose terms they hold, and the time of the run (with its zone)."""

    waivers: tuple[PlacedWaiver, ...]
    policy: Policy
    now: datetime

    def on(self, placed: PlacedWaiver, case: Case | None) -> Ruling:
        """Return what becomes of a waiver; ``case`` is the result that it names, or None."""
        return Ruling(placed, *ruling(placed.waiver, case, self.policy, self.now))


def ruling(
    waiver: Waiver, case: Case | None, policy: Policy, now: datetime
) -> tuple[Standing, str]:
    """Return whether a waiver holds at ``now``, a time with its zone, and why.

    Only an open or failed result with a value is ever waived: an error says that nothing was
    judged, and what has no value is not known to be above the floor.
    """
    today = now.astimezone(UTC).date()
    if today > date.fromisoformat(waiver.expires):
        return Standing.EXPIRED, f"it expired at the end of {waiver.expires}"
    if case is None:
        return Standing.UNUSED, "this run has no such result"
    if case.outcome in (Outcome.PASSED, Outcome.WAIVED):
        return Standing.UNUSED, "the result passed"
    if case.outcome is Outcome.NOT_APPLICABLE:
        return Standing.UNUSED, "the rule is not applicable to what was judged"
    why_not = _void(waiver, case, policy, today)
    if why_not:
        return Standing.REJECTED, why_not
    return Standing.APPLIED, f"until the end of {waiver.expires}"


def _void(waiver: Waiver, case: Case, policy: Policy, today: date) -> str:
    """Return why a waiver in time does not hold for an open or failed result, else nothing."""
    if case.checkpoint is None:
        return "no checkpoint was run, so it cannot be the one that is waived"
    if case.checkpoint != waiver.checkpoint:
        return f"it is for another checkpoint; the one that was run is {case.checkpoint}"
    if case.outcome is Outcome.ERROR:
        return "an error is never waived: nothing was judged"
    if case.rule in policy.non_waivable:
        return f"the policy does not allow to waive {case.rule}"
    if date.fromisoformat(waiver.approved_on) > today:
        return f"it is approved on {waiver.approved_on}, which is still to come"
    if waiver.days > policy.max_waiver_days:
        return (
            f"it holds for {waiver.days} days, and the policy allows {policy.max_waiver_days}; "
            "let it expire earlier and ask again"
        )
    if case.value is None:
        return "nothing was measured, so the floor is not known to be kept"
    kept = (
        case.value >= waiver.floor if case.operator in (">=", ">") else case.value <= waiver.floor
    )
    return "" if kept else f"the value {case.value:.6g} is beyond its floor {waiver.floor:g}"


def read_waivers(paths: Sequence[str], *, base: Path | None = None) -> tuple[PlacedWaiver, ...]:
    """Return the waivers of all documents, in their order; paths are relative to ``base``.

    Raises UsageError where a document is not there, and DocumentError with all faults of all.
    """
    placed: list[PlacedWaiver] = []
    faults: list[Fault] = []
    first: dict[tuple[str, str], PlacedWaiver] = {}
    for path in paths:
        found, more = _read(path, base)
        faults += more
        for document, index, each in found:
            key = each.waiver.result, each.waiver.checkpoint
            before = first.setdefault(key, each)
            if before is not each:
                fact = f"this result is already waived in {before.file}:{before.line}"
                place = ("waivers", index, "result")
                faults.append(document.fault(place, fact, "delete one of the two"))
            placed.append(each)
    refuse(faults)
    return tuple(placed)


def _read(
    path: str, base: Path | None
) -> tuple[list[tuple[Document, int, PlacedWaiver]], list[Fault]]:
    where = (base or Path()) / path
    document, faults = read_document(where, str(where), "WaiverSet")
    values, more = validate(WaiverSet, document.root, document.source)
    return list(_place(document, values)), faults + more


def _place(
    document: Document, values: WaiverSet | None
) -> Iterator[tuple[Document, int, PlacedWaiver]]:
    for index, waiver in enumerate(values.waivers if values else ()):
        line, column = document.place(("waivers", index))
        yield document, index, PlacedWaiver(waiver, document.source.file, line, column)


def as_record(ruling: Ruling) -> dict[str, Any]:
    """Return a ruling as the report lists it."""
    placed = ruling.placed
    place = {"file": placed.file, "line": placed.line, "column": placed.column}
    return {**placed.waiver.model_dump(), "why": ruling.why, "location": place}
