"""Limits on the cost of reading one checkpoint, however its bytes are arranged.

Time and memory are counted and not measured: the same file is refused on every machine. A folder
of many files has one budget, and so have the five pickles of an older stream.
"""

from dataclasses import dataclass

from gate.subject.checkpoints.refusals import RefusedError, unsafe
from gate.subject.checkpoints.sealing import MAX_BYTES

MAX_STEPS = 1_000_000  # a training dict with a thousand tensors and Adam has about 100,000
# What a step reads beside its own argument: items of a list, axes of a shape. Every item of a list
# was put there by a step, but a pickle can name one list of a megabyte in each of its steps.
MAX_ELEMENTS = 4_000_000
STEPS_OF_A_MEMBER = 4  # what a line in the directory of an archive costs
# Trained weights hardly shrink; zeros of a fresh optimiser do. Beyond both, a stored file is asked
# for, whose size on the disk is its size in memory.
MAX_GROWTH = 8
FREE_BYTES = 64 << 20  # that may be unpacked whatever the size of the archives
_SAVE = "save only the model's state_dict"


@dataclass(slots=True)
class Budget:
    """How much may still be read; shared by everything that is read for one checkpoint."""

    steps: int = MAX_STEPS
    elements: int = MAX_ELEMENTS
    packed: int = 0  # bytes of the files that were opened
    unpacked: int = 0  # bytes of all their deflated members

    def take(self, elements: int) -> None:
        """Count elements to copy or look at; raise RefusedError where they are too many."""
        self.elements -= elements
        if self.elements < 0:
            raise unsafe(f"it makes a reader copy more than {MAX_ELEMENTS:,} elements", _SAVE)

    def list_members(self, count: int) -> None:
        """Count members of an archive to look at; raise RefusedError where they are too many."""
        self.steps -= STEPS_OF_A_MEMBER * count
        if self.steps < 0:
            raise unsafe(f"its archives have too many members, {count:,} in one", _SAVE)

    def unpack(self, declared: int, remedy: str) -> None:
        """Count the bytes that deflated members declare, before any is unpacked.

        Raises RefusedError where they are too many.
        """
        self.unpacked += declared
        if self.unpacked > min(MAX_BYTES, FREE_BYTES + MAX_GROWTH * self.packed):
            raise unsafe(
                f"its {self.packed:,} bytes unpack to {self.unpacked:,}, more than is unpacked "
                "from so few",
                f"if whoever made it is trusted, {remedy}",
            )

    def spent(self) -> RefusedError:
        """Return the refusal of a file whose pickles have more steps than are read."""
        return unsafe(f"its pickle has more than {MAX_STEPS:,} steps", _SAVE)
