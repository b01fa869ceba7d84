"""The layout of the text: paragraphs that begin with a word, wrapped, cut and coloured."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass

from gate.wording import printable

INDENT = 6  # where sentences begin: after the longest of the common words, and a blank
_CUT = " …"
_RED, _YELLOW, _GREEN, _RESET = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_COLOURS: Mapping[str, str] = {
    "FAIL": _RED,
    "ERROR": _RED,
    "INCONCLUSIVE": _YELLOW,
    "WARN": _YELLOW,
    "PASS": _GREEN,
    "pass": _GREEN,
}


@dataclass(frozen=True, slots=True)
class Page:
    """How wide the text is, and whether its first words carry colour."""

    width: int
    colour: bool

    def paragraph(self, start: str, said: str, *, most: int = 0, after: int = 0) -> list[str]:
        """Return lines: a word at the margin, then a sentence; at most so many lines, 0 for all.

        ``after`` is how many columns of the sentence hang out to the left of its other lines.
        """
        indent = max(INDENT, len(start) + 2 if start else 0)
        lines = textwrap.wrap(
            printable(said, 4000),
            self.width,
            initial_indent=f"{start:<{indent}}",
            subsequent_indent=" " * (indent + after),
            break_long_words=False,
            break_on_hyphens=False,
            max_lines=most or None,
            placeholder=_CUT,
        )
        return self.paint(start, lines or [start])

    def paint(self, start: str, lines: list[str]) -> list[str]:
        """Return the lines with the word that the first begins with in its colour."""
        if not self.colour or start not in _COLOURS:
            return lines
        return [f"{_COLOURS[start]}{start}{_RESET}{lines[0][len(start) :]}", *lines[1:]]
