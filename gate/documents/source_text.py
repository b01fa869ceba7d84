"""A document as text: its bytes are bounded, decoded and checked before they are parsed."""

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from gate.errors import DocumentError, Fault, UsageError
from gate.utf8 import as_utf8

LARGEST = 256 * 1024  # bytes: some 3,000 rules; what is larger was not written by a person
_WIDEST = 160  # characters of a line that are shown with its caret
MOST_FAULTS = 50  # shown of one file; who wrote more has the wrong file

# Line breaks that editors do not count, characters that reorder what a reader sees, and control
# characters: none of them belongs into a document that people review line by line.
FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd"
    "\U00010000-\U0010ffff]"
)
_INDENTED_BY_TAB = re.compile(r"^ *\t")


@dataclass(frozen=True)
class Source:
    """The text of one document; ``file`` is its name in messages."""

    file: str
    text: str
    sha256: str  # of the bytes

    @cached_property
    def lines(self) -> list[str]:
        """Return the lines as editors count them."""
        return re.split(r"\r\n|\r|\n", self.text)

    def fault(self, line: int, column: int, fact: str, remedy: str = "") -> Fault:
        """Return a fault at a place, lines and columns from 1, with the line for its caret."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        text = text[: _WIDEST + 1].replace("\t", "→")  # one column each, as in the file
        shown = "".join(letter if letter.isprintable() else "�" for letter in text)
        if column > _WIDEST:
            shown = ""
        elif len(shown) > _WIDEST:
            shown = shown[:_WIDEST] + "…"
        return Fault(self.file, line, column, fact, remedy, shown)


def read_source(path: Path, file: str) -> Source:
    """Return the text of a document.

    Raises UsageError where there is no such file, and DocumentError with every place where the
    text is too large, not UTF-8, indented by tabs or holds characters that nobody can see.
    """
    data = _read_bytes(path, file)
    file = as_utf8(file)
    digest = hashlib.sha256(data).hexdigest()
    try:
        text = data.decode("utf-8-sig")  # some editors put a mark in front
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig")
        known = Source(file, before, digest)
        line, column = len(known.lines), len(known.lines[-1]) + 1
        fact = f"the byte 0x{data[error.start]:02x} is not UTF-8"
        raise DocumentError([known.fault(line, column, fact, "save the file as UTF-8")]) from error
    source = Source(file, text, digest)
    refuse(_unreadable(source))
    return source


def refuse(faults: list[Fault]) -> None:
    """Raise DocumentError where there are faults; of very many, with the first ones."""
    if not faults:
        return
    ordered = sorted(faults, key=lambda fault: (fault.file, fault.line, fault.column))
    shown = ordered[:MOST_FAULTS]
    if len(ordered) > MOST_FAULTS:
        more = ordered[MOST_FAULTS]
        fact, remedy = "more faults follow from here", "mend those above first"
        shown.append(Fault(more.file, more.line, more.column, fact, remedy))
    raise DocumentError(shown)


def _read_bytes(path: Path, file: str) -> bytes:
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except FileNotFoundError:
        raise UsageError(file, "no such file", "check the path") from None
    except IsADirectoryError:
        raise UsageError(file, "this is a folder", "name the file inside it") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise UsageError(file, f"the file cannot be read ({reason})", "check its path") from error
    if len(data) > LARGEST:
        fact = f"the file is larger than {LARGEST // 1024} KiB"
        raise DocumentError(
            [Fault(file, 1, 1, fact, "split it, or check that it is the right file")]
        )
    return data


def _unreadable(source: Source) -> list[Fault]:
    faults = []
    for number, line in enumerate(source.lines, start=1):
        if found := _INDENTED_BY_TAB.match(line):
            column = found.group().index("\t") + 1
            fact = "the line is indented with a tab"
            faults.append(source.fault(number, column, fact, "indent with spaces"))
        for character in FORBIDDEN.finditer(line):
            fact = f"the invisible character U+{ord(character.group()):04X} is not allowed"
            faults.append(source.fault(number, character.start() + 1, fact, "delete it"))
    return faults
