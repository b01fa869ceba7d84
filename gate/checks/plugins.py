"""Checks of other packages: they join those that are shipped where a policy lists the package.

A package names each by an entry point of the group ``validate_model.checks``, a subclass of
:class:`gate.checks.base.Rule` whose ``check`` is the name of the entry point.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import ValidationError

from gate.checks import REGISTRY
from gate.checks.base import Example, Rule
from gate.checks.reference import FAMILIES, summary
from gate.errors import UsageError
from gate.plugins import Plugin, guarded, plugins_of
from gate.wording import list_names, plain, quote

_PACKAGE = r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?(==[A-Za-z0-9.!+_-]+)?"
_BEHIND: dict[type[Rule], Plugin] = {}


@dataclass(frozen=True, slots=True)
class CheckPackage:
    """An installed package and the checks that it adds."""

    name: str  # as its metadata spells it
    version: str
    sha256: str  # over names and bytes of its source files
    checks: Mapping[str, type[Rule]]

    @property
    def pin(self) -> str:
        """The package with its version, as a resolved policy lists it: ``name==1.2``."""
        return f"{self.name}=={self.version}"


def is_package(entry: str) -> bool:
    """Return whether an entry of ``plugins`` names a package, with or without its version."""
    return re.fullmatch(_PACKAGE, entry) is not None


class OtherVersionError(UsageError):
    """A package is installed in another version than is asked for."""


def package_of(wanted: str) -> CheckPackage:
    """Return the package that a policy lists, ``name`` or ``name==version``, with its checks.

    It is imported when it is first asked for. Raises UsageError where it is not installed or cannot
    be used, and OtherVersionError where it is there in another version. Hooks of its checks raise
    PluginError alone.
    """
    name, _, version = wanted.partition("==")
    found = _load(plugins_of(name, "checks", shipped=REGISTRY))
    if version and found.version != version:
        raise OtherVersionError(
            f"plugin {found.name}",
            f"version {plain(version)} is asked for, and {found.version} is installed",
            f"install {found.name}=={plain(version)} beside validate-model",
        )
    return found


def packages_of(wanted: Iterable[str]) -> tuple[CheckPackage, ...]:
    """Return the packages that are listed, each once; raises as :func:`package_of` does."""
    return tuple({found.name: found for found in map(package_of, wanted)}.values())


def registry_with(packages: Iterable[CheckPackage]) -> Mapping[str, type[Rule]]:
    """Return the shipped checks and those of packages, by name.

    Raises UsageError where two of the packages add one name.
    """
    known = dict(REGISTRY)
    for package in packages:
        if taken := [name for name in package.checks if name in known]:
            raise UsageError(
                f"plugin {package.name} {package.version}",
                f"adds what another listed package adds too: {list_names(taken)}",
                "list one of the two",
            )
        known |= package.checks
    return known


def plugin_behind(check: type[Rule]) -> Plugin | None:
    """Return the plugin that adds a check; None for those that are shipped."""
    return _BEHIND.get(check)


def reading(check: type[Rule]) -> AbstractContextManager[None]:
    """Return a context in which a rule of a check is read: what its own code raises is told.

    Anything that it raises but pydantic's ValidationError becomes a UsageError.
    """
    plugin = plugin_behind(check)
    if plugin is None:
        return nullcontext()
    return guarded(plugin, "reading a rule", let=ValidationError, raises=UsageError)


@cache
def _load(plugins: tuple[Plugin, ...]) -> CheckPackage:
    first = plugins[0]
    if not is_package(f"{first.package}=={first.version}"):
        remedy = f"ask the authors of {plain(first.package)}"
        raise UsageError(first.where, "its metadata holds no name with a version", remedy)
    checks = {each.name: _check(each) for each in plugins}
    return CheckPackage(first.package, first.version, _sha256(plugins), checks)


def _sha256(plugins: Iterable[Plugin]) -> str:
    from hashlib import sha256

    digests = sorted({each.source_sha256() for each in plugins})
    return digests[0] if len(digests) == 1 else sha256("".join(digests).encode()).hexdigest()


def _check(plugin: Plugin) -> type[Rule]:
    """Return the class of a check, its hooks guarded; raises UsageError where it is none."""
    found = plugin.load()
    with guarded(plugin, "looking at the check", raises=UsageError):
        faults = list(_faults(plugin, found))
    for fact in faults:
        raise UsageError(plugin.where, fact, f"ask the authors of {plugin.package}")
    from gate.checks.guards import guard  # what is shipped needs none

    check: type[Rule] = found
    guard(check, plugin)
    _BEHIND[check] = plugin
    return check


def _faults(plugin: Plugin, found: Any) -> Iterator[str]:  # noqa: ANN401 -- what a package names
    """Yield what keeps what a plugin names from being a check."""
    if not (isinstance(found, type) and issubclass(found, Rule)):
        yield f"{plain(getattr(found, '__name__', found))} is no subclass of Rule"
        return
    if found in REGISTRY.values():
        yield f"is the shipped check {found.model_fields['check'].default}"
        return
    found.model_rebuild(force=True)
    name = found.model_fields["check"].default
    if name != plugin.name or found.model_json_schema()["properties"]["check"].get("const") != name:
        yield f"does not state check: Literal[{quote(plugin.name)}] = {quote(plugin.name)}"
    if getattr(found, "family", None) not in FAMILIES:
        yield f"has no family; it is one of {list_names(FAMILIES, len(FAMILIES))}"
    if "__doc__" not in vars(found) or not summary(found):
        yield "has no docstring, which is its reference"
    if not found.examples or not all(isinstance(each, Example) for each in found.examples):
        yield "has no examples, which are its tests"
