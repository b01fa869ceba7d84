"""Plugins that take part in measuring, as evidence and report name them."""

from collections.abc import Iterator, Mapping, Sequence

from gate.plugins import Plugin
from gate.policy.needs import Need
from gate.subject.datasets.formats.names import plugin_of
from gate.subject.gatefile import GateFile
from gate.subject.sources.registry import plugins_named_by


def measuring_plugins(gatefile: GateFile, needs: Sequence[Need]) -> Mapping[str, str]:
    """Return package and version of each plugin that measures, sorted by package.

    A gate file names formats and a model source; ``needs`` are measurements of its policy. Raises
    UsageError where two packages add what the gate file names.
    """
    found = (*_named(gatefile), *(each for need in needs for each in need.plugins))
    return dict(sorted((each.package, each.version) for each in found))


def _named(gatefile: GateFile) -> Iterator[Plugin]:
    for spec in gatefile.data.given().values():
        if spec.format is not None and (plugin := plugin_of(spec.format)):
            yield plugin
    yield from plugins_named_by(gatefile)
