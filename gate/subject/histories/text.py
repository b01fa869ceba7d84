"""Bytes and cells as text and numbers, with words for what is neither."""

from collections.abc import Sequence
from pathlib import Path

from gate import wording
from gate.errors import HistoryError
from gate.wording import quote

MOST_BYTES = 32 * 2**20  # a row an epoch needs kilobytes; more is a log of something else

_NOT_LOGGED = frozenset({"", "-", "na", "n/a", "none", "null"})
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def show_cell(cell: object) -> str:
    """Return what a cell holds in words for a message, without writing out lists and objects."""
    match cell:
        case str():
            return quote(cell)
        case bool():
            return "true" if cell else "false"
        case int() | float():
            return f"{cell:g}"
        case list():
            return "a list"
        case dict():
            return "an object"
        case _:
            return "nothing"


def list_names(names: Sequence[str], most: int = 12) -> str:
    """Return ``names`` quoted, for columns may hold blanks; beyond ``most`` only their number."""
    return wording.list_names([quote(name, 60) for name in names], most)


def read_text(path: Path) -> str:
    """Return the text of a file of UTF-8, or of UTF-16 with a byte order mark.

    HistoryError is raised for a file that is too large, is empty or is no text.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        fact = f"has {size / 2**20:.0f} MiB, a history may have {MOST_BYTES // 2**20}"
        raise HistoryError(str(path), fact, "keep one row an epoch")
    text = _decode(path, path.read_bytes())
    if not text.strip():
        raise HistoryError(str(path), "is empty", "give the file that the training wrote")
    return text


def head(path: Path) -> bytes:
    """Return the first 64 bytes of a file, enough to recognise what is no text."""
    with path.open("rb") as stream:
        return stream.read(64)


def number(cell: object) -> float | None:
    """Return a cell as a float, NaN and infinities included, or None where nothing was logged.

    ValueError is raised for anything else: text, true and false, ``1_000`` (a typo, not a number).
    """
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, str | int | float):
        raise ValueError("neither a number nor empty")
    if isinstance(cell, int):
        try:
            return float(cell)
        except OverflowError:
            return float("inf") if cell > 0 else float("-inf")
    if isinstance(cell, float):
        return cell
    text = cell.strip()
    if text.lower() in _NOT_LOGGED:
        return None
    if "_" in text or not text.isascii():
        raise ValueError("not a number")
    return float(text)


def _decode(path: Path, content: bytes) -> str:
    marks = (name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark))
    encoding = next(marks, "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        fact = f"is not {encoding.upper().removesuffix('-SIG')} text: byte {error.start} is none"
        raise HistoryError(str(path), fact, "save it as UTF-8, or give a known format") from error
    if "\0" in text:
        raise HistoryError(str(path), "is binary, not a history", "give the tracker's own file")
    return text
