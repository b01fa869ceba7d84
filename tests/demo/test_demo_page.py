"""The pages of the demos: small, complete, and with the verdict, its reasons and pictures first."""

import io
import shutil
from pathlib import Path

import pytest
from chromium import chromium, needs_chromium, picture, show
from outline import outline
from PIL import Image, PngImagePlugin

from gate.cli import main

CASES = ("good", "paradox", "leaky", "overfitted", "shortcut")
GOLDEN = Path(__file__).parents[1] / "golden" / "pages"
README_PICTURE = Path(__file__).parents[2] / ".github" / "page.png"
MOST_BYTES = 350_000
MOST_PICTURE_BYTES = 150_000
SIZE = (1280, 1400)  # of the picture, in pixels of the page


@pytest.fixture(scope="module")
def pages(demo, tmp_path_factory):
    """Return case -> the path of its page."""
    folder = tmp_path_factory.mktemp("pages")
    written = {}
    for case in CASES:
        # The demo keeps what it wrote: the report is rendered where nothing else looks at it.
        copy = folder / case
        shutil.copytree(demo.folder / case / "gate-out", copy)
        assert main(["render", str(copy), "-o", f"html={copy / 'page.html'}"]) == 0
        written[case] = copy / "page.html"
    return written


@pytest.mark.parametrize("case", CASES)
def test_a_page_of_ten_classes_with_pictures_is_small(case, pages):
    page = pages[case].read_text(encoding="utf-8")

    assert "data:image/png;base64," in page
    assert len(page.encode()) <= MOST_BYTES


@pytest.mark.parametrize("case", CASES)
def test_the_outline_is_the_committed_one(case, pages, golden):
    golden(GOLDEN / f"{case}.txt", outline(pages[case].read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Return a Chromium that all tests of the module share."""
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("width", [1280, 400])
def test_nothing_is_wider_than_the_screen(case, width, pages, browser):
    show(browser, pages[case], width)

    wider = browser.execute_script(
        "return Array.from(document.querySelectorAll('body *'))"
        ".filter(each => !each.closest('.scroll, .skip, svg'))"
        ".filter(each => each.getBoundingClientRect().right > innerWidth + 1)"
        ".map(each => each.outerHTML.slice(0, 80))"
    )
    assert wider == []


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("case", ["paradox", "leaky", "overfitted"])
def test_verdict_reasons_and_steps_are_on_the_first_screen(case, pages, browser):
    show(browser, pages[case], 1280)

    bottoms = browser.execute_script(
        "return ['h1', '.why', '.steps', '.glances'].map(each => "
        "document.querySelector(each).getBoundingClientRect().bottom)"
    )

    assert bottoms == sorted(bottoms)
    assert bottoms[2] < 700
    assert bottoms[3] < 900


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize(("width", "most"), [(1280, 3000), (400, 5500)])
@pytest.mark.parametrize("case", CASES)
def test_the_first_picture_is_not_far_down(case, width, most, pages, browser):
    show(browser, pages[case], width)

    top = browser.execute_script("return document.querySelector('img').getBoundingClientRect().top")

    assert top < most


@pytest.mark.slow
@needs_chromium
@pytest.mark.parametrize("case", CASES)
def test_cards_that_failed_are_open_and_the_others_are_one_line(case, pages, browser):
    show(browser, pages[case], 1280)

    cards = browser.execute_script(
        "return Array.from(document.querySelectorAll('#cards > details'))"
        ".map(card => [card.className, card.open, card.getBoundingClientRect().height])"
    )

    blocking = {"card fail", "card error", "card inconclusive"}
    assert all(is_open == (state in blocking) for state, is_open, _ in cards)
    assert all(height < 50 for state, _, height in cards if state == "card pass")


@pytest.mark.slow
@needs_chromium
def test_the_picture_in_the_readme_is_of_this_page(pages, browser, regenerate):
    """What the picture shows stands in it as an outline: pixels differ between machines."""
    said = outline(pages["leaky"].read_text(encoding="utf-8")).partition("h2 Pictures")[0]
    if regenerate:
        show(browser, pages["leaky"], SIZE[0])
        _write(picture(browser, *SIZE), said)

    with Image.open(README_PICTURE) as shown:
        assert shown.size == SIZE
        assert shown.text["outline"] == said
    assert README_PICTURE.stat().st_size <= MOST_PICTURE_BYTES


def _write(png, said):
    facts = PngImagePlugin.PngInfo()
    facts.add_text("outline", said, zip=True)
    with Image.open(io.BytesIO(png)) as taken:
        few = taken.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        few.save(README_PICTURE, "PNG", optimize=True, pnginfo=facts)
