"""One decision, many renderings: all of them say the same verdict, none of them alters it.

A rendering reads the report, and for pictures the evidence that lies beside it. Each is a file of
this folder with a ``RENDERING``, and one line of the registry below; it is imported when it is
asked for. Other packages add theirs by entry points of the group ``validate_model.renderings``.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gate.plugins import Plugin
    from gate.report.model import Report

_ROOM = "gate.report.renderings"
_SHIPPED: Mapping[str, str] = {  # the name, and the module whose RENDERING it is
    "text": f"{_ROOM}.text",
    "json": f"{_ROOM}.json_document",
    "markdown": f"{_ROOM}.markdown",
    "html": f"{_ROOM}.html",
    "junit": f"{_ROOM}.junit",
    "sarif": f"{_ROOM}.sarif",
    "github": f"{_ROOM}.github",
    "openmetrics": f"{_ROOM}.openmetrics",
    "gitlab-codequality": f"{_ROOM}.gitlab",
    "model-card": f"{_ROOM}.model_card",
    "intoto": f"{_ROOM}.intoto",
}
FORMATS = tuple(_SHIPPED)
DEFAULT = "text"


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


def find_rendering(name: str) -> Rendering:
    """Return the rendering of a name: a shipped one, or what an installed package adds.

    Raises UsageError where there is none, or the package does not give one that can be used.
    """
    if name in _SHIPPED:
        found: Rendering = import_module(_SHIPPED[name]).RENDERING
        return found
    from gate.errors import UsageError

    if (plugin := plugin_of(name)) is None:
        from gate.wording import quote, suggestion

        known = [*FORMATS, *plugin_formats()]
        raise UsageError(
            quote(name), "there is no such format", suggestion(name, known, what="they are")
        )
    from gate.report.renderings.plugins import load

    return load(plugin)


def plugin_of(name: str) -> "Plugin | None":
    """Return the plugin that adds a format, not loaded; None where no package adds it.

    Raises UsageError where two packages do.
    """
    from gate.plugins import find_plugin

    return find_plugin("renderings", name, shipped=FORMATS)


def plugin_formats() -> tuple[str, ...]:
    """Return the formats that installed packages add, sorted; nothing of them is imported."""
    from gate.plugins import plugin_names

    return tuple(name for name in plugin_names("renderings") if name not in FORMATS)


def render(report: "Report", name: str, beside: Beside = Beside()) -> str:
    """Return the report in a format, the same bytes every time; it ends with a newline.

    Raises MissingExtraError where html is asked for without the extra, UsageError for a format that
    is not there, and PluginError where that of another package raises or returns no text.
    """
    return find_rendering(name).render(report, beside)


def require_extra(name: str) -> None:
    """Raise where a format cannot be rendered here; nothing is looked at for the default.

    MissingExtraError where it needs what is not installed, UsageError where it is not there.
    """
    if name == DEFAULT:  # of all runs: what renders it is imported while the model is measured
        return
    extra = find_rendering(name).extra
    if extra is not None and not extra.is_installed:
        from gate.errors import MissingExtraError

        raise MissingExtraError(name, extra.purpose, extra.name)
