"""The trust root: the keys that count at deployment, each with its role, dates and policies."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gate.approval.keys import Role, key_id, public_bytes
from gate.approval.versions import version_of
from gate.documents.document import Document, read_document
from gate.documents.source_text import refuse
from gate.documents.validation import validate
from gate.errors import Fault
from gate.keys import people
from gate.policy.model import ClassNames, Packages
from gate.policy.waivers import Day, Person
from gate.wording import quote

_SHA256 = "^[0-9a-f]{64}$"
_LONGEST_NAME = 200


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def _is_a_public_key(text: str) -> str:
    public_bytes(text)
    return text


def _is_a_version(text: str) -> str:
    if version_of(text) is None:
        raise ValueError(f"{quote(text)} is no version; write numbers and dots, such as '1.2.0'")
    return text


def _is_not_empty(entries: tuple[str, ...]) -> tuple[str, ...]:
    if not entries:
        raise ValueError("the list is empty; name at least one")
    return entries


# Not min_length: where the only entry is wrong, pydantic would call the list empty too.
_NotEmpty = (AfterValidator(_is_not_empty), Field(json_schema_extra={"minItems": 1}))
_PublicKey = Annotated[str, AfterValidator(_is_a_public_key)]
_Version = Annotated[str, AfterValidator(_is_a_version)]
_Digests = Annotated[tuple[Annotated[str, Field(pattern=_SHA256)], ...], *_NotEmpty]
_Classes = Annotated[ClassNames, *_NotEmpty]


class TrustedKey(_Strict):
    """A public key: whose it is, what it may sign, from when until when, under which policies."""

    id: str = Field(
        pattern=_SHA256,
        description="The id of the key, in 64 small hexadecimal digits, as keygen prints it.",
    )
    name: Person = Field(
        min_length=1,
        max_length=_LONGEST_NAME,
        description="Whose key it is: a person or a job. Two keys of one name are one identity.",
    )
    roles: Annotated[tuple[Role, ...], *_NotEmpty] = Field(
        description="What it may sign: runner attests, approver approves."
    )
    public_key: _PublicKey = Field(
        description="The ed25519 public key: what a PEM file has between its dashes, on one line."
    )
    not_before: Day = Field(
        description="The first day that it counts on, such as 2026-07-01 (UTC)."
    )
    not_after: Day = Field(description="The last day that it counts on, such as 2027-06-30 (UTC).")
    policies: Annotated[tuple[str, ...], *_NotEmpty] = Field(
        description="The names of the policies that it may sign for."
    )

    @model_validator(mode="after")
    def _is_one_key_for_a_while(self) -> "TrustedKey":
        if key_id(public_bytes(self.public_key)) != self.id:
            raise ValueError("the id is not that of the public key; copy both from keygen")
        if self.not_after < self.not_before:
            raise ValueError("the key ends before it begins; mend not_after")
        return self

    @property
    def public(self) -> bytes:
        """Return the 32 bytes of the key."""
        return public_bytes(self.public_key)

    def is_valid_on(self, day: date) -> bool:
        """Return whether the key counts on a day in UTC; the first and the last included."""
        return date.fromisoformat(self.not_before) <= day <= date.fromisoformat(self.not_after)


class AllowedData(_Strict):
    """The manifests of the data that a verdict may rest on; a split that is not named is free."""

    train: _Digests | None = Field(
        None, description="The manifest_sha256 of reports that are allowed for train."
    )
    validation: _Digests | None = Field(None, description="The same for validation.")
    test: _Digests | None = Field(None, description="The same for test.")
    unknown: _Digests | None = Field(None, description="The same for unknown.")


class AllowedConfiguration(_Strict):
    """What a verdict may rest on beside its data; what is not named is free."""

    input: _Digests | None = Field(
        None, description="The digests.input of reports that are allowed: how images are prepared."
    )
    code: _Digests | None = Field(
        None, description="The same of code: factories, their arguments and their source files."
    )
    output: _Digests | None = Field(
        None, description="The same of output: which scores were taken, and as what."
    )
    operating_point: _Digests | None = Field(
        None, description="The same of operating_point: by which thresholds scores became answers."
    )
    weights: _Digests | None = Field(
        None, description="The same of weights: the state dict that was named."
    )
    groups: _Digests | None = Field(None, description="The same of groups: how they are formed.")
    slices: _Digests | None = Field(None, description="The same of slices: their columns.")
    plugins: _Digests | None = Field(
        None, description="The same of plugins: the packages that took part in measuring."
    )

    def named(self) -> dict[str, tuple[str, ...]]:
        """Return the digests that are allowed, by what they are of."""
        return {name: digests for name, digests in self if digests is not None}


class AllowedTool(_Strict):
    """The versions of validate-model whose verdicts count."""

    at_least: _Version | None = Field(None, description="The lowest version, such as '0.2.0'.")
    at_most: _Version | None = Field(None, description="The highest version.")


class TrustRoot(_Strict):
    """Whose signatures count, and what else a deployment asks of an attestation."""

    api_version: Literal["gate/v1"] = Field(
        alias="apiVersion", description="The version of the format: gate/v1."
    )
    kind: Literal["TrustRoot"] = Field(description="What the document is: TrustRoot.")
    owner: str | None = Field(
        None, min_length=1, description="Who keeps the document: a person, a team, an address."
    )
    approvals: int = Field(
        ge=0,
        le=20,
        description="How many approvals are needed, each by another identity; 0 for none.",
    )
    warnings: Literal["accept", "refuse"] = Field(
        "accept", description="Whether a verdict counts in which something warned or was waived."
    )
    data: AllowedData = Field(
        default_factory=AllowedData, description="The data that a verdict may rest on."
    )
    classes: _Classes | None = Field(
        None, description="The classes that a verdict must be on, in the order of the outputs."
    )
    critical: _Classes | None = Field(
        None, description="The classes that must have been critical: these and no others."
    )
    champion: _Digests | None = Field(
        None,
        description="The SHA-256 of the checkpoints of which one must have been the champion that "
        "was compared with. Asked when it is deployed; it does not decide the verdict of a run, as "
        "the policy's champion does.",
    )
    champion_evidence: _Digests | None = Field(
        None,
        description="The SHA-256 of the evidence files of which one must be where the champion's "
        "answers are from, as reports show it (baseline.evidence_sha256): the evidence.sqlite of "
        "its own release. Without it, who judges may have measured the champion badly.",
    )
    configuration: AllowedConfiguration = Field(
        default_factory=AllowedConfiguration,
        description="What else a verdict may rest on, by the digests that reports show.",
    )
    packages: Packages | None = Field(
        None,
        description="The packages, beside those that the policy lists, that may have taken part in "
        "measuring, by a data format, a model source, a measurement or an engine: `vision-extras` "
        "or `vision-extras==1.2`; [] for none.",
    )
    signature: Literal["required", "elsewhere"] = Field(
        "elsewhere",
        description="required: a bare --statement, whose signature another tool checks, is "
        "refused.",
    )
    tool: AllowedTool = Field(
        default_factory=AllowedTool, description="The versions of validate-model that count."
    )
    keys: tuple[TrustedKey, ...] = Field(description="The keys that are trusted.")

    def find(self, key_id: str) -> TrustedKey | None:
        """Return the key of an id."""
        return next((key for key in self.keys if key.id == key_id), None)


@dataclass(frozen=True, slots=True)
class TrustFile:
    """A trust root and the SHA-256 of the bytes that it was read from."""

    root: TrustRoot
    sha256: str


def read_trust(path: str) -> TrustFile:
    """Return the trust root in a file.

    Raises UsageError where there is none, and DocumentError with all its faults.
    """
    document, faults = read_document(Path(path), path, "TrustRoot")
    root, more = validate(TrustRoot, document.root, document.source)
    refuse([*faults, *more, *(_faults_together(document, root) if root else ())])
    assert root is not None
    return TrustFile(root, document.source.sha256)


def _faults_together(document: Document, root: TrustRoot) -> Iterator[Fault]:
    """Yield what is wrong with the keys as a whole."""
    seen: dict[str, int] = {}
    for index, key in enumerate(root.keys):
        first = seen.setdefault(key.id, index)
        if first != index:
            line = document.place(("keys", first, "id"))[0]
            fact = f"this key already stands in line {line}"
            yield document.fault(("keys", index, "id"), fact, "delete one of the two")
    strangers = [name for name in root.critical or () if name not in (root.classes or (name,))]
    for name in strangers:
        fact = f"the critical class {quote(name)} is none of the classes"
        yield document.fault(("critical",), fact, "name it in classes, or delete it here")
    approvers = people(key.name for key in root.keys if "approver" in key.roles)
    if root.approvals > len(approvers):
        fact = f"{root.approvals} approvals are needed, and {len(approvers)} identities may approve"
        yield document.fault(("approvals",), fact, "add keys with the role approver")
