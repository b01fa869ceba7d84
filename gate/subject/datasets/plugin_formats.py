"""A data format that a plugin adds: imported where it is named, and opened under guard."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gate.errors import UsageError
from gate.evidence.agreement import MADE_UP
from gate.plugins import Plugin
from gate.subject.datasets.formats.record import Classes, DataFormat
from gate.subject.datasets.spec import DataSpec
from gate.subject.guard import Guard, in_reach, kind_of, to_standard_error
from gate.wording import list_names, quote

if TYPE_CHECKING:
    from gate.subject.datasets.plugin_dataset import PluginDataset


def load_format(plugin: Plugin) -> DataFormat:
    """Return the format of a plugin, which is imported; what it opens is held to its promise.

    Raises UsageError where it cannot be imported or is no format, FactoryError where its import
    ends in something else than an exception.
    """
    try:
        with to_standard_error(), in_reach():
            found = plugin.load()
    except UsageError:
        raise
    except BaseException as error:  # SystemExit, say
        raise Guard(plugin.where, Path()).refusal(error, "importing it", _mend(plugin)) from error
    if type(found) is not DataFormat:
        fact = f"its entry point names {kind_of(found)}, not a DataFormat"
        raise UsageError(plugin.where, fact, "see CONTRIBUTING: adding a data format")
    _require_fields(found, plugin)
    # Of what a format may say of itself, only this is taken from a plugin.
    return DataFormat(
        name=found.name, keys=found.keys, paths=found.paths, open=partial(_open, found, plugin)
    )


def _require_fields(found: DataFormat, plugin: Plugin) -> None:
    if found.name != plugin.name:
        fact = f"calls its format {quote(found.name)}, and its entry point {quote(plugin.name)}"
        raise UsageError(plugin.where, fact, "let both be one name")
    if not callable(found.open):
        raise UsageError(plugin.where, "its open is no function", _mend(plugin))
    if plugin.name == MADE_UP:
        fact = f"is called {quote(MADE_UP)}, as data is that nobody measured"
        raise UsageError(plugin.where, fact, "let the package choose another name")
    known = DataSpec.model_fields.keys() - {"format"}
    if unknown := sorted(map(str, frozenset(found.keys | found.paths) - known)):
        fact = f"takes keys that no split has: {list_names(unknown)}"
        raise UsageError(plugin.where, fact, f"take them as names below options, of {plugin.name}")


def _open(
    form: DataFormat, plugin: Plugin, spec: DataSpec, base: Path, classes: Classes
) -> "PluginDataset":
    from gate.subject.datasets.grouping import grouped
    from gate.subject.datasets.plugin_dataset import open_guarded

    dataset = open_guarded(form, plugin, spec, base, classes)
    return grouped(dataset, spec)


def _mend(plugin: Plugin) -> str:
    return f"mend or reinstall {plugin.package}"
