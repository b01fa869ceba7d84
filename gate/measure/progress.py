"""Long work reports its progress; the command line draws it."""

from contextlib import AbstractContextManager
from typing import Protocol


class Advance(Protocol):
    """Says that ``count`` more of the stage are done."""

    def __call__(self, count: int) -> None:
        """Take note of it."""


class Progress(Protocol):
    """Shows stages of work to whoever waits for them."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Advance]:
        """Return a context in which ``total`` units of work called ``name`` are done."""

    def warn(self, text: str) -> None:
        """Say what did not go as it should and changes no number."""
