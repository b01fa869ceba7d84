"""The reference of formats lists what the registries hold."""

import re
import sqlite3
from contextlib import closing
from importlib import import_module

import pytest
from pages import HIDDEN, Page

from gate.evidence.tables import TABLES
from gate.report.renderings.registry import FORMATS, find_rendering
from gate.subject.datasets.formats.registry import shipped_formats
from gate.subject.histories import read as histories
from gate.subject.sources.registry import SHIPPED

PAGE = Page(HIDDEN / "FORMATS.md")


def summary(module):
    """Return the first sentence of what a module says of itself."""
    said = import_module(module).__doc__.splitlines()[0]
    return said.removeprefix("The format of ").removesuffix(".")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def models():
    rows = [(f"`{name}`", summary(module)) for name, module in SHIPPED.items()]
    return table(("source", "what it is"), rows)


def data():
    rows = [
        (f"`{each.name}`", summary(f"gate.subject.datasets.formats.{each.name}"), codes(each.keys))
        for each in shipped_formats()
    ]
    return table(("format", "what it is", "keys of a split that it reads"), rows)


def codes(names):
    return ", ".join(f"`{name}`" for name in sorted(names))


def reports():
    found = [find_rendering(name) for name in FORMATS]
    return table(("format", "what it is for"), [(f"`{each.name}`", each.about) for each in found])


def evidence():
    """Return the tables and views of saved evidence with their columns, as SQLite has them."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        found = database.execute(
            "SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY rowid"
        ).fetchall()
        rows = [
            (f"`{name}`", kind, ", ".join(f"`{each}`" for each in columns_of(name, database)))
            for name, kind in found
        ]
    return table(("name", "kind", "columns"), rows)


def columns_of(name, database):
    return [
        column for (column,) in database.execute("SELECT name FROM pragma_table_info(?)", (name,))
    ]


def test_histories_of_all_trackers_are_named(regenerate):
    PAGE.agrees(
        "histories", ", ".join(f"`{each}`" for each in histories.FORMATS) + ".\n", regenerate
    )


@pytest.mark.parametrize("made", [models, data, reports, evidence], ids=lambda made: made.__name__)
def test_a_table_is_what_the_registry_holds(made, regenerate):
    PAGE.agrees(made.__name__, made(), regenerate)


def test_each_package_that_reads_a_format_is_an_extra_that_the_page_names():
    extras = {each.extra for name in FORMATS if (each := find_rendering(name)).extra}

    assert all(f"`{each.name}`" in PAGE.text for each in extras)


def test_each_query_of_the_page_is_one_that_evidence_answers():
    queries = re.findall(r'sqlite3 gate-out/evidence.sqlite "(.+?)"', PAGE.text, re.DOTALL)

    assert len(queries) == 2
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(TABLES)
        for query in queries:
            database.execute(query)
