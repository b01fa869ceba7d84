"""What a path holds, by its content; names and suffixes are only believed of text."""

from pathlib import Path

from gate.errors import DataError
from gate.subject.datasets.places import Place, RemotePath, place_of
from gate.subject.datasets.spec import DataSpec, Format
from gate.subject.datasets.stored import head_of
from gate.subject.datasets.tars import is_tar
from gate.wording import did_you_mean, plain, quote

_HEAD = 512  # bytes that tell the formats apart
_TARS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst")


def existing(base: Path, written: str) -> Place:
    """Return what the gate file names, below ``base`` or by URL.

    Raises DataError where nothing lies there, and what :func:`place_of` raises.
    """
    path = place_of(base, written)
    if isinstance(path, RemotePath):
        return _existing_remote(path)
    try:
        if path.is_file() or path.is_dir():
            return path
        if path.exists():  # opening a pipe would wait for ever
            raise DataError(
                plain(written), "is neither a file nor a folder", "copy the data into a file"
            )
        beside = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    except (OSError, ValueError) as error:  # ValueError: a null byte
        words = getattr(error, "strerror", None) or error
        raise DataError(
            plain(written), f"cannot be looked up: {plain(words)}", "check the path"
        ) from error
    raise DataError(
        plain(written),
        "does not exist",
        did_you_mean(path.name, beside) or _where_from(base, written),
    )


def _where_from(base: Path, written: str) -> str:
    if Path(written).is_absolute():
        return "check the path"
    here = "current folder" if base == Path() else "folder of the gate file"
    return f"paths are relative to the {here}"


def _existing_remote(place: RemotePath) -> RemotePath:
    if place.is_web and place.url.endswith("/"):
        raise DataError(
            str(place),
            "is a folder on a web server, which does not say what it holds",
            "list the images in a CSV manifest, or pack them into tars",
        )
    place.system.invalidate_cache()  # of listings, from an earlier run in this process
    if place.is_file() or place.is_dir():
        return place
    raise DataError(
        str(place),
        "does not exist",
        "check the URL; a store may also hide what these credentials may not list",
    )


def format_of(path: Place, shown: str) -> Format:
    """Return the format of what lies at the path; raises DataError where it is none of ours."""
    if path.is_dir():
        return "folder"
    try:
        head = head_of(path, _HEAD)
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check its permissions"
        ) from error
    if is_tar(head) or path.name.lower().endswith(_TARS):  # a packed or damaged one is told there
        return "webdataset"
    if head.startswith((b"\x1f\x8b", b"\0\0\x08")):
        return "idx"
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    if head.startswith(b"PAR1"):
        return "parquet"
    refused = _refused(head) or _misnamed(path, head)
    if refused:
        raise DataError(shown, refused[0], refused[1])
    return "csv"  # text, or what its reader will say it is


def _refused(head: bytes) -> tuple[str, str] | None:
    """Return fact and remedy for content that people do give and that is no dataset."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"BM", b"II*\0", b"MM\0*")):
        return "is one image, not a dataset", "name the folder above the class folders"
    if head.startswith(b"\x93NUMPY"):
        return "is one NumPy array", "save images and labels in one file with numpy.savez"
    if head.startswith((b"\x89HDF", b"SQLite")):
        return "is a database file", "export it as an image folder or NPZ, or use a factory"
    return None


def _misnamed(path: Place, head: bytes) -> tuple[str, str] | None:
    """Return fact and remedy for content that is not what the file's name says."""
    if path.suffix.lower() == ".npz":
        return "is named as NPZ, and is no zip archive", "save it again with numpy.savez"
    if path.name.lower().endswith(("ubyte", ".idx")):
        fact = f"is named as IDX, and begins with {head[:4].hex(' ') or 'nothing'}"
        return fact, "IDX files of unsigned bytes begin with 00 00 08; download or write it again"
    return None


_MANIFEST = frozenset({"path", "image", "label", "id", "group", "group_pattern", "slices"})
# Keys of the gate file that mean something, by format; any other key is a mistake worth a word.
_KEYS: dict[Format, frozenset[str]] = {
    "folder": frozenset({"path", "group_pattern"}),
    "csv": _MANIFEST,
    "parquet": _MANIFEST,
    "idx": frozenset({"path", "images", "labels"}),
    "npz": frozenset({"path", "images", "labels", "group", "slices"}),
    "webdataset": frozenset({"path", "image", "label", "group", "group_pattern", "slices"}),
    "factory": frozenset({"factory", "kwargs"}),
    "predictions": frozenset({"predictions", "id", "label", "group", "slices"}),
}


def refuse_stray_keys(spec: DataSpec, kind: Format, shown: str) -> None:
    """Raise DataError for a key that the format does not know: it would be ignored in silence."""
    given = [key for key in type(spec).model_fields if key in spec.model_fields_set]
    stray = [key for key in given if key != "format" and key not in _KEYS[kind]]
    if not stray:
        if kind == "idx" and spec.path and spec.images:
            raise DataError(shown, "path and images are both given", "give the file of images once")
        return
    remedy = f"{kind} takes {', '.join(sorted(_KEYS[kind]))}"
    if stray[0] in {"group", "slices"}:
        remedy = f"{stray[0]} names columns: list the images in a CSV manifest"
    raise DataError(shown, f"is of the format {kind}, which has no {quote(stray[0])}", remedy)
