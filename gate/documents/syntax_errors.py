"""Syntax errors in our own words.

The parser says "did not find expected <block end>" to somebody who forgot a space. Its position is
good, its words are for those who write parsers; so its words are translated, the nearest first.
"""

from yaml.error import Mark, MarkedYAMLError

from gate.documents.source_text import Source
from gate.errors import Fault

_BRACKETS = {"flow sequence": "[", "flow mapping": "{"}

# A part of the parser's sentence, the fact, the remedy. "{line}" is the line of what was opened.
_WORDS = (
    ("mapping values are not allowed", "there is a ':' where no key can stand",
     "quote the text that holds it, or mend the indentation"),
    ("block sequence entries are not allowed", "a list item '- ' cannot stand here",
     "start it on a line of its own"),
    ("cannot start any token", "unquoted text cannot start with this character", "quote the text"),
    ("unexpected end of stream", "the quote is never closed", "close it"),
    ("unexpected document indicator", "the quote is never closed", "close it"),
    ("unknown escape character", "double-quoted text knows no such escape",
     "use single quotes, or write \\\\"),
    ("expected hexdecimal number", "double-quoted text knows no such escape",
     "use single quotes, or write \\\\"),
    ("invalid Unicode character", "the escape stands for no character", "use single quotes"),
    ("expected ':'", "a ':' is missing after the key in line {line}", "write key: value"),
    ("expected alphabetic or numeric character", "anchors and aliases are not read",
     "quote the text if it is text"),
    ("undefined tag handle", "tags are not read", "quote the text if it is text"),
    ("expected <document start>", "this stands outside of the document",
     "mend the indentation of this line"),
    ("expected key", "the indentation of this line fits no line above it",
     "mend the indentation, or quote the text before it"),
    ("'-' indicator", "the indentation of this line fits no line above it",
     "mend the indentation"),
    ("<block end>", "the indentation of this line fits no line above it", "mend the indentation"),
    ("node content", "a value is missing here", "write the value"),
)  # fmt: skip


def syntax_fault(source: Source, error: MarkedYAMLError) -> Fault:
    """Return the fault that the parser met, at its place, in our words."""
    problem, context = error.problem or "", error.context or ""
    met, opened = _place(source, error.problem_mark), _place(source, error.context_mark)
    is_at_end = met is None or not any(line.strip() for line in source.lines[met[0] - 1 :])
    place = met or (len(source.lines), 1)
    if opened and (is_at_end or "quoted scalar" in context):
        place = opened  # where it was opened says more than the end of the file
    for name, bracket in _BRACKETS.items():
        if name in context and "expected ','" in problem and opened:
            fact = f"the '{bracket}' opened in line {opened[0]} is not closed before this"
            if is_at_end:
                fact = f"the '{bracket}' is never closed"
            return source.fault(*place, fact, "add the missing ',' or the closing bracket")
    for part, fact, remedy in _WORDS:
        if part in problem:
            line = (opened or place)[0]
            return source.fault(*place, fact.replace("{line}", str(line)), remedy)
    return source.fault(*place, "this is not YAML", "check quotes, brackets and indentation here")


def _place(source: Source, mark: Mark | None) -> tuple[int, int] | None:
    """Return line and column of a mark, None behind the end of the text."""
    if mark is None or mark.line >= len(source.lines):
        return None
    return mark.line + 1, mark.column + 1
