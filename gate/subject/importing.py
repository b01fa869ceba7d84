"""Modules of user code are found by one rule, for imports, digests and questions alike.

Installed modules come first. Beside the gate file lie two kinds of modules that are found: the
packages that it names a factory of, and what is not installed and code that lies there imports. Any
other code finds nothing there, not even what it would only try to import. The folder is never on
``sys.path``: the processes that are started have it from there.
"""

import importlib
import os
import sys
import sysconfig
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, ModuleType

# What this program itself is made of. A process has one module of a name, and these are loaded
# sooner or later, by whoever comes first.
_NEEDED = (
    *("PIL", "blake3", "click", "cryptography", "fsspec", "functorch", "gate", "jinja2"),
    *("numpy", "onnx", "onnxruntime", "pyarrow", "pydantic", "pydantic_core", "ray"),
    *("scipy", "sklearn", "tensorboard", "torch", "torchgen", "yaml"),
)
_STDLIB = os.path.realpath(sysconfig.get_path("stdlib")) + os.sep
_PACKAGES = {"site-packages", "dist-packages"}  # the second is Debian's


@dataclass(frozen=True, slots=True)
class Located:
    """Where a top-level module is found, if anywhere, and whether it is found elsewhere too."""

    spec: ModuleSpec | None
    is_beside: bool  # the gate file, and not installed
    passed_over: ModuleSpec | None = None  # in the other of the two places

    @property
    def folders(self) -> tuple[str, ...] | None:
        """The folders of a package; None for a module of one file, and for nothing."""
        found = self.spec.submodule_search_locations if self.spec else None
        return None if found is None else tuple(found)


def locate(module: str, base: Path, *, is_named: bool = True) -> Located:
    """Return where the top-level package of ``module`` is found for user code; imports nothing.

    ``base`` is the gate file's folder. ``is_named`` tells whether the gate file names a factory of
    the package: then the one beside it comes first. What does not hold the whole of ``module``
    comes after what does. Folders that Python has listed are not listed again:
    ``importlib.invalidate_caches`` has it look for what has come since.
    """
    package = top_level(module)
    beside, installed = _beside(package, base), _installed(package)
    if beside is None or installed is None or _is_same(beside, installed):
        return Located(beside or installed, beside is not None)
    if _is_namespace(beside) and _is_namespace(installed):
        return Located(_join(beside, installed), is_beside=True)
    first = is_named
    if _holds(beside, module) != _holds(installed, module):
        first = _holds(beside, module)
    elif _is_namespace(beside) != _is_namespace(installed):  # as Python has it: any folder is one
        first = _is_namespace(installed)
    if first and not is_reserved(package):
        return Located(beside, True, installed)
    return Located(installed, False, beside)


def make_way(module: str, base: Path) -> None:
    """Forget what would be taken for ``module`` and what it imports, and is not what it means.

    Two gate files judged in one process may each have a module of one name. ``base``, the folder of
    this one, is looked into from now on.
    """
    importlib.invalidate_caches()
    name_packages([module], base)
    _enter(base.resolve())
    found = locate(module, base)
    if found.is_beside:
        _forget_loaded(top_level(module), found)


def import_user_module(module: str, base: Path) -> ModuleType:
    """Import a module, for which way was made, for user code; raises whatever that raises."""
    importlib.invalidate_caches()
    before = set(sys.modules)
    try:
        return importlib.import_module(module)
    finally:
        _remember(set(sys.modules) - before, base.resolve())


def name_packages(modules: Iterable[str], base: Path) -> None:
    """Take down that the gate file of a folder names factories of these modules."""
    _named.setdefault(base.resolve(), {}).update({top_level(each): each for each in modules})


def resolves_otherwise(files: Iterable[str], base: Path) -> bool:
    """Return whether user code made of these files would be made of others today.

    They are called as :func:`gate.subject.touched.used_files` calls them: those beside the gate
    file by their path from there. A module may have been installed since, or put beside it.
    """
    ours = {Path(each).parts[0].removesuffix(".py") for each in files if _is_source_beside(each)}
    named = _named.get(base.resolve(), {})
    importlib.invalidate_caches()
    return any(
        locate(module, base).is_beside != (package in ours) for package, module in named.items()
    ) or any(not locate(each, base, is_named=False).is_beside for each in ours - set(named))


def is_reserved(package: str) -> bool:
    """Return whether Python or this program has a module of the name, which no other may take."""
    return package in _NEEDED or package in sys.stdlib_module_names


def top_level(module: str) -> str:
    """Return the first name of a dotted one, of a module or of ``package.module:function``."""
    return module.partition(":")[0].partition(".")[0]


_named: dict[Path, dict[str, str]] = {}  # by folder: top-level package -> a module of a factory
_came_from: dict[str, Path] = {}  # top-level module -> the folder that it was found in
_base: Path | None = None  # the folder of the gate file that user code runs for
_path: tuple[str, ...] = ()  # sys.path when it began


class _Finder(MetaPathFinder):
    """Finds what lies beside the gate file, for whom it is there."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,  # noqa: ARG002 -- importlib's signature
    ) -> ModuleSpec | None:
        if path is not None or _base is None:
            return None
        named = _named.get(_base, {}).get(fullname)
        if named is None and not _is_asked_by_code_of(_base, sys._getframe(1)):  # noqa: SLF001 -- the only way to know who asks
            return None
        found = locate(named or fullname, _base, is_named=named is not None)
        if not found.is_beside:
            return None
        _came_from[fullname] = _base
        return found.spec


_FINDER = _Finder()


def _enter(base: Path) -> None:
    """Let user code of this folder find its modules from now on, in all threads."""
    global _base, _path
    if _FINDER not in sys.meta_path:
        sys.meta_path.insert(0, _FINDER)
    if base == _base:
        return
    # What code of the last folder has put on the path would be found before this one's.
    sys.path[:] = [each for each in sys.path if each in _path or not _is_below(each, _base)]
    for name, folder in list(_came_from.items()):
        if folder != base:
            _forget(name)
            del _came_from[name]
    _base, _path = base, tuple(sys.path)


def _forget(package: str) -> None:
    for name in list(sys.modules):
        if top_level(name) == package:
            del sys.modules[name]


def _forget_loaded(package: str, found: Located) -> None:
    """Forget a module of the name that was loaded from another place, perhaps before we came."""
    spec = getattr(sys.modules.get(package), "__spec__", None)
    if spec is None or found.spec is None:
        return
    folders = spec.submodule_search_locations
    same = (
        spec.origin == found.spec.origin if spec.origin else tuple(folders or ()) == found.folders
    )
    if not same:
        _forget(package)


def _remember(names: Iterable[str], base: Path) -> None:
    """Take down which modules lie in the folder, however user code has found them."""
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if isinstance(file, str) and _is_code_of(base, file) and not is_reserved(top_level(name)):
            _came_from[top_level(name)] = base


def _beside(package: str, base: Path) -> ModuleSpec | None:
    return PathFinder.find_spec(package, [str(base.resolve())])


def _installed(package: str) -> ModuleSpec | None:
    """Return what Python would find without us; what is installed to be edited has a finder."""
    for finder in sys.meta_path:
        if finder is not _FINDER and hasattr(finder, "find_spec"):
            found = finder.find_spec(package, None)
            if found is not None:
                return found
    return None


def _is_same(one: ModuleSpec, other: ModuleSpec) -> bool:
    """Return whether two ways lead to one file: the folder may be on the path of its owner."""
    if one.origin is None or other.origin is None:
        return False
    return os.path.realpath(one.origin) == os.path.realpath(other.origin)


def _is_namespace(spec: ModuleSpec) -> bool:
    """Return whether a module is a mere folder."""
    return spec.origin is None and spec.submodule_search_locations is not None


def _join(one: ModuleSpec, other: ModuleSpec) -> ModuleSpec:
    joined = ModuleSpec(one.name, None, is_package=True)
    folders = (*(one.submodule_search_locations or ()), *(other.submodule_search_locations or ()))
    joined.submodule_search_locations = list(dict.fromkeys(folders))
    return joined


def _holds(spec: ModuleSpec, module: str) -> bool:
    """Return whether a package has the whole of a dotted module, as far as files tell."""
    found: ModuleSpec | None = spec
    names = module.split(".")
    for count in range(2, len(names) + 1):
        folders = found.submodule_search_locations if found else None
        if folders is None:
            return False
        found = PathFinder.find_spec(".".join(names[:count]), list(folders))
    return found is not None


def _is_asked_by_code_of(base: Path, frame: FrameType | None) -> bool:
    """Return whether code in the folder asks for a module, directly or through Python's own."""
    while frame is not None:
        file = frame.f_code.co_filename
        is_module = frame.f_code.co_name == "<module>"
        if not file.startswith("<") and (is_module or not _is_of_python(file)):
            package = top_level(str(frame.f_globals.get("__name__", "")))
            if is_reserved(package):
                return False
            return _came_from.get(package) == base or _is_code_of(base, file)
        frame = frame.f_back
    return False


def _is_of_python(file: str) -> bool:
    return file.startswith(_STDLIB) and _PACKAGES.isdisjoint(Path(file).parts)


def _is_code_of(base: Path, file: str) -> bool:
    """Return whether a file lies in the folder, and not in packages installed below it."""
    return _is_below(file, base) and _PACKAGES.isdisjoint(Path(file).parts)


def _is_below(path: str, folder: Path | None) -> bool:
    return folder is not None and Path(path).is_relative_to(folder)


def _is_source_beside(file: str) -> bool:
    return file.endswith(".py") and not Path(file).is_absolute() and not file.startswith("..")
