"""The page: whole, inert, the same twice, and honest about what lies beside it."""

import base64
import html
import re
import sys
from dataclasses import replace
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from measured import as_measured
from PIL import Image

from gate.errors import MissingExtraError
from gate.evidence.records import Alignment, PairKind, Picture, Split, Subject
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.measure.small_png import png_of
from gate.report.model import CausePart
from gate.report.renderings import Beside
from gate.report.renderings.grouping import describe, group_results, next_steps
from gate.report.renderings.html.curves import precision_recall
from gate.report.renderings.registry import render

GOLDEN = Path(__file__).parents[2] / "golden" / "renderings"
PNG = b"\x89PNG\r\n\x1a\n" + b"not really" * 100
ADDRESS = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def noise(seed):
    """Return the largest picture that evidence holds."""
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    return png_of(Image.fromarray(pixels))


class Page(HTMLParser):
    """A page as a browser reads it."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words = [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.words += data

    def values(self, *names):
        return [value for _, name, value in self.attributes if name in names]


@pytest.fixture(scope="module")
def run(tmp_path_factory, report_on):
    """Return a report on evidence with scores and pictures, and the evidence file beside it."""
    path = tmp_path_factory.mktemp("run") / "evidence.sqlite"
    evidence = synthetic_evidence(
        SyntheticRun(
            classes=("background", "tumour"),
            critical=("tumour",),
            train=((970, 30), (30, 970)),
            test=((480, 20), (30, 470)),
            copies=2,
            confidence=(0.9, 0.7),
            train_loss=(0.6, 0.4, 0.2),
            probe="sound",
        )
    )
    rows = evidence.splits[Split.TEST].rows
    wrong = rows.ids[np.flatnonzero(rows.labels != rows.predictions)[0]]
    pictures = (
        Picture(Split.TEST, str(wrong), PNG),
        Picture(Split.TRAIN, "000000000", PNG),
        Picture(Split.TEST, "000000000", PNG),
    )
    subject = Subject("ab" * 32, 9, "safetensors", "nets:build", 7)
    evidence = replace(as_measured(evidence, subject), pictures=pictures)
    save(evidence, path)
    return report_on(evidence), path


@pytest.fixture(scope="module")
def page(run):
    """Return the page of the run with its evidence."""
    report, evidence = run
    return render(report, "html", Beside(evidence=evidence))


@pytest.mark.parametrize("name", ["pass", "everything", "error"])
def test_the_page_is_the_committed_one(name, rendered, golden):
    golden(GOLDEN / f"{name}.html", rendered(name, "html"))


@pytest.mark.slow  # draws a page for each kind of string
def test_no_string_from_outside_becomes_markup(text, poisoned):
    committed = (GOLDEN / "everything.html").read_text(encoding="utf-8")
    ours = set(Page(committed).tags)

    page = Page(render(poisoned(text), "html"))

    assert page.tags.count("script") == 1
    assert set(page.tags) <= ours
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert all(value.startswith(("#", "data:")) for value in page.values("href", "src"))
    assert all(character.isprintable() or character in "\n\t" for character in page.words)


def test_the_policy_of_the_page_lets_only_our_script_run(rendered):
    page = rendered("pass", "html")

    script = re.search(r"<script>(.*)</script>", page, re.DOTALL)[1]
    digest = base64.b64encode(sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page
    assert "default-src 'none'" in page


def test_nothing_on_the_page_has_an_address_outside_it(page):
    linked = Page(page).values("href", "src", "xlink:href", "action", "srcset")
    assert linked
    assert all(value.startswith(("#", "data:image/png;base64,", "data:,")) for value in linked)


def test_no_two_elements_have_one_id(page):
    ids = Page(page).values("id")

    assert len(ids) == len(set(ids))


def test_the_first_screen_says_verdict_reasons_and_what_to_do(golden_reports, rendered):
    report = golden_reports["everything"]

    page = html.unescape(rendered("everything", "html"))

    head = re.sub(r"<[^>]*>", "", page[page.index("<h1>") : page.index("</header>")])
    blocking = [each for each in group_results(report) if each.blocks]
    places = [head.index(title) for title in ("FAIL", "Why", "What to do")]
    assert places == sorted(places)
    assert all(f"{each.title}: {describe(each)}" in head for each in blocking[:5])
    mended = [each.remedy for each in report.errors]
    assert all(step.replace("`", "") in head for step in [*mended, *next_steps(report)][:5])


def test_a_likely_cause_stands_before_the_reasons(golden_reports):
    cause = CausePart(kind="leaked-test", message="test is in train: 3 images", remedy="split anew")
    report = golden_reports["everything"].model_copy(update={"causes": [cause]})

    page = render(report, "html")

    said = page.index("test is in train: 3 images")
    assert page.index("<h1>") < said < page.index("<h2>Why</h2>")
    assert page[page.index("<ol") :].index("split anew") < 60, "its remedy is the first step"


def test_pictures_of_pairs_and_mistakes_are_embedded_whole(page):
    assert page.count(ADDRESS) == 3


@pytest.mark.parametrize("classes", [10, 100])
def test_photos_keep_the_page_small_and_share_the_room(classes, report_on, tmp_path):
    names = tuple(f"kind-{place:02}" for place in range(classes))
    counts = tuple(
        tuple(
            30 if guess == truth else 4 if guess == (truth + 1) % classes else 0
            for guess in range(classes)
        )
        for truth in range(classes)
    )
    made = synthetic_evidence(
        SyntheticRun(classes=names, test=counts, train=counts, copies=20, confidence=(0.9, 0.7))
    )
    rows = made.splits[Split.TEST].rows
    wrong = np.flatnonzero(rows.labels != rows.predictions)[:80]
    chosen = [
        *((Split.TEST, str(rows.ids[row])) for row in wrong),
        *((split, f"{copy:09d}") for copy in range(20) for split in (Split.TRAIN, Split.TEST)),
    ]
    pictures = tuple(
        Picture(split, name, noise(seed))
        for seed, (split, name) in enumerate(dict.fromkeys(chosen))
    )
    subject = Subject("ab" * 32, 9, "safetensors", "nets:build", 7)
    evidence = replace(as_measured(made, subject), pictures=pictures)
    save(evidence, tmp_path / "evidence.sqlite")

    page = render(report_on(evidence), "html", Beside(evidence=tmp_path / "evidence.sqlite"))

    assert len(page.encode()) <= {10: 350_000, 100: 600_000}[classes]
    mistakes = page[page.index('id="mistakes"') : page.index('id="pairs"')]
    assert mistakes.count("data:image/png") >= 10
    assert page[page.index('id="pairs"') :].count("data:image/png") >= 10


def test_pairs_that_a_person_should_look_at_stand_apart_from_the_sure_ones(report_on, tmp_path):
    made = synthetic_evidence(
        SyntheticRun(train=((50, 0), (0, 50)), test=((40, 10), (5, 45)), copies=2)
    )
    evidence = as_measured(made, Subject("ab" * 32, 9, "safetensors", "nets:build", 7))
    (overlap,) = (each for each in evidence.overlaps if each.split_a is not each.split_b)
    moved = Alignment((1, 0, 0.125), (0, 1, 0.125), inverted=False)
    perhaps = replace(
        overlap.pairs[0],
        a="000000000",
        b="000000009",
        kind=PairKind.EDITED,
        distance=0.4,
        alignment=moved,
    )
    many = tuple(replace(perhaps, b=f"{row:09d}") for row in range(9, 32))
    looked = replace(overlap, review=many, look_alikes=7)
    evidence = replace(
        evidence,
        overlaps=tuple(looked if each is overlap else each for each in evidence.overlaps),
        pictures=(
            Picture(Split.TRAIN, "000000000", noise(1)),
            Picture(Split.TEST, "000000009", noise(2)),
        ),
    )
    save(evidence, tmp_path / "evidence.sqlite")

    beside = Beside(evidence=tmp_path / "evidence.sqlite")
    page = render(report_on(evidence), "html", beside)

    sure, reviews = page[page.index('id="pairs"') :].split('id="reviews"')
    assert sure.count("may be the same") == 0
    assert reviews.count("may be the same") == 1 + 20
    assert reviews.count('role="img" aria-label="000000009 as it lies in 000000000"') == 1
    assert "3 more are in pairs.csv" in reviews
    assert "7 images of test have so many look-alikes in train that copies cannot be told" in page


def test_where_there_is_nothing_to_look_at_nothing_is_said_of_it(page):
    assert "reviews" not in Page(page).values("id")


def test_no_images_leaves_every_picture_out(run):
    report, evidence = run

    page = render(report, "html", Beside(evidence=evidence, images=False))

    assert "data:image" not in page
    assert "Pictures were left out" in page


def test_plots_of_scores_need_the_evidence_and_the_page_says_when_it_is_not_there(run, page):
    report, _ = run

    without = render(report, "html")

    titles = (
        "How often it is right, by confidence",
        "Confidence of right and of wrong answers",
        "Precision and recall, by class",
    )
    assert all(title in page for title in titles)
    assert not any(title in without for title in titles)
    assert "No evidence lies beside the report" in without


def test_evidence_of_another_run_is_not_shown(run):
    report, evidence = run
    other = report.model_copy(
        update={"subject": report.subject.model_copy(update={"sha256": "ef" * 32})}
    )

    page = render(other, "html", Beside(evidence=evidence))

    assert "is of another run" in page
    assert "data:image" not in page


def test_damaged_evidence_is_said_and_the_rest_is_shown(run, tmp_path):
    report, _ = run
    damaged = tmp_path / "damaged.sqlite"
    damaged.write_bytes(b"SQLite format 3\x00 but no more")

    page = render(report, "html", Beside(evidence=damaged))

    assert "cannot be read" in page
    assert 'id="results"' in page


def test_days_left_are_counted_from_the_run(rendered):
    page = rendered("everything", "html")

    waivers = page[page.index('id="waivers"') : page.index('id="environment"')]
    days = re.findall(r'<td class="num">(-?\d+)</td></tr>', waivers)
    assert days == ["30", "-1", "30", "30"]  # applied, expired, rejected, unused


def test_a_missing_extra_is_said_with_the_command_that_installs_it(golden_reports, monkeypatch):
    monkeypatch.setitem(sys.modules, "jinja2", None)

    with pytest.raises(MissingExtraError, match=re.escape("'.[html]'")):
        render(golden_reports["pass"], "html")


def test_precision_and_recall_are_those_of_scikit_learn():
    from sklearn.metrics import precision_recall_curve

    generator = np.random.default_rng(3)
    scores = generator.integers(0, 20, 150) / 20  # with ties
    positive = generator.random(150) < scores

    recall, precision = precision_recall(scores, positive)

    theirs = precision_recall_curve(positive, scores)
    assert recall.tolist() == pytest.approx(theirs[1][:-1][::-1].tolist())
    assert precision.tolist() == pytest.approx(theirs[0][:-1][::-1].tolist())
