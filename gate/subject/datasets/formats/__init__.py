"""The data formats: one light file each, one line each below; and those that plugins add.

A format is imported when it is named, or when data is recognised; a plugin only when it is named.
"""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.subject.datasets.formats.record import DataFormat, Remark
from gate.wording import quote, suggestion

if TYPE_CHECKING:
    from gate.plugins import Plugin

__all__ = ["NAMES", "DataFormat", "format_named", "known_name", "plugin_of", "shipped_formats"]

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


def shipped_formats() -> Iterator[DataFormat]:
    """Yield the formats of our own, in the order of their names."""
    yield from map(_shipped, NAMES)


def format_named(name: str) -> DataFormat:
    """Return the format of a name, ours or that of a plugin, which is then imported.

    Raises UsageError where nobody adds the name, or the plugin is not usable; FactoryError where
    its import ends in something else than an exception.
    """
    if name in NAMES:
        return _shipped(name)
    plugin = plugin_of(name)
    if plugin is None:
        fact, remedy = _unknown(name)
        raise UsageError("format", fact, remedy)
    from gate.subject.datasets.plugin_formats import load_format

    return load_format(plugin)


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
        raise ValueError("; ".join(_unknown(name)))
    return name


def _shipped(name: str) -> DataFormat:
    found: DataFormat = import_module(f"{__name__}.{name}").FORMAT
    return found


def _unknown(name: str) -> Remark:
    from gate.plugins import plugin_names

    known = [*NAMES, *plugin_names("formats")]
    return f"no data format is called {quote(name)}", suggestion(name, known, what="write one of")
