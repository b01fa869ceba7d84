"""Statements of two sources on the same thing of a model that differ."""

from dataclasses import dataclass
from typing import Literal

from gate.wording import plain

GATE_FILE = "the gate file"  # with its flags
_LONGEST = 120  # characters of a value

Kind = Literal["override", "contradiction"]


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing that two sources state, each in its own way.

    An ``override`` is the user's: the gate file or a flag says otherwise than the artefact. A
    ``contradiction`` is the artefact's: against itself, its weights or the data.
    """

    topic: str  # a key, such as "input.mean" or "num_labels"
    value: str  # in words, as a message shows it
    source: str  # "the gate file", or a file of the artefact and a key
    other: str
    other_source: str
    kind: Kind

    def __str__(self) -> str:
        return (
            f"{self.topic} is {self.value} in {self.source} and {self.other} in {self.other_source}"
        )


def in_words(value: object) -> str:
    """Return a value as a message shows it: [0.485, 0.456, 0.406], not given, 3."""
    match value:
        case None:
            return "not given"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case list() | tuple():
            return plain(f"[{', '.join(map(in_words, value))}]", _LONGEST)
    return plain(str(value), _LONGEST)
