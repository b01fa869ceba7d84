"""Syntax errors in our own words.

The parser says "did not find expected <block end>" to somebody who forgot a space. Its position is
good, its words are for those who write parsers; so its words are translated, the nearest first.
"""

from yaml.error import MarkedYAMLError

from gate.errors import Fault
from gate.policy.text import Source

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
    place = error.problem_mark or error.context_mark
    if "quoted scalar" in (error.context or "") and error.context_mark:
        place = error.context_mark  # where the quote is, not the end of the file
    line, column = (place.line + 1, place.column + 1) if place else (1, 1)
    opened = error.context_mark.line + 1 if error.context_mark else line
    problem, context = error.problem or "", error.context or ""
    for name, bracket in _BRACKETS.items():
        if name in context and "expected ','" in problem:
            fact = f"the '{bracket}' opened in line {opened} is not closed before this"
            return source.fault(line, column, fact, "add the missing ',' or the closing bracket")
    for part, fact, remedy in _WORDS:
        if part in problem:
            return source.fault(line, column, fact.replace("{line}", str(opened)), remedy)
    return source.fault(
        line, column, "this is not YAML", "check quotes, brackets and indentation around it"
    )
