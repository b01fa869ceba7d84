"""User code: factories named as ``package.module:function``, imported and called.

It is trusted code from the gate file's folder or the environment. Whatever goes wrong in it is said
as an exception's type, its message and the user's own line; a traceback helps nobody in a report.
What it prints goes to standard error: standard output carries one document.
"""

import contextlib
import inspect
import os
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from gate.errors import FactoryError
from gate.subject.importing import imported, located, make_way
from gate.subject.shadows import shadowed
from gate.subject.touched import noted
from gate.subject.wording import did_you_mean, listed, plain, quoted

_SYNTAX = re.compile(r"(?P<module>[^\W\d]\w*(\.[^\W\d]\w*)*):(?P<name>[^\W\d]\w*(\.[^\W\d]\w*)*)")


def load_callable(spec: str, *, base: Path, purpose: str) -> Callable[..., Any]:
    """Return the callable named by ``package.module:function``.

    ``base`` is the gate file's folder; :mod:`.importing` says when a module is taken from there.
    ``purpose`` is the gate file's key, such as ``model.factory``. Raises FactoryError.
    """
    where = f"{purpose} {quoted(spec)}"
    parts = _SYNTAX.fullmatch(spec)
    if parts is None or parts["module"].endswith(".py"):
        raise FactoryError(
            where, "is not of the form package.module:function", _syntax_remedy(spec)
        )
    found: Any = _imported(parts["module"], base, where)
    for name in parts["name"].split("."):
        if not hasattr(found, name):
            public = [each for each in dir(found) if not each.startswith("_")]
            raise FactoryError(
                where,
                f"{_origin(found)} has no {quoted(name)}",
                _taken(spec, base) or did_you_mean(name, public) or f"it has {listed(public)}",
            )
        found = getattr(found, name)
    if not callable(found):
        raise FactoryError(
            where,
            f"is of type {type(found).__name__}, not a function",
            "name a function or a class",
        )
    return found  # type: ignore[no-any-return]  # whatever it returns is checked by who calls it


def is_found(spec: str, *, base: Path) -> bool:
    """Return whether a run would find the package of ``package.module:function``; imports nothing.

    ``base`` is the gate file's folder.
    """
    return located(spec.partition(":")[0], base).spec is not None


def call(function: Callable[..., Any], kwargs: Mapping[str, Any], *, base: Path, where: str) -> Any:  # noqa: ANN401 - it is the user's object; the caller checks what it is
    """Return what the user's function gives; raises FactoryError where it raises."""
    _check_arguments(function, kwargs, where)
    with _as_user_code(base):
        try:
            return function(**kwargs)
        except (Exception, SystemExit) as error:  # user code may raise anything, or call sys.exit
            raise FactoryError(
                where, f"raised {said(error, base)}", "run it in Python to see the traceback"
            ) from error


def said(error: BaseException, base: Path) -> str:
    """Return the exception's type, its message and the user's file and line, in one line."""
    text = plain(error, 200)
    head = f"{type(error).__name__}: {text}" if text else type(error).__name__
    place = _place(error, base)
    return f"{head} ({place})" if place else head


def _imported(module: str, base: Path, where: str) -> ModuleType:
    make_way(module, base)
    with _as_user_code(base):
        try:
            return imported(module, base)
        except ModuleNotFoundError as error:
            raise _missing(error, module, base, where) from error
        except (Exception, SystemExit) as error:  # importing runs user code
            raise FactoryError(
                where,
                f"importing {module} raised {said(error, base)}",
                _taken(module, base) or "make it importable",
            ) from error


def _taken(spec: str, base: Path) -> str:
    """Return which of two modules of a name were taken: perhaps the other one was meant."""
    return "; ".join(shadowed([spec], base))


@contextlib.contextmanager
def _as_user_code(base: Path) -> Iterator[None]:
    with contextlib.redirect_stdout(sys.stderr), noted(base):
        yield


def _missing(error: ModuleNotFoundError, module: str, base: Path, where: str) -> FactoryError:
    absent = error.name or module
    if not (module == absent or module.startswith(f"{absent}.")):
        return FactoryError(
            where,
            f"importing {module} needs the module {quoted(absent)}, which is not installed "
            f"({_place(error, base)})",
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


def _check_arguments(function: Callable[..., Any], kwargs: Mapping[str, Any], where: str) -> None:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some builtins tell no signature: calling will show
        return
    try:
        signature.bind(**kwargs)
    except TypeError as error:
        takes = [name for name in signature.parameters if name not in {"args", "kwargs"}]
        raise FactoryError(
            where,
            f"its arguments do not fit: {plain(error, 200)}",
            f"it takes {listed(takes, 10)}" if takes else "it takes no arguments",
        ) from error


def _place(error: BaseException, base: Path) -> str:
    """Return file:line of the deepest frame in the user's folder, else the deepest of all."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_near(error.filename, base)}:{error.lineno}"
    own = Path(__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<frozen") and not Path(frame.filename).is_relative_to(own)
    ]
    users = [each for each in frames if _is_below(each.filename, base)]
    deepest = (users or frames)[-1:]
    return f"{_near(deepest[0].filename, base)}:{deepest[0].lineno}" if deepest else ""


def _is_below(file: str, base: Path) -> bool:
    return Path(file).resolve().is_relative_to(base.resolve())


def _near(file: str, base: Path) -> str:
    """Return the path below the gate file's folder, or the bare name of a file elsewhere."""
    if _is_below(file, base):
        return plain(os.path.relpath(Path(file).resolve(), base.resolve()))
    return plain(Path(file).name)


def _origin(found: object) -> str:
    if isinstance(found, ModuleType):
        return f"the module {found.__name__}"
    return quoted(getattr(found, "__name__", type(found).__name__))


def _syntax_remedy(spec: str) -> str:
    if spec.endswith(".py") or ".py:" in spec or "/" in spec:
        dotted = re.sub(r"\.py(?=:|$)", "", spec).strip("./").replace("/", ".")
        named = dotted if ":" in dotted else f"{dotted}:build"
        return f"write module names, not paths: {quoted(named)}"
    if ":" not in spec and "." in spec:
        module, _, name = spec.rpartition(".")
        return f"did you mean {quoted(f'{module}:{name}')}?"
    return "write it as in tumour.nets:build_resnet18"
