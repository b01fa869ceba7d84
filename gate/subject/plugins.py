"""Plugins that take part in measuring, as evidence and report name them."""

from collections.abc import Iterator, Mapping, Sequence

from gate.evidence.records import Code
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
    found = _all(gatefile, needs)
    return dict(sorted((each.package, each.version) for each in found))


def code_of_plugins(gatefile: GateFile, needs: Sequence[Need]) -> Mapping[str, Code]:
    """Return the code of the plugins that :func:`measuring_plugins` tells, by door and name.

    A version is what a package says of itself; its files are what ran. Raises UsageError where they
    cannot be read.
    """
    return {
        f"plugin {each.door} {each.name}": Code(each.name, {}, each.package, *each.source())
        for each in sorted(_all(gatefile, needs), key=lambda each: (each.door, each.name))
    }


def _all(gatefile: GateFile, needs: Sequence[Need]) -> tuple[Plugin, ...]:
    return (*_named(gatefile), *(each for need in needs for each in need.plugins))


def _named(gatefile: GateFile) -> Iterator[Plugin]:
    for spec in gatefile.data.given().values():
        if spec.format is not None and (plugin := plugin_of(spec.format)):
            yield plugin
    yield from plugins_named_by(gatefile)
