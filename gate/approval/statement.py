"""Signed statements, read once their signature holds: the verdict, or its approval."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from gate.approval.strict_json import AmbiguousError, parse
from gate.errors import AttestationError, RefusalCode
from gate.policy.waivers import Day
from gate.report.statement import EXTENSION, PREDICATE_TYPE, STATEMENT_TYPE, Result, result_of
from gate.wording import printable

PLUGIN = "plugin:"  # the names of the entries of the configuration that are of plugins
APPROVAL_TYPE = "urn:validate-model:approval:v1"
TIME_FORMAT = "%Y-%m-%dT%H:%M:%SZ"
_WRITTEN_BY = "make the attestation again with this version of validate-model"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _is_a_time(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
        raise ValueError("this is no time")
    datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
    return text


_Time = Annotated[str, AfterValidator(_is_a_time)]


_Decimal = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?$", max_length=400)]


class _Part(BaseModel):
    """A part of a statement; in-toto obliges its readers to pass over fields they do not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore")


class _Ours(_Part):
    """A part of our own: a field that is not known here may mean that less was accepted."""

    model_config = ConfigDict(extra="forbid")


class _Digest(_Part):
    sha256: Sha256


class _Descriptor(_Part):
    name: str = Field(min_length=1)
    digest: _Digest


class Tool(_Ours):
    """The program that judged."""

    name: str
    version: str


class Plugins(_Ours):
    """Packages beside validate-model that a verdict rests on, with their versions."""

    checks: dict[str, str]  # that the policy lists
    evidence: dict[str, str]  # that took part in measuring
    engines: dict[str, str]  # whose engine ran the model


class AcceptedFailure(_Ours):
    """A waiver that a verdict rests on."""

    result: str
    ticket: str
    floor: str
    requested_by: str = Field(alias="requestedBy")
    approved_by: str = Field(alias="approvedBy")
    approved_on: Day = Field(alias="approvedOn")
    expires: Day


class Champion(_Ours):
    """The champion that was compared with: its checkpoint, where one was run, and its answers."""

    checkpoint: Sha256 | None
    evidence: Sha256  # over its answers
    evidence_file: Sha256 | None = Field(alias="evidenceFile")  # that they were read from


class DecidingThreshold(_Ours):
    """The score, a decimal string, from which on a class is the answer."""

    class_: str = Field(alias="class")
    at_least: _Decimal | None


class Decision(_Ours):
    """How scores became answers, where that is not by the highest score."""

    order: list[DecidingThreshold] = Field(min_length=1)
    otherwise: Literal["best", "abstain"]

    def in_words(self) -> str:
        """Return the thresholds in the order in which they are asked."""
        said = (
            f"{printable(each.class_, 60)} from {each.at_least or 'no known score'}"
            for each in self.order
        )
        return f"{', '.join(said)}, otherwise {self.otherwise}"


class _Extension(_Ours):
    verdict: Literal["pass", "fail", "inconclusive", "error"]
    mode: Literal["enforce", "audit"]
    checkpoint: Sha256  # as the report calls it: of the file, or of the folder's manifest
    judged_at: _Time = Field(alias="judgedAt")
    measured_at: _Time | None = Field(alias="measuredAt")  # the oldest part of the evidence
    classes: list[str]
    critical: list[str]
    operating_point: Decision | None = Field(alias="operatingPoint")
    champion: Champion | None
    tool: Tool
    plugins: Plugins
    numbers: dict[str, dict[str, str]]
    waivers: list[AcceptedFailure]
    does_not_say: list[str] = Field(alias="doesNotSay")


class _TestResult(_Part):
    result: Result
    configuration: list[_Descriptor]
    passed: list[str] = Field(alias="passedTests")
    warned: list[str] = Field(alias="warnedTests")
    failed: list[str] = Field(alias="failedTests")
    extension: _Extension = Field(alias=EXTENSION)


class Statement(_Part):
    """What was said of a checkpoint; consistent in itself."""

    subject: list[_Descriptor] = Field(min_length=1)
    predicate: _TestResult

    @property
    def files(self) -> Mapping[str, str]:
        """Return the files of the checkpoint, name -> sha256."""
        return {each.name: each.digest.sha256 for each in self.subject}

    @property
    def configuration(self) -> Mapping[str, str]:
        """Return what the verdict rests on, name -> sha256."""
        return {each.name: each.digest.sha256 for each in self.predicate.configuration}

    @property
    def judged_at(self) -> datetime:
        """Return when the run was, in UTC."""
        return _time(self.predicate.extension.judged_at)

    @property
    def measured_at(self) -> datetime | None:
        """Return when the oldest part of the evidence was measured, in UTC; None if unknown."""
        said = self.predicate.extension.measured_at
        return None if said is None else _time(said)

    @property
    def said(self) -> _Extension:
        """Return what in-toto has no field for."""
        return self.predicate.extension


class _Approval(_Ours):
    reason: str = Field(min_length=1)
    approved_at: _Time = Field(alias="approvedAt")
    tool: Tool


class ApprovalStatement(_Part):
    """That somebody accepts an attestation, bound to the bytes of its envelope."""

    subject: list[_Descriptor] = Field(min_length=1, max_length=1)
    predicate: _Approval

    @property
    def attestation(self) -> str:
        """Return the SHA-256 of the envelope that is approved."""
        return self.subject[0].digest.sha256

    @property
    def approved_at(self) -> datetime:
        """Return when the approver says that it was, in UTC."""
        return _time(self.predicate.approved_at)


_Model = TypeVar("_Model", Statement, ApprovalStatement)


def read_statement(payload: bytes, where: str) -> Statement:
    """Return the statement in a payload whose signature holds.

    Raises AttestationError for JSON with two meanings, another type of statement or predicate,
    fields that are missing or of another kind, and a statement that contradicts itself.
    """
    statement = _read(payload, where, PREDICATE_TYPE, Statement)
    for contradiction in _contradictions(statement):
        raise AttestationError(
            where, RefusalCode.STATEMENT_CONTRADICTORY, contradiction, _WRITTEN_BY
        )
    return statement


def read_approval(payload: bytes, where: str) -> ApprovalStatement:
    """Return the approval in a payload whose signature holds.

    Raises AttestationError for what is no approval, or contradicts itself.
    """
    return _read(payload, where, APPROVAL_TYPE, ApprovalStatement)


def _read(payload: bytes, where: str, predicate_type: str, model: type[_Model]) -> _Model:
    try:
        document = parse(payload)
    except AmbiguousError as error:
        raise _malformed(where, str(error)) from None
    if not isinstance(document, dict):
        raise _malformed(where, "it is no object")
    _check_types(document, where, predicate_type)
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = printable(".".join(str(part) for part in first["loc"]), 120)
        raise _malformed(where, f"'{place}' is missing, unknown, or not what it must be") from None


def _check_types(document: Mapping[str, Any], where: str, predicate_type: str) -> None:
    found = document.get("_type")
    if found != STATEMENT_TYPE:
        raise AttestationError(
            where,
            RefusalCode.STATEMENT_TYPE,
            f"the statement is of type {_show(found)}",
            f"it must be {STATEMENT_TYPE}",
        )
    found = document.get("predicateType")
    if found != predicate_type:
        raise AttestationError(
            where,
            RefusalCode.PREDICATE_TYPE,
            f"the predicate is of type {_show(found)}",
            f"it must be {predicate_type}",
        )


def _contradictions(statement: Statement) -> Iterator[str]:
    """Yield why a statement cannot be true as a whole."""
    predicate, said = statement.predicate, statement.said
    keys = Counter([*predicate.passed, *predicate.warned, *predicate.failed])
    if twice := [key for key, count in keys.items() if count > 1]:
        yield f"the result {_show(twice[0])} stands in the lists of tests more than once"
    for what, descriptors in (
        ("the subject", statement.subject),
        ("the configuration", predicate.configuration),
    ):
        if len({each.name for each in descriptors}) < len(descriptors):
            yield f"two entries of {what} have one name"
    expected = result_of(said.verdict, enforced=said.mode == "enforce", warned=predicate.warned)
    if predicate.result != ("FAILED" if predicate.failed else expected):
        yield f"the result {predicate.result} does not follow from its tests, verdict and mode"
    if predicate.result != "FAILED" and not predicate.passed:
        yield "it did not fail, and no test passed"
    if {name for name in statement.configuration if name.startswith(PLUGIN)} != {
        f"{PLUGIN}{package}" for package in said.plugins.checks
    }:
        yield "the plugins of the policy are not those of the configuration"
    if not set(said.critical) <= set(said.classes):
        yield "a critical class is none of the classes"
    point = [] if said.operating_point is None else said.operating_point.order
    if not {each.class_ for each in point} <= set(said.classes):
        yield "a class with a threshold is none of the classes"
    waived = [waiver.result for waiver in said.waivers]
    if len(set(waived)) < len(waived) or not set(waived) <= set(predicate.warned):
        yield "a waiver is for no warned test, or stands twice"


def _malformed(where: str, why: str) -> AttestationError:
    return AttestationError(
        where,
        RefusalCode.STATEMENT_MALFORMED,
        f"the statement cannot be read: {why}",
        _WRITTEN_BY,
    )


def _show(value: object) -> str:
    return f"'{printable(value, 120)}'" if isinstance(value, str) else "no text"


def _time(text: str) -> datetime:
    return datetime.strptime(text, TIME_FORMAT).replace(tzinfo=UTC)
