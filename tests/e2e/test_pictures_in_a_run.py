"""A run keeps small pictures for the report, or none where the data is private."""

import sqlite3
from contextlib import closing

import pytest


def kept(project):
    with closing(sqlite3.connect(project.folder / "gate-out" / "evidence.sqlite")) as database:
        return database.execute("SELECT count(*) FROM pictures").fetchone()[0]


@pytest.fixture
def mistaken(project):
    project.npz("test.npz", 50, seed=2, wrong=20)
    return project


def test_the_page_shows_the_mistakes_of_the_run(mistaken):
    ran = mistaken.run("-o", "html=page.html")

    assert ran.status == 1
    page = (mistaken.folder / "page.html").read_text(encoding="utf-8")
    assert kept(mistaken) >= 16
    assert page.count("data:image/png;base64,") >= 16
    assert 'id="mistakes"' in page


def test_no_images_keeps_and_shows_none_and_changes_no_verdict(mistaken):
    with_them = mistaken.run().report

    ran = mistaken.run("--no-images", "-o", "html=page.html")

    assert kept(mistaken) == 0
    assert "data:image" not in (mistaken.folder / "page.html").read_text(encoding="utf-8")
    assert {**ran.report, "run": None} == {**with_them, "run": None}
