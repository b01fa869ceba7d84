"""What reading one checkpoint may cost, however its bytes are arranged.

Time and memory are counted and not measured: the same file is refused on every machine. A folder
of many files has one budget, and so have the five pickles of an older stream.
"""

from dataclasses import dataclass

from gate.subject.checkpoints.refusals import RefusedError, unsafe

MAX_STEPS = 1_000_000  # a training dict with a thousand tensors and Adam has about 100,000
# What a step reads beside its own argument: items of a list, axes of a shape. Every item of a list
# was put there by a step, but a pickle can name one list of a megabyte in each of its steps.
MAX_ELEMENTS = 4_000_000
_SAVE = "save only the model's state_dict"


@dataclass(slots=True)
class Budget:
    """How much may still be read; shared by everything that is read for one checkpoint."""

    steps: int = MAX_STEPS
    elements: int = MAX_ELEMENTS

    def take(self, elements: int) -> None:
        """Count elements that are about to be copied or looked at; refuse what is too much."""
        self.elements -= elements
        if self.elements < 0:
            raise unsafe(
                f"its pickle makes a reader copy more than {MAX_ELEMENTS:,} elements", _SAVE
            )

    def spent(self) -> RefusedError:
        """Return the refusal of a file whose pickles have more steps than are read."""
        return unsafe(f"its pickle has more than {MAX_STEPS:,} steps", _SAVE)
