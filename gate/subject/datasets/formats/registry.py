"""The registry of the data formats: each is imported when it is asked for, a plugin when named."""

from collections.abc import Iterator
from importlib import import_module

from gate.errors import UsageError
from gate.subject.datasets.formats.names import NAMES, describe_unknown, plugin_of
from gate.subject.datasets.formats.record import DataFormat


def shipped_formats() -> Iterator[DataFormat]:
    """Yield the formats of our own, in the order of their names."""
    yield from map(_import, NAMES)


def format_named(name: str) -> DataFormat:
    """Return the format of a name, ours or that of a plugin, which is then imported.

    Raises UsageError where nobody adds the name, or the plugin is not usable; FactoryError where
    its import ends in something else than an exception.
    """
    if name in NAMES:
        return _import(name)
    plugin = plugin_of(name)
    if plugin is None:
        fact, remedy = describe_unknown(name)
        raise UsageError("format", fact, remedy)
    from gate.subject.datasets.plugin_formats import load_format  # only a plugin pays for it

    return load_format(plugin)


def _import(name: str) -> DataFormat:
    found: DataFormat = import_module(f"{__package__}.{name}").FORMAT
    return found
