"""A look at an artefact: who reads it, what it holds and states, and why it would be refused."""

from dataclasses import dataclass, field
from pathlib import Path

from gate.errors import SubjectError
from gate.subject.checkpoints.inspection import Inspection
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact
from gate.subject.sources.statements import Statements


@dataclass(frozen=True, slots=True)
class Look:
    """What is known of an artefact that was not loaded."""

    source: str  # the name of who reads it
    inspection: Inspection
    refusal: SubjectError | None  # None: it would be opened
    statements: Statements = field(default_factory=Statements)

    @property
    def needs_factory(self) -> bool:
        """Whether nothing but the user's code says how the model is built."""
        asked = any(ask.key == "factory" for ask in self.statements.asks)
        return asked or self.refusal is not None  # what it would ask is not known then


def look_at(path: Path, *, key: str | None = None, source: str | None = None) -> Look:
    """Return a look at a file or folder; raises UsageError for a source that nobody adds."""
    artefact = Artefact(str(path), key=key, source=source)
    found = source_of(artefact)
    inspection = found.inspect(artefact)
    if inspection.refusal is not None:
        return Look(found.name, inspection, inspection.refusal)
    try:
        return Look(found.name, inspection, None, found.states(artefact))
    except SubjectError as error:
        return Look(found.name, inspection, error)
