"""The names of the data formats: ours in their order, and those that installed plugins add."""

from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.wording import quote, suggestion

if TYPE_CHECKING:
    from gate.plugins import Plugin

# Files of this folder, named as the gate file names them, in the order in which they are asked
# whether data is theirs.
NAMES = (
    "metadata",
    "parquet",
    "folder",
    "csv",
    "jsonl",
    "webdataset",
    "idx",
    "npz",
    "factory",
    "predictions",
)


def plugin_of(name: str) -> "Plugin | None":
    """Return the plugin that adds a format, not imported; None for ours, and where there is none.

    Raises UsageError where two packages add the name, and where its package takes one of ours.
    """
    if name in NAMES:
        return None
    from gate.plugins import find_plugin, plugins_of  # only a name that is none of ours pays for it

    plugin = find_plugin("formats", name, shipped=NAMES)
    if plugin is not None:
        plugins_of(plugin.package, "formats", shipped=NAMES)
    return plugin


def known_name(name: str) -> str:
    """Return the name of a format, looked up and not imported; raises ValueError for any other."""
    if name in NAMES:
        return name
    try:
        plugin = plugin_of(name)
    except UsageError as error:
        raise ValueError(f"{error.where} {error.fact}; {error.remedy}") from error
    if plugin is None:
        raise ValueError("; ".join(describe_unknown(name)))
    return name


def describe_unknown(name: str) -> tuple[str, str]:
    """Return fact and remedy for a name that no format has."""
    from gate.plugins import plugin_names

    known = [*NAMES, *plugin_names("formats")]
    return f"no data format is called {quote(name)}", suggestion(name, known, what="write one of")
