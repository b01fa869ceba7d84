"""Long work reports its progress; the command line draws it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
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


class Silent:
    """Progress that nobody watches."""

    @contextmanager
    def stage(self, name: str, total: int) -> Iterator[Advance]:  # noqa: ARG002 -- Progress
        """Return a context in which nothing is shown."""
        yield lambda count: None  # noqa: ARG005 -- Advance names it so

    def warn(self, text: str) -> None:
        """Say nothing."""
