"""Plugins that take part in measuring, as evidence and report name them."""

from collections.abc import Iterator, Mapping

from gate.plugins import Plugin
from gate.subject.datasets.formats import plugin_of
from gate.subject.gatefile import GateFile
from gate.subject.sources.registry import plugins_named_by


def measuring_plugins(gatefile: GateFile) -> Mapping[str, str]:
    """Return package and version of each plugin that a gate file names, sorted.

    Raises UsageError where two packages add what it names.
    """
    return dict(sorted((each.package, each.version) for each in _named(gatefile)))


def _named(gatefile: GateFile) -> Iterator[Plugin]:
    for spec in gatefile.data.given().values():
        if spec.format is not None and (plugin := plugin_of(spec.format)):
            yield plugin
    yield from plugins_named_by(gatefile)
