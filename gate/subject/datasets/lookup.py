"""The places that a split of the gate file names are looked up, and named in messages."""

from pathlib import Path

from gate.errors import DataError
from gate.subject.datasets.places import Place, RemotePath, place_of
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.urls import shown as in_words
from gate.wording import did_you_mean, plain


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
    """Return the place that a key of a split names, and how messages name it.

    Raises DataError, UsageError and MissingExtraError as :func:`existing` does.
    """
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


def source_of(spec: DataSpec) -> str:
    """Return what names the data of a split in messages: its path, its factory, its format."""
    named = spec.path or spec.factory or spec.predictions or spec.images or spec.format
    assert named is not None, "the spec was validated"
    return in_words(named)
