r"""Lists beside the report, as CSV that spreadsheets and terminals do not execute.

Names come from outside. In a cell of text a backslash is written twice, and as ``\xNN``, ``\uNNNN``
or ``\UNNNNNNNN`` is written what cannot be printed, and a sign that would begin a formula: ``=``,
``+``, ``-`` or ``@``, also a wide one, at the start of the cell or after a separator in it. Any
program gets the name back by Python's ``unicode_escape``::

    cell.encode("latin-1", "backslashreplace").decode("unicode_escape")

Numbers stay numbers, negative ones too, also where they are the name of an image.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# A spreadsheet may take another separator than the comma for the end of a cell, and skips blanks
# and quotes before a formula.
_FORMULA = re.compile(
    r"""((?:^|[,;|])[\s"']*)([=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b])"""
)

Cell = str | int | float | None


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return lines of CSV, the header first; every cell of text as :func:`escape` writes it."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(
        [escape(cell) if isinstance(cell, str) else cell for cell in row] for row in rows
    )
    return text.getvalue()


def escape(text: str) -> str:
    r"""Return a cell that shows the same name and does nothing.

    >>> escape("=1+1"), escape("a\x1b[2J"), escape("-5"), escape("cat/1.png")
    ('\\x3d1+1', 'a\\x1b[2J', '-5', 'cat/1.png')
    """
    if _NUMBER.fullmatch(text):
        return text
    text = text.replace("\\", r"\\")
    text = _FORMULA.sub(lambda found: found[1] + _code(found[2]), text)
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _code(each) for each in text)


def _code(character: str) -> str:
    """Return the escape of a character, as Python writes it."""
    number = ord(character)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
