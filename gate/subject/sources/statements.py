"""The statements of an artefact about itself, with the file and the key that say it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from gate.evidence.contract import Disagreement
from gate.subject.datasets.classes import Framework

if TYPE_CHECKING:  # NumPy is loaded with the first image
    from gate.subject.inputs import InputSpec
    from gate.subject.outputs import Values

Key = Literal["classes", "input", "output", "factory", "key"]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Stated(Generic[Value]):
    """A value, and who says it: a file of the artefact and a key, such as `config.json: id2label`.

    For an artefact of one file the key alone, such as `metadata: names`.
    """

    value: Value
    source: str


@dataclass(frozen=True, slots=True)
class Ask:
    """A question that only the gate file can answer, for the artefact does not."""

    key: Key
    fact: str  # why it is not known, such as "nothing says how images are prepared"
    remedy: str  # the lines to add, such as "add input: {size: [H, W], ...}"
    proposal: str = ""  # the line alone, where the artefact says enough to write one


@dataclass(frozen=True, slots=True)
class Statements:
    """What an artefact states; None where it states nothing.

    ``asks`` are what it needs to be told: those for keys that the gate file states are dropped.
    """

    classes: Stated[tuple[str, ...]] | None = None  # in the order of the model's outputs
    input: Stated["InputSpec"] | None = None
    output: Stated["Values"] | None = None  # what the outputs are; None: the outputs decide
    factory: Stated[str] | None = None  # how the source builds the model, in words for the report
    framework: Framework | None = None  # by which class folders are in the order of the outputs
    asks: tuple[Ask, ...] = ()
    # The file with the losses of training: in the artefact, or beside it where that is a file.
    history: str | None = None
    read: Mapping[str, str] = field(default_factory=dict)  # files it is from -> their SHA-256
    # Where it contradicts itself, such as num_labels and id2label; the check input-contract fails.
    checks: tuple[Disagreement, ...] = ()

    def given(self) -> Iterator[tuple[Key, Stated[Any]]]:
        """Yield what is stated, by key."""
        if self.classes is not None:
            yield "classes", self.classes
        if self.input is not None:
            yield "input", self.input
        if self.output is not None:
            yield "output", self.output
        if self.factory is not None:
            yield "factory", self.factory
