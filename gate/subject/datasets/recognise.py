"""The format of a path is recognised by its content; names and suffixes count for text alone."""

from pathlib import Path

from gate.errors import DataError
from gate.subject.datasets.formats.record import DataFormat
from gate.subject.datasets.formats.registry import format_named, shipped_formats
from gate.subject.datasets.lookup import located, source_of
from gate.subject.datasets.places import Place
from gate.subject.datasets.spec import DataSpec
from gate.subject.datasets.stored import head_of
from gate.wording import plain, quote

_HEAD = 512  # bytes that tell the formats apart


def format_of_split(spec: DataSpec, base: Path) -> DataFormat:
    """Return the format of a split: the one that it names, or that its keys or its content tell.

    Raises DataError where it is none of ours, UsageError and FactoryError as :func:`format_named`
    does, MissingExtraError where a URL needs an extra.
    """
    if spec.format is not None:
        return format_named(spec.format)
    stated = next((each for each in shipped_formats() if each.is_stated(spec, base)), None)
    return stated or format_of_place(*located(base, spec.path))


def format_of_place(path: Place, shown: str) -> DataFormat:
    """Return the format of what lies at the path.

    Raises DataError where it is none of ours or cannot be read, UsageError as
    :func:`format_named` does.
    """
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
