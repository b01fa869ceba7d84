"""The demo's folder: for each case gate files, a network, its checkpoint, its history and images.

It is written whole or not at all, and nothing in it is ever overwritten: people edit it.
"""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from gate.demo.cases import CASES
from gate.demo.digits import Pixels, pictures
from gate.errors import UsageError

_FILES = Path(__file__).parent / "files"
_USES_VALIDATION = "threshold"  # in the others it is the trainer's alone
_LEFT_BY_RUNS = frozenset({"gate-out", "__pycache__"})


def prepare(out: Path) -> None:
    """Leave the demo's folder at ``out``: made now, or there already as the demo makes it.

    Raises UsageError for a folder that holds anything else, and for one that cannot be written.
    """
    files = dict(_contents())
    where = f"--out {str(out)!r}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        if not any(out.iterdir()):
            _write(files, out)
        elif not _is_as_made(out, files):
            raise UsageError(
                where,
                "holds something else than an untouched demo, and nothing in it is overwritten",
                "name another folder, or delete this one; to judge a demo that you edited, give "
                "the gate.yaml of a case to validate-model run",
            )
    except OSError as error:
        raise UsageError(
            where, f"cannot be read or written ({error.strerror})", "name another folder"
        ) from error


def _contents() -> Iterator[tuple[str, bytes]]:
    """Yield (path below the folder, bytes) of every file of the demo."""
    nets = (_FILES / "nets.py").read_bytes()
    for case in CASES:
        yield f"{case.name}/nets.py", nets
        for file in sorted((_FILES / case.name).iterdir()):
            yield f"{case.name}/{file.name}", file.read_bytes()
        for picture in pictures(case.name):
            if picture.split != "validation" or case.name == _USES_VALIDATION:
                path = f"{case.name}/data/{picture.split}/{picture.label}/{picture.name}.png"
                yield path, _png(picture.pixels)


def _png(pixels: Pixels) -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def _is_as_made(out: Path, files: Mapping[str, bytes]) -> bool:
    """Return whether a folder holds the files of the demo and no others, but for what runs leave.

    It stops at the first difference: the folder may be anybody's, and large.
    """
    missing = set(files)
    for path in _walk(out):
        name = path.relative_to(out).as_posix()
        if name not in files or not path.is_file() or path.read_bytes() != files[name]:
            return False
        missing.discard(name)
    return not missing


def _walk(out: Path) -> Iterator[Path]:
    for folder, below, names in os.walk(out):
        below[:] = [name for name in below if name not in _LEFT_BY_RUNS]
        yield from (Path(folder, name) for name in names)


def _write(files: Mapping[str, bytes], out: Path) -> None:
    """Write the files into an empty folder; after an exception, Ctrl-C included, it is empty."""
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=out))
    try:
        for folder in {(unfinished / name).parent for name in files}:
            folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            (unfinished / name).write_bytes(content)
        for part in list(unfinished.iterdir()):
            part.replace(out / part.name)
    finally:
        shutil.rmtree(unfinished)
