"""The facts of evidence besides its rows, as JSON: one field here is one line of the table."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated

from pydantic import Field, TypeAdapter

from gate.evidence.contract import Disagreement
from gate.evidence.contradictions import Contradiction
from gate.evidence.operating_point import OperatingPoint
from gate.evidence.records import Configuration, Failure, History, ModelProbe, Subject

_Count = Annotated[int, Field(ge=0)]
_Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[!-~]+$")]
_Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@dataclass(frozen=True, slots=True)
class Champion:
    """Whose answers the rows of the baseline are."""

    path: str
    sha256: _Sha256 | None
    evidence_sha256: _Sha256 | None
    operating_point: OperatingPoint | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The fields of evidence that are no tables of their own."""

    measured_at: str  # ISO 8601, of UTC
    answers_from_cache: _Count
    engines: tuple[tuple[_Word, _Word], ...]  # packages and versions
    subject: Subject | None
    probe: ModelProbe | None
    history: History | None
    failures: tuple[Failure, ...]
    assumed: tuple[str, ...]
    environment: Mapping[str, str]
    configuration: Configuration
    contract: tuple[Disagreement, ...]
    plugins: Mapping[_Word, _Word]  # package -> version
    baseline: Champion | None

    def as_lines(self) -> list[tuple[str, str]]:
        """Return each field with its JSON."""
        said = _adapter().dump_python(self, mode="python")
        return [(each.name, json.dumps(said[each.name])) for each in fields(self)]

    @classmethod
    def of_lines(cls, lines: Iterable[tuple[str, str]]) -> "About":
        """Return what ``as_lines`` gave.

        Raises ValueError for what is no JSON of these types, Contradiction for other fields.
        """
        said = dict(lines)
        names = [each.name for each in fields(cls)]
        if sorted(said) != sorted(names):
            raise Contradiction("about", f"does not hold {', '.join(names)}, each once")
        for value in said.values():
            json.loads(value)  # one value, and not the start of the next
        text = ", ".join(f'"{name}": {said[name]}' for name in names)
        return _adapter().validate_json(f"{{{text}}}", strict=True)


@cache
def _adapter() -> TypeAdapter[About]:
    return TypeAdapter(About)
