"""Renderings of other packages: looked at before they are used, and kept away from the report."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from gate.errors import PluginError, UsageError
from gate.plugins import Plugin, guarded
from gate.report.renderings.rendering import Beside, Extra, Mark, Rendering
from gate.utf8 import as_utf8
from gate.wording import plain, quote

if TYPE_CHECKING:
    from gate.report.model import Report


def load(plugin: Plugin) -> Rendering:
    """Return the rendering of a plugin, such that nothing it does reaches the report or the output.

    Raises UsageError where the package cannot be imported, or what it names is no Rendering of this
    name.
    """
    found = plugin.load()
    for fact in _faults(plugin, found):
        raise UsageError(plugin.where, fact, f"ask the authors of {plugin.package}")
    theirs: Rendering = found
    return replace(theirs, render=partial(_render, plugin, theirs))


def _render(plugin: Plugin, theirs: Rendering, report: "Report", beside: Beside) -> str:
    """Return the text of a plugin; raises PluginError where it raises or returns none."""
    with guarded(plugin, "rendering the report"):  # a copy: the next rendering reads it too
        text: Any = theirs.render(report.model_copy(deep=True), beside)
    if not isinstance(text, str) or not text.strip():
        remedy = f"ask the authors of {plugin.package}, or leave this format out"
        raise PluginError(plugin.where, "returned no text for the report", remedy)
    return as_utf8(text).removesuffix("\n") + "\n"


def _faults(plugin: Plugin, found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a package names
    """Yield what keeps what a plugin names from being used."""
    if not isinstance(found, Rendering):
        yield f"is of type {plain(type(found).__name__)}, and not a Rendering"
        return
    if found.name != plugin.name:
        yield f"calls itself {quote(found.name)}"
    if not callable(found.render):
        yield "has no function that renders"
    if not isinstance(found.extra, Extra | None):
        yield "names an extra that is no Extra"
    if found.mark is not None and not _is_a_mark(found.mark):
        yield "has a mark that is no pair of regular expressions"


def _is_a_mark(mark: Any) -> bool:  # noqa: ANN401 -- what a package names
    try:
        re.compile(mark.start)
        re.compile(mark.end)
    except (re.error, TypeError, AttributeError):
        return False
    return isinstance(mark, Mark)
