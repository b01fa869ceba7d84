"""Plugins: entry points of other packages are found by name, and loaded when named.

A package declares them in its own metadata, such as

    [project.entry-points."validate_model.formats"]
    dicom-zip = "their_package.dicom_zip:FORMAT"

Nothing of a package is imported before a policy, a gate file or a flag names what it adds. An
entry point that is not named in letters, digits, ``.``, ``_`` and ``-`` of ASCII is passed over:
reports and messages could not tell it from another.
"""

import re
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from traceback import walk_tb
from typing import Any, Literal

from gate.errors import GateError, PluginError, UsageError
from gate.masking import mask
from gate.wording import list_names, plain, quote

_LOADED: dict[str, "Plugin"] = {}  # by the top package of its code
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"  # of packages as PEP 508 has it
_VERSION = r"[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}"
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
        """Return what the entry point names; raises UsageError where it cannot be imported.

        What it prints meanwhile goes to standard error.
        """
        try:
            with redirect_stdout(sys.stderr):
                found = self._entry.load()
        except (Exception, SystemExit) as error:
            fact = f"cannot be loaded: {_in_words(error)}"
            raise UsageError(self.where, fact, f"mend or reinstall {self.package}") from error
        _LOADED[self._entry.module.partition(".")[0]] = self
        return found

    def source_sha256(self) -> str:
        """Return the SHA-256 over names and bytes of the files of its module or package.

        Bytecode is left out, and nothing is imported. Raises UsageError where they cannot be read.
        """
        return self.source()[1]

    def source(self) -> tuple[int, str]:
        """Return how many files its module or package has, and the SHA-256 of these.

        Raises UsageError as :meth:`source_sha256` does.
        """
        try:
            files = _source_files(self._entry.module)
            lines = (f"{name}\0{sha256(path.read_bytes()).hexdigest()}\n" for name, path in files)
            return len(files), sha256("".join(lines).encode()).hexdigest()
        except (OSError, ImportError, ValueError) as error:
            fact = f"its files cannot be read: {_in_words(error)}"
            raise UsageError(self.where, fact, f"mend or reinstall {self.package}") from error


def _source_files(module: str) -> list[tuple[str, Path]]:
    """Return (name, path) of the files of the top package of a module, or of what it holds.

    A folder that several packages share (a namespace) is left for the part of it that is meant.
    """
    top, *deeper = module.split(".")
    spec = find_spec(top)
    while spec is not None and spec.origin is None and deeper:
        top = f"{top}.{deeper.pop(0)}"
        spec = find_spec(top)
    if spec is None:
        raise ImportError(f"there is no module {module}")
    if spec.submodule_search_locations is None:
        file = Path(str(spec.origin))
        return [(file.name, file)]
    return sorted(
        (path.relative_to(folder).as_posix(), path)
        for folder in map(Path, spec.submodule_search_locations)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    )


@contextmanager
def guarded(
    plugin: Plugin,
    doing: str,
    *,
    let: type[Exception] = PluginError,
    raises: type[GateError] = PluginError,
) -> Iterator[None]:
    """Return a context for code of a plugin: what it prints goes to standard error.

    Whatever it raises, an exit too, becomes an error that names the package and what it was
    ``doing``; one of ``let`` is raised as it is.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (PluginError, let):
        raise
    except (Exception, SystemExit) as error:
        remedy = f"ask the authors of {plugin.package}, or use another version of it"
        raise raises(plugin.where, f"{doing}: {_in_words(error)}", remedy) from error


def _in_words(error: BaseException) -> str:
    return f"{type(error).__name__}: {plain(mask(str(error)), 200)}"


def plugin_that_raised(error: BaseException) -> Plugin | None:
    """Return the plugin whose code an error came out of, where it came past that of any."""
    for frame, _ in walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__", ""))
        if plugin := _LOADED.get(module.partition(".")[0]):
            return plugin
    return None


def find_plugin(door: Door, name: str, *, shipped: Container[str]) -> Plugin | None:
    """Return the plugin of this name, not loaded; None where no package adds one.

    ``shipped`` are the names of our own, which are never looked for elsewhere. Raises UsageError
    where two packages add the name: nothing says which is meant. Raises it too where the metadata
    of the package have no name and version that a report can show.
    """
    if name in shipped:
        return None
    found = [each for each in _installed(door) if each.name == name]
    if len(found) > 1:
        packages = list_names(tuple(sorted(each.package for each in found)))
        raise UsageError(
            quote(name), f"is added by more than one package: {packages}", "uninstall all but one"
        )
    if not found:
        return None
    package, version = found[0].package, found[0].version
    if not (re.fullmatch(_NAME, str(package)) and re.fullmatch(_VERSION, str(version))):
        raise UsageError(
            f"plugin {plain(name)} of {plain(str(package), 100)}",
            f"its metadata holds no name with a version: {plain(str(version), 100)}",
            "ask its authors for metadata as pip reads it, or uninstall it",
        )
    return found[0]


def plugins_of(package: str, door: Door, *, shipped: Container[str]) -> tuple[Plugin, ...]:
    """Return what an installed package adds at a door, not loaded, in the order of the names.

    Raises UsageError where the package is not installed or adds nothing there, and where it takes a
    name that is in ``shipped``.
    """
    found = sorted(
        (each for each in _installed(door) if as_pip(each.package) == as_pip(package)),
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


def _installed(door: Door) -> tuple[Plugin, ...]:
    return tuple(
        Plugin(door, entry.name, entry.dist.name, entry.dist.version, entry)
        for entry in entry_points(group=f"validate_model.{door}")
        if entry.dist is not None and re.fullmatch(_NAME, entry.name)
    )


def as_pip(package: str) -> str:
    """Return a name as pip compares it (PEP 503)."""
    return "-".join(filter(None, package.lower().replace("_", "-").replace(".", "-").split("-")))
