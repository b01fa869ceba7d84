"""A saved report, read back."""

from pathlib import Path

from gate.errors import EvidenceError
from gate.evidence.files import lies_aside, previous
from gate.evidence.regular import IrregularError, read_regular
from gate.report.model import SCHEMA_VERSION
from gate.report.notebook import Report
from gate.wording import printable

FILE_NAME = "report.json"
_LARGEST = 1 << 28  # bytes: some hundred thousand results


def read_report(path: Path) -> Report:
    """Return the report in a file, or in the folder that a run left.

    Raises EvidenceError where there is none, or it is damaged or of another version.
    """
    return read_with_bytes(path)[0]


def read_with_bytes(path: Path) -> tuple[Report, bytes]:
    """Return a report and the bytes it was read from; raises EvidenceError where it is none."""
    from pydantic import ValidationError

    file = path / FILE_NAME if path.is_dir() else path
    try:
        text = read_regular(file, most=_LARGEST)
    except IrregularError as error:
        raise EvidenceError(str(file), f"this is no report: {error}", "check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a path with a null byte
        fact = f"there is no report ({getattr(error, 'strerror', None) or 'not a usable path'})"
        remedy = f"`validate-model run` leaves {FILE_NAME} in its output folder"
        if lies_aside(file):
            fact = "there is no report: a call that was faulty put the last one aside"
            remedy = f"run again, or name {printable(str(previous(file)), 200)}"
        raise EvidenceError(str(path), fact, remedy) from error
    try:
        return Report.model_validate_json(text), text
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(printable(str(part), 60) for part in first["loc"])
        raise EvidenceError(
            str(file),
            f"this is no report of version {SCHEMA_VERSION}, or it is damaged "
            f"({f'at {place}' if place else 'it is not JSON'})",
            "measure again with `validate-model run`",
        ) from error
