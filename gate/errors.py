"""The errors of the gate, each with a place, a fact and a remedy.

::

    GateError
    ├── UsageError            exit status 2: nothing was measured
    │   ├── DocumentError       a policy or gate file has faults, each with its line
    │   └── MissingExtraError   an optional dependency is not installed
    ├── OutputError           exit status 4: what was found could not be written
    ├── PluginError           exit status 4: code of another package raised, or gave nonsense
    ├── SubjectError          exit status 4: what was to be judged could not be measured
    │   ├── CheckpointError     the checkpoint was refused, or cannot be read
    │   ├── DataError           a dataset is missing, or is not what it claims to be
    │   ├── MeasurementError    what a rule has measured raised, or gave no columns of numbers
    │   ├── FactoryError        the user's own code is missing, raised, or gave something else
    │   ├── HistoryError        a training history cannot be read, or can be read in two ways
    │   └── EvidenceError       saved evidence is missing, damaged, or of another version
    └── AttestationError      exit status 5: an attestation was not given, or not accepted

Anything else that escapes is a bug of ours: exit status 70.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from gate.healing import Deciding, may_heal
from gate.masking import is_address, mask
from gate.utf8 import as_utf8


class GateError(Deciding):
    """What stopped the gate, said to a person.

    ``where`` is the place (a path, a key, a row), ``fact`` one sentence of what is wrong there,
    ``remedy`` one sentence of what to do about it; none holds what a URL keeps secret.
    ``retriable`` says whether the same call may end otherwise, nothing changed by hand; where it is
    left out, what the error came from decides.
    """

    exit_status = 70
    kind = "error"

    def __init__(
        self, where: str, fact: str, remedy: str = "", *, retriable: bool | None = None
    ) -> None:
        self.where = as_utf8(mask(where))
        self.fact = as_utf8(mask(fact))
        self.remedy = as_utf8(mask(remedy))
        self._retriable = retriable
        super().__init__(self.where, self.fact, self.remedy)

    @property
    def retriable(self) -> bool:
        """Whether it may heal: a full disk, an unreachable store, a killed worker, no memory."""
        return may_heal(self.__cause__) if self._retriable is None else self._retriable

    def __reduce__(self) -> tuple[Any, ...]:
        """Let an error travel from a worker process: by its facts, not by how it was made.

        Its cause stays behind, and what that decided goes with it.
        """
        facts = self.__dict__
        if self.__cause__ is not None:
            facts = {**facts, "_retriable": self.retriable}
        return _make_again, (type(self), self.args, facts)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"; {self.remedy}" if self.remedy else ""
        return f"{place}{self.fact}{remedy}"


def _make_again(
    kind: type[GateError], arguments: tuple[Any, ...], facts: dict[str, Any]
) -> GateError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(facts)
    return error


class UsageError(GateError):
    """The command line, the gate file or the policy is wrong; nothing was measured."""

    exit_status = 2
    kind = "usage"


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a document: its place (lines and columns from 1), what is wrong, what to do."""

    file: str
    line: int
    column: int
    fact: str
    remedy: str = ""
    source: str = ""  # the text of the line, for the caret; none where it holds a URL's secrets

    def __post_init__(self) -> None:
        for name in ("file", "fact", "remedy"):
            object.__setattr__(self, name, as_utf8(mask(getattr(self, name))))
        if mask(self.source) != self.source:
            object.__setattr__(self, "source", "")

    def __str__(self) -> str:
        remedy = f"; {self.remedy}" if self.remedy else ""
        head = f"{self.file}:{self.line}:{self.column}: {self.fact}{remedy}"
        if not self.source:
            return head
        return f"{head}\n    {self.source}\n    {' ' * (self.column - 1)}^"


class DocumentError(UsageError):
    """A policy or gate file has faults; all of them are listed, in the order of the file."""

    kind = "document"

    def __init__(self, faults: Sequence[Fault]) -> None:
        in_order = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))
        self.faults = tuple(in_order)
        first = self.faults[0]
        super().__init__(f"{first.file}:{first.line}:{first.column}", first.fact, first.remedy)

    def __str__(self) -> str:
        return "\n".join(str(fault) for fault in self.faults)


class MissingExtraError(UsageError):
    """An optional dependency is needed and not installed."""

    kind = "missing-extra"

    def __init__(self, where: str, purpose: str, extra: str) -> None:
        super().__init__(
            where,
            f"{purpose} needs an extra",
            f"install with the extra {extra}; from the checkout: pip install '.[{extra}]'",
        )


def refuse_address(path: Path, flag: str) -> None:
    """Raise UsageError where a place for files is a URL: a folder would be named by it."""
    if is_address(path):
        raise UsageError(
            f"{flag} {path}",
            "is a URL, and files are written to this machine alone",
            "name a folder here, and copy what it then holds",
        )


class OutputError(GateError):
    """A file or standard output could not be written: a full disk, a quota, a folder that went.

    Neither a wrong request nor a verdict; ``error`` also says whether it may heal.
    """

    exit_status = 4
    kind = "output"

    def __init__(self, where: str, error: Exception, remedy: str) -> None:
        reason = getattr(error, "strerror", None) or str(error)
        fact = f"cannot be written ({reason})"
        super().__init__(where, fact, remedy, retriable=may_heal(error))


class PluginError(GateError):
    """What another package adds raised, or gave something else than was asked."""

    exit_status = 4
    kind = "plugin"


class SubjectError(GateError):
    """What was to be judged could not be measured; the report says why."""

    exit_status = 4
    kind = "subject"


class Refusal(StrEnum):
    """Why a checkpoint is not evaluated."""

    UNSAFE = "refused-unsafe"
    CORRUPT = "corrupt"
    MISMATCH = "mismatch"
    NUMERICALLY_BAD = "numerically-bad"


@dataclass(frozen=True, slots=True)
class Identity:
    """What is known of a checkpoint's bytes; absent fields were not reached before a refusal."""

    sha256: str | None = None
    size_bytes: int | None = None
    format: str | None = None
    # Of several files, those that say what the model is, with their SHA-256: configurations.
    files: Mapping[str, str] = field(default_factory=dict, compare=False)


class CheckpointError(SubjectError):
    """The checkpoint was refused, or cannot be read; ``kind`` is one of :class:`Refusal`.

    ``identity`` binds the report of a refusal to the file, as far as the file was read.
    """

    def __init__(
        self,
        where: str,
        refusal: Refusal,
        fact: str,
        remedy: str,
        identity: Identity = Identity(),
        *,
        retriable: bool | None = None,
    ) -> None:
        self.refusal = refusal
        self.kind = refusal.value
        self.identity = identity
        super().__init__(where, fact, remedy, retriable=retriable)


class DataError(SubjectError):
    """A dataset is missing, empty, or is not what it claims to be."""

    kind = "data"


class FactoryError(SubjectError):
    """The user's own code is missing, raised, or returned something else than was asked."""

    kind = "factory"


class MeasurementError(SubjectError):
    """A measurement that a rule needs raised, or gave something else than columns of numbers."""

    kind = "measurement"


class HistoryError(SubjectError):
    """A training history cannot be read, or can be read in more than one way."""

    kind = "history"


class EvidenceError(SubjectError):
    """Saved evidence is missing, damaged, or was written by another version."""

    kind = "evidence"


class RefusalCode(StrEnum):
    """Why an attestation is not given or not accepted; scripts may rely on these words."""

    REPORT_ALONE = "report-alone"
    REPORT_DIFFERS = "report-differs"
    EVIDENCE_DIFFERS = "evidence-differs"
    JUDGEMENT_MALFORMED = "judgement-malformed"
    TRUST_DIFFERS = "trust-differs"
    ENVELOPE_MALFORMED = "envelope-malformed"
    PAYLOAD_TYPE = "payload-type"
    KEY_UNKNOWN = "key-unknown"
    KEY_ROLE = "key-role"
    KEY_NOT_VALID = "key-not-valid"
    KEY_NOT_FOR_POLICY = "key-not-for-policy"
    SIGNATURE_INVALID = "signature-invalid"
    SIGNATURE_REQUIRED = "signature-required"
    STATEMENT_MALFORMED = "statement-malformed"
    STATEMENT_TYPE = "statement-type"
    PREDICATE_TYPE = "predicate-type"
    STATEMENT_CONTRADICTORY = "statement-contradictory"
    CHECKPOINT_DIFFERS = "checkpoint-differs"
    POLICY_DIFFERS = "policy-differs"
    PLUGIN_DIFFERS = "plugin-differs"
    POLICY_DOES_NOT_FIT = "policy-does-not-fit"
    POLICY_EDITED = "policy-edited"
    DATA_NOT_ALLOWED = "data-not-allowed"
    CLASSES_DIFFER = "classes-differ"
    CRITICAL_NOT_NAMED = "critical-not-named"
    CRITICAL_DIFFERS = "critical-differs"
    OPERATING_POINT_DIFFERS = "operating-point-differs"
    CHAMPION_DIFFERS = "champion-differs"
    CHAMPION_EVIDENCE_DIFFERS = "champion-evidence-differs"
    CONFIGURATION_DIFFERS = "configuration-differs"
    PACKAGE_NOT_ALLOWED = "package-not-allowed"
    AUDIT_MODE = "audit-mode"
    NO_SUBJECT = "no-subject"
    VERDICT_NOT_PASSED = "verdict-not-passed"
    WARNINGS_REFUSED = "warnings-refused"
    WAIVER_EXPIRED = "waiver-expired"
    FROM_THE_FUTURE = "from-the-future"
    TOO_OLD = "too-old"
    AGE_UNKNOWN = "age-unknown"
    TOOL_VERSION = "tool-version"
    APPROVAL_FOR_ANOTHER = "approval-for-another"
    APPROVER_IS_RUNNER = "approver-is-runner"
    APPROVER_ASKED_FOR_WAIVER = "approver-asked-for-waiver"
    APPROVALS_MISSING = "approvals-missing"


class AttestationError(GateError):
    """An attestation was not given, or one was not accepted; ``kind`` is its refusal code."""

    exit_status = 5

    def __init__(self, where: str, code: RefusalCode, fact: str, remedy: str = "") -> None:
        self.code = code
        self.kind = code.value
        super().__init__(where, fact, remedy)

    def __str__(self) -> str:
        return f"{super().__str__()} [{self.code}]"
