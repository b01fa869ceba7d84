"""The registry of the renderings: each is imported when it is asked for, a plugin when named."""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from gate.report.renderings.rendering import Beside, Rendering

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
_ALONE = Beside()  # a report that nothing lies beside


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


def render(report: "Report", name: str, beside: Beside = _ALONE) -> str:
    """Return the report in a format, the same bytes every time; it ends with a newline.

    Raises UsageError for a format that is not there, MissingExtraError where html is asked for
    without the extra, and PluginError where that of another package raises or returns no text.
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
