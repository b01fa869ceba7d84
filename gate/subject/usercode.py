"""User code: factories named as ``package.module:function``, imported and called.

It is trusted code from the gate file's folder or the environment. Whatever goes wrong in it is said
as an exception's type, its message and the user's own line; a traceback helps nobody in a report.
What it prints goes to standard error: standard output carries one document.
"""

import contextlib
import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gate.errors import FactoryError
from gate.subject.guard import Guard, in_reach, kind_of, place_of, said, to_standard_error
from gate.subject.touched import noted
from gate.subject.wording import did_you_mean, listed, plain, quoted

_SYNTAX = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")

# Which gate file's folder a module came from. Two gate files judged in one process may each have
# their own nets.py, and the second must not get the first one's.
_came_from: dict[str, Path] = {}


def load_callable(spec: str, *, base: Path, purpose: str) -> Callable[..., Any]:
    """Return the callable named by ``package.module:function``.

    ``base``, the gate file's folder, is searched first, and is on ``sys.path`` only meanwhile.
    ``purpose`` is the gate file's key, such as ``model.factory``. Raises FactoryError.
    """
    where = f"{purpose} {quoted(spec)}"
    parts = _SYNTAX.fullmatch(spec)
    if parts is None or parts["module"].endswith(".py"):
        raise FactoryError(
            where, "is not of the form package.module:function", _syntax_remedy(spec)
        )
    guard = Guard(where, base)
    found: Any = _guarded_import(parts["module"], guard)
    for name in parts["name"].split("."):
        found = _member(found, name, guard)
    if not callable(found):
        raise FactoryError(
            where,
            f"is of type {kind_of(found)}, not a function",
            "name a function or a class",
        )
    return found  # type: ignore[no-any-return]  # whatever it returns is checked by who calls it


def is_found(spec: str, *, base: Path) -> bool:
    """Return whether a run would find the module of ``package.module:function``; imports nothing.

    It looks for the package only: in ``base``, the gate file's folder, and where Python looks.
    """
    package = spec.partition(":")[0].partition(".")[0]
    if (base / f"{package}.py").is_file() or (base / package).is_dir():
        return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError):  # no name of a module: the run says so
        return False


def call(function: Callable[..., Any], kwargs: Mapping[str, Any], *, base: Path, where: str) -> Any:  # noqa: ANN401 - it is the user's object; the caller checks what it is
    """Return what the user's function gives; raises FactoryError where it raises."""
    guard = Guard(where, base)
    with guard.during("looking at its arguments"):
        signature = _signature(function)
    if signature is not None:
        _check_arguments(signature, kwargs, where)
    with _as_user_code(base), to_standard_error(), guard.during():
        return function(**kwargs)


def _guarded_import(module: str, guard: Guard) -> ModuleType:
    """Return the module; raises FactoryError for whatever its import raises, or ends."""
    try:
        with to_standard_error(), in_reach():
            return _imported(module, guard.base, guard.where)
    except FactoryError:
        raise
    except BaseException as error:
        doing = f"importing {module}"
        raise guard.refusal(error, doing, "make it importable") from error


def _imported(module: str, base: Path, where: str) -> ModuleType:
    _forget_other_folders(base)
    before = set(sys.modules)
    with _as_user_code(base):
        try:
            return importlib.import_module(module)
        except ModuleNotFoundError as error:
            raise _missing(error, module, base, where) from error
        except (Exception, SystemExit) as error:  # importing runs user code
            raise FactoryError(
                where, f"importing {module} raised {said(error, base)}", "make it importable"
            ) from error
        finally:
            _remember(set(sys.modules) - before, base)


@contextlib.contextmanager
def _as_user_code(base: Path) -> Iterator[None]:
    entry = str(base.resolve())
    sys.path.insert(0, entry)
    importlib.invalidate_caches()
    try:
        with contextlib.redirect_stdout(sys.stderr), noted(base):
            yield
    finally:
        with contextlib.suppress(ValueError):  # the user's code may have removed it already
            sys.path.remove(entry)


def _forget_other_folders(base: Path) -> None:
    for name, folder in list(_came_from.items()):
        if folder != base.resolve():
            sys.modules.pop(name, None)
            del _came_from[name]


def _remember(names: set[str], base: Path) -> None:
    folder = base.resolve()
    for name in names:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).resolve().is_relative_to(folder):
            _came_from[name] = folder


def _missing(error: ModuleNotFoundError, module: str, base: Path, where: str) -> FactoryError:
    absent = error.name or module
    if not (module == absent or module.startswith(f"{absent}.")):
        return FactoryError(
            where,
            f"importing {module} needs the module {quoted(absent)}, which is not installed "
            f"({place_of(error, base)})",
            "install it beside validate-model",
        )
    there = _importable(base.joinpath(*absent.split(".")[:-1]))
    last = absent.rpartition(".")[2]
    folder = "beside the gate file" if "." not in absent else f"in {absent.rpartition('.')[0]}"
    fact = f"there is no module {quoted(absent)}, neither beside the gate file nor installed"
    remedy = did_you_mean(last, there) or (
        f"{folder} there are: {listed(there)}" if there else f"{folder} there is no Python module"
    )
    return FactoryError(where, fact, remedy)


def _importable(folder: Path) -> list[str]:
    if not folder.is_dir():
        return []
    names = {each.stem for each in folder.glob("*.py")}
    names |= {each.parent.name for each in folder.glob("*/*.py")}
    return sorted(name for name in names if name.isidentifier() and not name.startswith("__"))


def _member(found: object, name: str, guard: Guard) -> Any:  # noqa: ANN401 - whatever it is
    """Return what an object of the user's calls ``name``; raises FactoryError."""
    with to_standard_error(), guard.during(f"looking for {quoted(name)}"):
        if hasattr(found, name):
            return getattr(found, name)
        public = [each for each in dir(found) if not each.startswith("_")]
        origin = _origin(found)
    raise FactoryError(
        guard.where,
        f"{origin} has no {quoted(name)}",
        did_you_mean(name, public) or f"it has {listed(public)}",
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
            f"it takes {listed(takes, 10)}" if takes else "it takes no arguments",
        ) from error


def _origin(found: object) -> str:
    if isinstance(found, ModuleType):
        return f"the module {found.__name__}"
    return quoted(getattr(found, "__name__", type(found).__name__))


def _syntax_remedy(spec: str) -> str:
    if "://" in spec:
        return "write module names, not URLs"
    if spec.endswith(".py") or ".py:" in spec or "/" in spec:
        dotted = re.sub(r"\.py(?=:|$)", "", spec).strip("./").replace("/", ".")
        named = dotted if ":" in dotted else f"{dotted}:build"
        return f"write module names, not paths: {quoted(named)}"
    if ":" not in spec and "." in spec:
        module, _, name = spec.rpartition(".")
        return f"did you mean {quoted(f'{module}:{name}')}?"
    return "write it as in tumour.nets:build_resnet18"
