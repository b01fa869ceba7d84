"""The record of a rendering, and of what is given to it."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.report.model import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What lies beside the report: where the report itself is, its evidence, and what is shown."""

    report: Path | None = None
    evidence: Path | None = None
    images: bool = True


@dataclass(frozen=True, slots=True)
class Extra:
    """What has to be installed for a rendering: an extra of the package, and what it brings."""

    name: str
    purpose: str  # "the HTML report": the start of a sentence
    modules: tuple[str, ...]

    @property
    def is_installed(self) -> bool:
        """Return whether all modules are found; none is imported."""
        return all(find_spec(module) is not None for module in self.modules)


@dataclass(frozen=True, slots=True)
class Mark:
    """What a file of a rendering looks like, whatever it says; both are regular expressions.

    They are looked for in the first 128 KiB and in the last 4 KiB.
    """

    start: str  # matches from the first character on
    end: str = ""  # found anywhere near the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """One format of the report."""

    name: str
    about: str  # what it is for, in a few words
    render: Callable[["Report", Beside], str]  # text that ends with a newline
    extra: Extra | None = None
    mark: Mark | None = None  # None: nothing tells such a file from another, so none is replaced
