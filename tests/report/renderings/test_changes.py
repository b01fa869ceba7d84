"""What differs from the champion is on the page and in the model card, as in a pull request."""

import pytest

from gate.report.renderings.changes import difference, shown_changes
from gate.report.renderings.registry import render

SAID = "+0.020 (-0.010 to +0.050 with 90 % confidence)"


@pytest.fixture
def report(golden_reports, champion):
    """Return a report of a model that was compared with a champion."""
    return golden_reports["pass"].model_copy(update={"baseline": champion})


@pytest.mark.parametrize("format_", ["html", "markdown", "model-card"])
def test_each_format_has_before_after_and_the_interval_of_the_difference(format_, report):
    shown = render(report, format_)

    assert "0.900 → 0.920" in shown
    assert SAID in shown
    assert "recall of tumour, now the lowest" in shown


def test_the_page_has_it_after_the_main_figures_and_before_the_rules(report):
    page = render(report, "html")

    assert page.index('class="glances"') < page.index('id="changes"') < page.index('id="results"')


@pytest.mark.parametrize("format_", ["html", "model-card"])
def test_nothing_is_compared_where_no_champion_is_named(format_, golden_reports):
    assert "hampion" not in render(golden_reports["pass"], format_)


def test_a_champion_of_other_images_is_said_to_be_not_comparable(report, champion):
    other = champion.model_copy(update={"changes": []})

    page = render(report.model_copy(update={"baseline": other}), "html")

    assert "was not measured on the same images" in page
    assert "Before → after" not in page


def test_where_test_was_not_compared_another_split_is_shown(champion):
    moved = [each.model_copy(update={"split": "train"}) for each in champion.changes]

    assert shown_changes(champion.model_copy(update={"changes": moved})) == moved


def test_a_difference_without_an_interval_stands_alone(champion):
    change = champion.changes[0].model_copy(update={"interval": None})

    assert difference(change) == "+0.020"
