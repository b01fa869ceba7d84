"""The facts of a model are the same for whoever measures whichever part."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, Self

from pydantic import TypeAdapter

from gate.errors import EvidenceError
from gate.evidence.agreement import require_sound_subject
from gate.evidence.records import ModelProbe, Subject
from gate.subject.touched import portable_name
from gate.wording import plain


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """The model, and what its first batch showed."""

    subject: Subject
    device: str
    backend: str  # who gave the outputs
    notes: tuple[str, ...]  # what was not declared, and what was done to make the weights fit
    nonfinite_tensors: tuple[str, ...]  # names of parameters and buffers with NaN or infinity
    sandbox: tuple[str, ...] | None  # around a foreign parser; None: none was used
    batch: int  # images that the model is given at once
    are_logits: bool  # False: its outputs are probabilities already
    checked_individually: int  # images run one by one and in a batch
    batch_disagreements: int  # of those, how many changed their answer
    code_sha256: str  # over the user's code that was run
    undecided: bool = False  # it has a single output, and all images decide whether it is a logit
    # The files that it is made of and that it has read, and their digests; None: there was none.
    # Where they lie differs from machine to machine.
    code: Mapping[str, str | None] = field(compare=False, default_factory=dict)
    # The most by which onnxruntime's probabilities differ from torch's on the first images; None
    # where they were not compared. It is a measurement, so two machines may find it otherwise.
    max_abs_difference: float | None = field(default=None, compare=False)

    @property
    def assumed(self) -> tuple[str, ...]:
        """What a reader of the numbers must know."""
        if self.max_abs_difference is None:
            return self.notes
        return (
            *self.notes,
            (
                "where compared, onnxruntime's and torch's scores differ by up to "
                f"{self.max_abs_difference:.1e}"
            ),
        )

    def with_difference_of(self, other: Self) -> Self:
        """Return the same, with the larger gap of the two: what holds for both."""
        gaps = [
            each.max_abs_difference for each in (self, other) if each.max_abs_difference is not None
        ]
        return replace(self, max_abs_difference=max(gaps, default=None))

    def agrees(self, other: "ModelFacts") -> bool:
        """Return whether both are of one model, run by the same code under the same conditions."""
        return next(self.differences(other), None) is None

    def differences(self, other: "ModelFacts") -> Iterator[str]:
        """Yield what differs, in words: fields, and files of the user's code."""
        for each in fields(self):
            if each.compare and getattr(self, each.name) != getattr(other, each.name):
                yield each.name.removesuffix("_sha256").replace("_", " ")
        for file in sorted(self.code.keys() & other.code.keys()):
            if self.code[file] != other.code[file]:
                yield file

    def probe(self, *, outputs: int, constant: bool) -> ModelProbe:
        """Return what the model showed, with what only all of its answers tell."""
        return ModelProbe(
            parameters=self.subject.parameters,
            nonfinite_tensors=self.nonfinite_tensors,
            outputs=outputs,
            nonfinite_outputs=0,  # the first one ends the measurement
            constant=constant,
            checked_individually=self.checked_individually,
            batch_disagreements=self.batch_disagreements,
            sandbox=self.sandbox,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the same as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, said: object) -> "ModelFacts":
        """Return what ``as_json`` gave; raises ValueError or TypeError for anything else."""
        facts = _adapter().validate_json(json.dumps(said), strict=True)
        if not 0 <= facts.batch_disagreements <= facts.checked_individually:
            raise ValueError("more images disagree than were looked at")
        require_sound_subject(facts.subject)
        return facts


@cache
def _adapter() -> TypeAdapter[ModelFacts]:
    return TypeAdapter(ModelFacts)


_OF_ONE_MODEL = ("subject", "device", "backend", "sandbox", "are_logits", "undecided")


def require_same_model(first: ModelFacts, again: ModelFacts) -> None:
    """Raise EvidenceError where what is asked again is not what answered first.

    What only the first images of a pass decide may differ, and more code may be imported since.
    """
    found = [
        each.replace("_", " ")
        for each in _OF_ONE_MODEL
        if getattr(first, each) != getattr(again, each)
    ]
    before, now = _sources(first), _sources(again)
    found += [file for file in sorted(before) if before[file] != now.get(file)]
    if found:
        raise EvidenceError(
            "views",
            "images were answered, and their changed copies asked, under conditions that differ: "
            f"{', '.join(map(plain, found))}",
            "measure all of it with the same machines, packages and code",
        )


def _sources(facts: ModelFacts) -> dict[str, str | None]:
    """Return the Python files that were used, as they are called anywhere, with their digests."""
    named = ((portable_name(file), digest) for file, digest in facts.code.items())
    return {name: digest for name, digest in named if name is not None and name.endswith(".py")}
