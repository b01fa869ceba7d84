"""The source files of user code: those of the package that a factory comes from, run or not."""

import importlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import file_digest, sha256
from pathlib import Path

from gate.subject.importing import Located, locate, top_level
from gate.subject.touched import portable_name

_SUFFIX = ".py"


@dataclass(frozen=True, slots=True)
class Package:
    """A top-level package or module, and what each of its source files holds."""

    name: str
    files: Mapping[str, str]  # name below the folder that holds the package -> sha256

    @property
    def sha256(self) -> str | None:
        """The SHA-256 over names and bytes of all files; None where there are none to read."""
        if not self.files:
            return None
        lines = [f"{digest} {name}" for name, digest in sorted(self.files.items())]
        return sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()

    def differing(self, used: Mapping[str, str | None]) -> str | None:
        """Return a used file of this package that holds something else here; None without one.

        ``used`` are files that user code was made of where it ran, as
        :func:`gate.subject.touched.used_files` names them.
        """
        own = (f"{self.name}{_SUFFIX}", f"{self.name}/")
        for file, digest in used.items():
            name = portable_name(file)
            if digest is None or name is None or not name.endswith(_SUFFIX):
                continue
            if name.startswith(own) and self.files.get(name) != digest:
                return name
        return None


def package_of(factory: str, *, base: Path) -> Package:
    """Return the package of ``package.module:function`` as an import from ``base`` finds it.

    ``base`` is the gate file's folder. Nothing is imported. A package without source files, such as
    one of compiled code, has none.
    """
    name = top_level(factory)
    importlib.invalidate_caches()
    files = {}
    for path, below in sorted(sources(name, locate(factory.partition(":")[0], base))):
        try:
            with path.open("rb") as stream:
                files[below] = file_digest(stream, "sha256").hexdigest()
        except OSError:  # what cannot be read cannot be imported either
            continue
    return Package(name, files)


def sources(name: str, found: Located) -> Iterator[tuple[Path, str]]:
    """Yield the source files of a package, and their names below the folder that holds it."""
    if found.folders is None:
        origin = found.spec.origin if found.spec else None
        if origin and origin.endswith(_SUFFIX):
            yield Path(origin), f"{name}{_SUFFIX}"
        return
    for location in found.folders:
        folder = Path(location)
        for path in _below(folder):
            yield path, f"{name}/{path.relative_to(folder).as_posix()}"


def _below(folder: Path) -> Iterator[Path]:
    """Yield the source files below a folder; what lies in folders that no import enters is none."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if each.isidentifier())
        yield from (Path(place, file) for file in files if file.endswith(_SUFFIX))
