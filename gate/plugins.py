"""Plugins: what other packages add by entry points, found by name and loaded when it is named.

A package declares them in its own metadata, such as

    [project.entry-points."validate_model.formats"]
    dicom-zip = "their_package.dicom_zip:FORMAT"

Nothing of a package is imported before a policy, a gate file or a flag names what it adds.
"""

from collections.abc import Container
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from gate.errors import UsageError
from gate.masking import mask
from gate.wording import list_names, plain, quote

Door = Literal["checks", "formats", "renderings", "model_sources", "engines"]


@dataclass(frozen=True, slots=True)
class Plugin:
    """One thing that a package adds: a check, a format, a rendering, a model source, an engine."""

    door: Door
    name: str  # as policies, gate files and flags name it
    package: str  # the distribution, as pip names it
    version: str
    _entry: EntryPoint = field(repr=False, compare=False)

    @property
    def where(self) -> str:
        """The plugin as messages name it."""
        return f"plugin {self.name} of {self.package} {self.version}"

    def load(self) -> Any:  # noqa: ANN401 -- what stands behind the door; its caller looks at it
        """Return what the entry point names; raises UsageError where it cannot be imported."""
        try:
            return self._entry.load()
        except Exception as error:
            fact = f"cannot be loaded: {type(error).__name__}: {plain(mask(str(error)), 200)}"
            raise UsageError(self.where, fact, f"mend or reinstall {self.package}") from error


def find_plugin(door: Door, name: str, *, shipped: Container[str]) -> Plugin | None:
    """Return the plugin of this name, not loaded; None where no package adds one.

    ``shipped`` are the names of our own, which are never looked for elsewhere. Raises UsageError
    where two packages add the name: nothing says which is meant.
    """
    if name in shipped:
        return None
    found = [each for each in _installed(door) if each.name == name]
    if len(found) > 1:
        packages = list_names(tuple(sorted(each.package for each in found)))
        raise UsageError(
            quote(name), f"is added by more than one package: {packages}", "uninstall all but one"
        )
    return found[0] if found else None


def plugins_of(package: str, door: Door, *, shipped: Container[str]) -> tuple[Plugin, ...]:
    """Return what an installed package adds at a door, not loaded, in the order of the names.

    Raises UsageError where the package is not installed or adds nothing there, and where it takes a
    name that is in ``shipped``.
    """
    found = sorted(
        (each for each in _installed(door) if _as_pip(each.package) == _as_pip(package)),
        key=lambda each: each.name,
    )
    if not found:
        raise UsageError(
            f"plugin {plain(package)}",
            f"no installed package of this name adds {door.replace('_', ' ')}",
            f"install it beside validate-model, or take {quote(package)} off the list",
        )
    if taken := [each.name for each in found if each.name in shipped]:
        raise UsageError(
            f"plugin {found[0].package} {found[0].version}",
            f"takes a name that validate-model ships: {list_names(tuple(taken))}",
            "let the package choose another name",
        )
    return tuple(found)


def plugin_names(door: Door) -> tuple[str, ...]:
    """Return the names that installed packages add at a door, sorted; nothing is loaded."""
    return tuple(sorted({each.name for each in _installed(door)}))


@cache
def _installed(door: Door) -> tuple[Plugin, ...]:
    return tuple(
        Plugin(door, entry.name, entry.dist.name, entry.dist.version, entry)
        for entry in entry_points(group=f"validate_model.{door}")
        if entry.dist is not None
    )


def _as_pip(package: str) -> str:
    """Return a name as pip compares it (PEP 503)."""
    return "-".join(filter(None, package.lower().replace("_", "-").replace(".", "-").split("-")))
