"""The format of a path is recognised by its content; names and suffixes count for text alone."""

from pathlib import Path

from gate.errors import DataError
from gate.subject.datasets.formats import DataFormat, format_named, shipped_formats
from gate.subject.datasets.places import Place, RemotePath, place_of
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.stored import head_of
from gate.subject.datasets.urls import shown as in_words
from gate.wording import did_you_mean, plain, quote

_HEAD = 512  # bytes that tell the formats apart


def existing(base: Path, written: str) -> Place:
    """Return what the gate file names, below ``base`` or by URL.

    Raises DataError where nothing lies there, UsageError for a wrong URL, MissingExtraError where a
    URL needs an extra.
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


def located(base: Path, written: str | None) -> tuple[Place, str]:
    """Return the place that a key of a split names, and how messages name it; as ``existing``."""
    assert written is not None, "a format is opened where its path is given"
    return existing(base, written), in_words(written)


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


def format_of_split(spec: DataSpec, base: Path) -> DataFormat:
    """Return the format of a split: the one that it names, or that its keys or its content tell.

    Raises DataError where it is none of ours, and as :func:`format_named` does.
    """
    if spec.format is not None:
        return format_named(spec.format)
    stated = next((each for each in shipped_formats() if each.is_stated(spec, base)), None)
    return stated or format_of_place(*located(base, spec.path))


def format_of_place(path: Place, shown: str) -> DataFormat:
    """Return the format of what lies at the path; raises DataError where it is none of ours."""
    head = None if path.is_dir() else _head(path, shown)
    found = next((each for each in shipped_formats() if each.matches(path, head)), None)
    if found is not None:
        return found
    assert head is not None, "a folder is of the format folder"
    for each in shipped_formats():
        if mistaken := each.mistaken(path, head):
            raise DataError(shown, *mistaken)
    return format_named("csv")  # text, or what its reader will say it is


def _head(path: Place, shown: str) -> bytes:
    try:
        return head_of(path, _HEAD)
    except OSError as error:
        raise DataError(
            shown, f"cannot be read: {plain(error.strerror)}", "check its permissions"
        ) from error


def source_of(spec: DataSpec) -> str:
    """Return what names the data of a split in messages: its path, its factory, its format."""
    named = spec.path or spec.factory or spec.predictions or spec.images or spec.format
    assert named is not None, "the spec was validated"
    return in_words(named)


def refuse_unfit_keys(spec: DataSpec, form: DataFormat) -> None:
    """Raise DataError for a key that the format does not know, or where it lacks its path."""
    given = [key for key in type(spec).model_fields if key in spec.model_fields_set]
    stray = [key for key in given if key != "format" and key not in form.keys]
    if stray:  # it would be ignored in silence
        remedy = f"{form.name} takes {', '.join(sorted(form.keys))}"
        if stray[0] in {"group", "slices"}:
            remedy = f"{stray[0]} names columns: list the images in a CSV manifest"
        fact = f"is of the format {form.name}, which has no {quote(stray[0])}"
        raise DataError(source_of(spec), fact, remedy)
    if form.paths and not any(getattr(spec, key) for key in form.paths):
        fact = f"is of the format {form.name}, and nothing says where it lies"
        raise DataError(source_of(spec), fact, f"give {' or '.join(sorted(form.paths))}")
