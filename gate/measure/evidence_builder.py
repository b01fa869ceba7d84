"""A builder gathers what was measured; a failure ends one part and not the whole."""

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gate.errors import GateError, SubjectError
from gate.evidence.records import (
    ArtefactFacts,
    Baseline,
    Configuration,
    Evidence,
    Failure,
    History,
    ModelProbe,
    Overlap,
    Picture,
    Split,
    SplitEvidence,
    Subject,
)
from gate.evidence.times import now


@dataclass(slots=True)
class EvidenceBuilder:
    """What has been measured so far; a failure ends a part and not the whole."""

    splits: dict[Split, SplitEvidence] = field(default_factory=dict)
    overlaps: tuple[Overlap, ...] = ()
    subject: Subject | None = None
    artefacts: tuple[ArtefactFacts, ...] = ()
    probe: ModelProbe | None = None
    history: History | None = None
    baseline: Baseline | None = None
    failures: list[Failure] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    code: Mapping[str, str | None] = field(default_factory=dict)  # files of the user's, as they ran
    configuration: Configuration = field(default_factory=Configuration)
    measured_at: datetime = field(default_factory=now)  # the oldest of what was found
    answers_from_cache: int = 0
    engines: set[tuple[str, str]] = field(default_factory=set)  # packages and versions

    @contextlib.contextmanager
    def failing(self) -> Iterator[None]:
        """Take down what could not be measured, and go on after the block."""
        try:
            yield
        except SubjectError as error:
            self.failures.append(failure(error))

    def evidence(
        self,
        classes: tuple[str, ...],
        critical: tuple[str, ...],
        parents: Mapping[str, tuple[str, ...]],
    ) -> Evidence:
        """Return the evidence of a subject with these classes."""
        return Evidence(
            classes=classes,
            critical=critical,
            parents=parents,
            splits=self.splits,
            overlaps=self.overlaps,
            subject=self.subject,
            artefacts=self.artefacts,
            probe=self.probe,
            history=self.history,
            baseline=self.baseline,
            failures=tuple(self.failures),
            assumed=tuple(self.assumed),
            environment=self.environment,
            pictures=self.pictures,
            configuration=self.configuration,
            measured_at=self.measured_at,
            answers_from_cache=self.answers_from_cache,
            engines=tuple(sorted(self.engines)),
        )


def failure(error: GateError) -> Failure:
    """Return an error as the evidence keeps it."""
    return Failure(
        where=error.where,
        kind=error.kind,
        message=error.fact,
        remedy=error.remedy,
        retriable=error.retriable,
    )
