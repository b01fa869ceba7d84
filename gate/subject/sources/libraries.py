"""Libraries of models are imported where one is opened, offline, and their absence is said."""

import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from types import ModuleType

from gate.errors import MissingExtraError, UsageError
from gate.subject.guard import first_line

_EXTRAS = frozenset({"timm", "transformers"})
_OR_FACTORY = (
    "or build the model yourself: under model: add factory: package.module:function, or use --model"
)
_OFFLINE = "HF_HUB_OFFLINE"  # read by huggingface_hub when it is imported


def release_of(library: str, where: str) -> str:
    """Return the release of a library, which is not imported.

    Raises UsageError where it is not installed, with the extra that has it.
    """
    try:
        return version(library)
    except PackageNotFoundError:
        raise _missing(library, where) from None


def import_library(library: str, where: str) -> ModuleType:
    """Return an installed library that may not reach for the network.

    Raises UsageError where it is not installed, and where it does not fit the torch that is.
    """
    if find_spec(library) is None:
        raise _missing(library, where)
    try:
        with _offline():
            return importlib.import_module(library)
    except (ImportError, RuntimeError, OSError, AttributeError) as error:
        raise _unfit(library, where, error) from error


def _missing(library: str, where: str) -> UsageError:
    if library in _EXTRAS:
        return MissingExtraError(where, f"a model of {library}", library)
    return UsageError(
        where,
        f"a model of {library} needs {library}, which is not installed",
        f"install the build of {library} that belongs to torch {version('torch')}, from where that "
        f"torch came; {_OR_FACTORY}",
    )


def _unfit(library: str, where: str, error: Exception) -> UsageError:
    """Return the error of a library that cannot be imported, with the cause that is known.

    The operators of torchvision are compiled for one release and build of torch.
    """
    if "torchvision::" in str(error) or getattr(error, "name", None) == "torchvision":
        by = "" if library == "torchvision" else f", which {library} imports,"
        return UsageError(
            where,
            f"torchvision{by} was not built for torch {version('torch')} ({first_line(error)})",
            "install the build of torchvision that belongs to it, from where that torch came; "
            f"{_OR_FACTORY}",
        )
    return UsageError(
        where,
        f"{library} {version(library)} cannot be imported ({first_line(error)})",
        f"mend the installation of {library}; {_OR_FACTORY}",
    )


@contextmanager
def _offline() -> Iterator[None]:
    before = os.environ.get(_OFFLINE)
    os.environ[_OFFLINE] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_OFFLINE]
        else:
            os.environ[_OFFLINE] = before
