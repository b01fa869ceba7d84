"""What of other packages takes part in measuring, as evidence and report name it."""

from collections.abc import Iterator, Mapping
from typing import get_args

from gate.plugins import Plugin, find_plugin
from gate.subject.datasets.spec import Format
from gate.subject.gatefile import GateFile


def measuring_plugins(gatefile: GateFile) -> Mapping[str, str]:
    """Return the packages whose plugins a gate file names, with their versions, by name.

    Raises UsageError where two packages add what it names.
    """
    return dict(sorted((each.package, each.version) for each in _named(gatefile)))


def _named(gatefile: GateFile) -> Iterator[Plugin]:
    for spec in gatefile.data.given().values():
        if spec.format is not None and (
            found := find_plugin("formats", spec.format, shipped=get_args(Format))
        ):
            yield found
