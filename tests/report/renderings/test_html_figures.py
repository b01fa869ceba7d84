"""Bars, glance and cards say what the report says, and draw it where it belongs."""

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gate.report.model import HistoryPart, IntervalPart, Report
from gate.report.renderings.grouping import group_results
from gate.report.renderings.html.bars import interval_in_words, round_values, scale_of
from gate.report.renderings.html.glance import glances_of
from gate.report.renderings.html.page import page_of
from gate.report.renderings.html.pictures import address
from gate.report.renderings.html.plots import confusion_map, losses
from gate.report.renderings.html.rules import cards_of
from gate.report.renderings.words import word

shares = st.floats(0, 1)
anything = st.floats(-1e9, 1e9)


def interval(low, high):
    return IntervalPart(low=low, high=high, one_sided_confidence=0.95, method="Wilson")


# Bars


@given(st.lists(anything, min_size=3, max_size=3), anything)
def test_a_bar_keeps_the_order_of_what_it_draws(ends, required):
    low, value, high = sorted(ends)

    scale = scale_of([value, required], [interval(low, high)])
    bar = scale.bar(value, interval(low, high), required)

    assert 0 <= bar.start <= bar.value <= bar.end <= 100
    assert (bar.required <= bar.value) == (required <= value) or bar.required == bar.value


@given(shares)
def test_a_bound_that_is_missing_reaches_to_the_edge(value):
    scale = scale_of([value, 0.5], [interval(value, None)])

    assert scale.bar(value, interval(value, None), 0.5).end == 100
    assert scale.bar(value, interval(None, value), 0.5).start == 0


@given(anything, st.floats(1e-6, 1e9), st.integers(3, 8))
@example(1.0, 400000001.0, 3)
def test_marks_of_a_scale_are_few_and_within_it(low, span, most):
    high = low + span
    values = round_values(low, high, most)

    assert 1 <= len(values) <= most
    room = 1e-6 * max(abs(low), abs(high), 1)
    assert all(low - room <= each <= high + room for each in values)
    assert values == sorted(set(values))


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (0.541, 0.956, "0.54–0.96"),
        (0.9041, 0.9049, "0.904–0.905"),
        (0.25, 0.25, ""),
        (None, 0.3, "at most 0.30"),
        (0.3, None, "at least 0.30"),
        (-0.28, -0.07, "-0.28 to -0.07"),
        (-0.001, 0.04, "0.00 to 0.04"),
        (None, None, ""),
    ],
)
def test_an_interval_is_said_in_few_words(low, high, said):
    assert interval_in_words(interval(low, high)) == said


# Glance


def test_the_glance_has_the_value_the_interval_and_the_requirement_of_the_rule(report_on):
    report = report_on("fail")
    accuracy = next(each for each in report.results if each.key == "accuracy")

    [shown] = [each for each in glances_of(report, "test") if each.label == "Accuracy"]

    assert float(shown.value) == pytest.approx(accuracy.measured.value, abs=5e-4)
    assert shown.interval == interval_in_words(accuracy.measured.interval)
    assert float(shown.required.removeprefix("≥ ")) == accuracy.required.value
    assert shown.state == word(accuracy)
    assert (shown.bar.value < shown.bar.required) == (shown.state == "FAIL")


def test_the_worst_class_is_the_one_with_the_lowest_recall(report_on):
    report = report_on("fail")
    recalls = {
        each.class_: each.value
        for each in report.metrics
        if (each.name, each.split, each.slice) == ("recall", "test", None) and each.class_
    }

    [shown] = [each for each in glances_of(report, "test") if each.label == "Worst class"]

    assert shown.about == f"recall of {min(recalls, key=recalls.get)}"
    assert float(shown.value) == pytest.approx(min(recalls.values()), abs=5e-4)


def test_what_no_rule_asks_for_has_no_requirement_and_what_is_not_there_is_not_shown(report_on):
    report = report_on("fail")
    without = report.model_copy(
        update={"results": [], "leakage": report.leakage.model_copy(update={"compared": []})}
    )

    shown = glances_of(without, "test")

    assert {each.label for each in shown} >= {"Accuracy", "Macro F1", "Worst class"}
    assert not {each.label for each in shown} & {"Gap", "Leaks"}
    assert all(each.required == each.state == "" for each in shown)
    assert all(each.bar is None or each.bar.required is None for each in shown)


def test_an_unreached_model_has_no_glance(report_on):
    assert glances_of(report_on("error"), None) == []


# Cards


@pytest.mark.parametrize("verdict", ["pass", "fail", "inconclusive"])
def test_every_rule_has_one_card_with_all_its_results(verdict, report_on):
    report = report_on(verdict)

    cards = cards_of(report)

    assert [card.name for card in cards] == list(dict.fromkeys(card.name for card in cards))
    shown = [row.result.key for card in cards for row in card.rows]
    assert sorted(shown) == sorted(each.key for each in report.results)


def test_cards_that_block_come_first_and_are_open_the_others_are_folded(golden_reports):
    report = golden_reports["everything"]
    blocking = {group.rule for group in group_results(report) if group.blocks}

    cards = cards_of(report)

    opened = [card.is_open for card in cards]
    assert opened == sorted(opened, reverse=True)
    assert {card.name for card in cards if card.is_open} == blocking


def test_where_nothing_was_measured_the_error_is_the_reason_and_no_card_is_open(report_on):
    report = report_on("error")

    page = page_of(report, None, images=True)

    assert not any(card.is_open for card in page.cards)
    assert page.reasons == []
    assert page.steps == [report.errors[0].remedy]
    assert page.unmeasured == len({group.rule for group in group_results(report) if group.blocks})


def test_the_state_of_a_card_is_the_worst_of_its_results(golden_reports):
    report = golden_reports["everything"]
    recall = next(each for each in report.results if each.outcome == "passed")
    mixed = [
        recall.model_copy(update={"rule": "mixed", "key": "mixed-1"}),
        recall.model_copy(
            update={"rule": "mixed", "key": "mixed-2", "outcome": "failed", "severity": "warn"}
        ),
    ]

    [card] = cards_of(report.model_copy(update={"results": mixed}))

    assert (card.state, card.is_open) == ("WARN", False)


def test_a_thousand_classes_are_capped_and_the_card_says_so(golden_reports):
    document = golden_reports["everything"].model_dump(by_alias=True)
    failed = next(each for each in document["results"] if each["measured"]["interval"])
    document["results"] = [
        {**failed, "key": f"recall[{place}]", "rule": "recall", "outcome": "failed"}
        for place in range(1000)
    ]

    [card] = cards_of(Report.model_validate(document))

    assert (len(card.bars), card.bars_left_out) == (40, 960)
    assert (len(card.rows), card.rows_left_out) == (200, 800)


# Drawings and pictures


@pytest.mark.parametrize("odd", [None, b"", b"GIF89a", b"<svg onload=alert(1)>"])
def test_what_is_no_png_is_not_shown(odd):
    assert address(odd) == ""


def test_the_map_of_a_large_matrix_draws_each_cell_with_a_share_once():
    shares = np.eye(40) * 0.9
    shares[3, 4:7] = 0.1

    drawn = str(confusion_map(shares, 400))

    assert drawn.count("v1H") == 41, "a stretch of equal cells is one"
    assert "M4 3h3v1H4z" in drawn


@pytest.mark.parametrize(
    "values",
    [[0.5], ["NaN", "Infinity", None], [1.0, "NaN", 0.5, 0.4], [1e300, -1e300], [0.1] * 10_000],
    ids=["one epoch", "no number", "a gap", "huge", "long"],
)
def test_any_history_is_drawn_without_what_is_no_number(values):
    history = HistoryPart(
        path="history.csv",
        format="csv",
        train_loss="loss",
        validation_losses=[],
        train_accuracy=None,
        validation_accuracy=None,
        checkpoint_epoch=2.0,
        epochs=[float(place) for place in range(len(values))],
        series={"loss": values},
        unread=[],
        notes=[],
    )

    drawn = losses(history)

    assert not re.search(r"nan|inf", str(drawn.svg), re.IGNORECASE)
    assert len(drawn.svg) < 15_000
    assert drawn.lines[0] == ("line-0", "loss")
    assert drawn.svg.count("M") >= 1
