"""Lists for people hold names from outside: nothing obeys them, and every name comes back."""

import csv
import io
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.report.lists import as_csv, escape

NAMES = {
    "a formula": "=HYPERLINK(1)",
    "a sum": "+1+cmd|' /C calc'!A0",
    "a difference": "-2+3+cmd|' /C calc'!A0",
    "an old function": "@SUM(1+1)*cmd|' /C calc'!A0",
    "a tab before it": "\t=1+1",
    "a carriage return before it": "\r=1+1",
    "a line break before it": "\n=1+1",
    "a blank before it": "  =1+1",
    "a wide blank before it": "\u3000=1+1",
    "an unseen blank before it": "\u200b=1+1",
    "a quote before it": "\"=1+1",
    "a wide sign": "\uff1d1+1",
    "a small sign": "\ufe661+1",
    "another separator": "a;=1+1",
    "another separator and a quote": "a;\"=1+1",
    "a terminal's escape": "\x1b]0;owned\x07.png",
    "a turned direction": "\u202egnp.exe",
    "half a character": "\udc80.png",
    "a byte that is no UTF-8, spelled": "\\x80.png",
    "an escape, spelled": "\\x1b[2J",
    "a paragraph break": "a\u2029b",
    "a character beyond the first plane": "\U000e0041",
}  # fmt: skip


def named(cell):
    """The name as any program gets it back, by the rule in the docstring of the lists."""
    return cell.encode("latin-1", "backslashreplace").decode("unicode_escape")


def cells(name):
    """The cell as a program reads it that takes commas for separators, or one of the others."""
    text = as_csv(["name"], [[name]])
    line = text.removeprefix("name\n").removesuffix("\n")
    yield from (row[0] for row in csv.reader(io.StringIO(text)))
    for separator in ";|\t":
        yield from (piece.strip("\"' ") for piece in line.split(separator))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_no_cell_begins_a_formula_or_holds_what_a_terminal_obeys(name):
    for cell in cells(name):
        assert cell.isprintable()
        assert cell[:1] not in set("=+-@\uff1d\ufe66")


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_program_gets_the_name_back(name):
    assert named(escape(name)) == name


@example("+0")
@given(st.text() | st.text(string.punctuation + " \t\r\n\x1b0u"))
def test_every_name_comes_back_and_begins_no_formula(name):
    cell = escape(name)

    assert named(cell) == name
    assert cell.isprintable()
    assert cell.lstrip(" \"'")[:1] not in set("=+-@") or is_number(cell)


def is_number(cell):
    try:
        return float(cell) is not None
    except ValueError:
        return False


@pytest.mark.parametrize(
    "name", ["cat/1.png", "Größe 3/日本 (2).png", "a=b-c+d@e.png", "scan - left, right.png", "a'b"]
)
def test_usual_names_stay_as_they_are(name):
    assert escape(name) == name


@pytest.mark.parametrize("number", [-5, -0.25, 1e-7, 3, "-5", "+3.5", "-1e-3", "007"])
def test_numbers_stay_numbers(number):
    assert as_csv(["n"], [[number]]) == f"n\n{number}\n"


def test_a_long_name_of_signs_comes_back():
    name = ";\t '" * 250_000 + "="

    assert named(escape(name)) == name
