"""User code: factories named as ``package.module:function``, imported and called.

It is trusted code from the gate file's folder or the environment. Whatever goes wrong in it is said
as an exception's type, its message and the user's own line; a traceback helps nobody in a report.
What it prints goes to standard error: standard output carries one document.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gate.errors import FactoryError
from gate.subject.guard import (
    IN_PYTHON,
    Guard,
    in_reach,
    kind_of,
    place_of,
    text_of,
    to_standard_error,
)
from gate.subject.importing import import_user_module, locate, make_way
from gate.subject.shadows import find_shadowed
from gate.subject.touched import track_opened_files
from gate.wording import did_you_mean, list_names, plain, quote

_SYNTAX = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")
_NO_MODULE = re.compile(r"No module named '([^\W\d]\w*)")


def load_callable(spec: str, *, base: Path, purpose: str) -> Callable[..., Any]:
    """Return the callable named by ``package.module:function``.

    ``base`` is the gate file's folder; :mod:`.importing` says when a module is taken from there.
    ``purpose`` is the gate file's key, such as ``model.factory``. Raises FactoryError.
    """
    where = f"{purpose} {quote(spec)}"
    parts = _SYNTAX.fullmatch(spec)
    if parts is None or parts["module"].endswith(".py"):
        raise FactoryError(
            where, "is not of the form package.module:function", _syntax_remedy(spec)
        )
    guard = Guard(where, base)
    found: Any = _guarded_import(parts["module"], guard)
    for name in parts["name"].split("."):
        found = _member(found, name, spec, guard)
    if not callable(found):
        raise FactoryError(
            where,
            f"is of type {kind_of(found)}, not a function",
            "name a function or a class",
        )
    return found  # type: ignore[no-any-return]  # whatever it returns is checked by who calls it


def is_found(spec: str, *, base: Path) -> bool:
    """Return whether a run would find the package of ``package.module:function``; imports nothing.

    ``base`` is the gate file's folder.
    """
    return locate(spec.partition(":")[0], base).spec is not None


def absent_module(spec: str, *, base: Path, where: str) -> FactoryError | None:
    """Return the error of a package that a run would not find; None where it would.

    Imports nothing; a module inside a package that is there is not looked for.
    """
    if is_found(spec, base=base):
        return None
    module = spec.partition(":")[0]
    return _missing(ModuleNotFoundError(name=module.partition(".")[0]), module, base, where)


def call(function: Callable[..., Any], kwargs: Mapping[str, Any], *, base: Path, where: str) -> Any:  # noqa: ANN401 - it is the user's object; the caller checks what it is
    """Return what the user's function gives; raises FactoryError where it raises."""
    guard = Guard(where, base)
    with guard.during("looking at its arguments"):
        signature = _signature(function)
        module = str(getattr(function, "__module__", ""))
    if signature is not None:
        _check_arguments(signature, kwargs, where)
    with track_opened_files(base), to_standard_error():
        try:
            with in_reach():
                return function(**kwargs)
        except BaseException as error:  # user code may raise anything
            remedy = _asked_by_name(error, base)
            if not remedy and isinstance(error, ImportError | AttributeError):
                remedy = _taken(module, base)  # perhaps the other one has what was looked for
            raise guard.refusal(error, remedy=remedy or IN_PYTHON) from error


def _asked_by_name(error: BaseException, base: Path) -> str:
    """Return what helps where a package was given the name of a module beside the gate file."""
    found = _NO_MODULE.search(text_of(error))
    if found is None or not locate(found[1], base, is_named=False).is_beside:
        return ""
    return (
        f"import {found[1]} in the factory's own module: code beside the gate file finds what lies "
        "there, a package that is given its name does not"
    )


def _guarded_import(module: str, guard: Guard) -> ModuleType:
    """Return the module; raises FactoryError for whatever its import raises, or ends."""
    try:
        with to_standard_error(), in_reach():
            return _import(module, guard.base, guard.where)
    except FactoryError:
        raise
    except BaseException as error:
        remedy = _taken(module, guard.base) or "make it importable"
        raise guard.refusal(error, f"importing {module}", remedy) from error


def _import(module: str, base: Path, where: str) -> ModuleType:
    make_way(module, base)
    with track_opened_files(base):
        try:
            return import_user_module(module, base)
        except ModuleNotFoundError as error:
            raise _missing(error, module, base, where) from error


def _taken(spec: str, base: Path) -> str:
    """Return which of two modules of a name were taken: perhaps the other one was meant."""
    return "; ".join(find_shadowed([spec], base))


def _missing(error: ModuleNotFoundError, module: str, base: Path, where: str) -> FactoryError:
    absent = error.name or module
    if not (module == absent or module.startswith(f"{absent}.")):
        return FactoryError(
            where,
            f"importing {module} needs the module {quote(absent)}, which is not installed "
            f"({place_of(error, base)})",
            "install it beside validate-model",
        )
    there = _importable(base.joinpath(*absent.split(".")[:-1]))
    last = absent.rpartition(".")[2]
    folder = "beside the gate file" if "." not in absent else f"in {absent.rpartition('.')[0]}"
    fact = f"there is no module {quote(absent)}, neither beside the gate file nor installed"
    remedy = did_you_mean(last, there) or (
        f"{folder} there are: {list_names(there)}"
        if there
        else f"{folder} there is no Python module"
    )
    return FactoryError(where, fact, remedy)


def _importable(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    names = {each.stem for each in folder.glob("*.py")}
    names |= {each.parent.name for each in folder.glob("*/*.py")}
    return sorted(name for name in names if name.isidentifier() and not name.startswith("__"))


def _member(found: object, name: str, spec: str, guard: Guard) -> Any:  # noqa: ANN401 - whatever it is
    """Return what an object of the user's calls ``name``; raises FactoryError."""
    with to_standard_error(), guard.during(f"looking for {quote(name)}"):
        if hasattr(found, name):
            return getattr(found, name)
        public = [each for each in dir(found) if not each.startswith("_")]
        origin = _origin(found)
    raise FactoryError(
        guard.where,
        f"{origin} has no {quote(name)}",
        _taken(spec, guard.base) or did_you_mean(name, public) or f"it has {list_names(public)}",
    )


def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some builtins tell no signature: calling will show
        return None


def _check_arguments(signature: inspect.Signature, kwargs: Mapping[str, Any], where: str) -> None:
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        takes = [name for name in signature.parameters if name not in {"args", "kwargs"}]
        raise FactoryError(
            where,
            f"its arguments do not fit: {plain(error, 200)}",
            f"it takes {list_names(takes, 10)}" if takes else "it takes no arguments",
        ) from error


def _origin(found: object) -> str:
    if isinstance(found, ModuleType):
        return f"the module {found.__name__}"
    return quote(getattr(found, "__name__", type(found).__name__))


def _syntax_remedy(spec: str) -> str:
    if "://" in spec:
        return "write module names, not URLs"
    if spec.endswith(".py") or ".py:" in spec or "/" in spec:
        dotted = re.sub(r"\.py(?=:|$)", "", spec).strip("./").replace("/", ".")
        named = dotted if ":" in dotted else f"{dotted}:build"
        return f"write module names, not paths: {quote(named)}"
    if ":" not in spec and "." in spec:
        module, _, name = spec.rpartition(".")
        return f"did you mean {quote(f'{module}:{name}')}?"
    return "write it as in tumour.nets:build_resnet18"
