"""A second pass that takes long is told before it begins."""

from types import SimpleNamespace

import pytest

from gate.checks.stability import Stability
from gate.evidence.records import Split
from gate.measure.model_evidence import tell_if_long
from gate.policy.needs import needs_of


@pytest.fixture
def told():
    said = []
    return SimpleNamespace(warn=said.append, said=said)


def ask(views, rate, told):
    names = [f"moved:{down}:{right}" for down in range(1, 41) for right in range(1, 65)][:views]
    needs = needs_of([Stability(id="rule", check="stability", views=tuple(names), max_drop=0.1)])
    splits = {Split.TEST: SimpleNamespace(rows=range(500))}
    tell_if_long(needs, splits, rate, told)


def test_many_passes_are_told_with_their_number_and_the_time(told):
    ask(2560, 250.0, told)

    [sentence] = told.said
    assert "2,560 passes and 1,280,000 answers: about 85 minutes at 250 images" in sentence


def test_a_short_second_pass_is_not_worth_a_word(told):
    ask(40, 250.0, told)

    assert told.said == []


def test_where_all_answers_came_from_the_cache_no_time_is_made_up(told):
    ask(2560, 0.0, told)

    assert told.said == []
