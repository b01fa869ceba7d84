"""A champion is another model: told by its digest, or by its answers where that is not known."""

from dataclasses import replace

import numpy as np
import pytest

from gate.evidence.records import Split, Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.metrics.baseline import Pairs
from gate.metrics.champion import champion_pairs
from gate.metrics.estimates import Undefined

THIS, OTHER = "a" * 64, "b" * 64


def against(champion, *, subject=THIS, flips=0, sure=0.0, pinned=False):
    """Return evidence with a champion: digests, images it answers otherwise, how much surer."""
    evidence = synthetic_evidence(
        SyntheticRun(test=((90, 10), (10, 90)), confidence=(0.9, 0.6), broken=0)
    )
    rows = evidence.splits[Split.TEST].rows
    answers = rows.predictions.copy()
    answers[:flips] = 1 - answers[:flips]
    before = replace(rows, predictions=answers, confidence=rows.confidence + sure)
    return replace(
        evidence,
        subject=None if subject is None else Subject(subject, 1, "state_dict (zip)"),
        baseline=replace(
            evidence.baseline, sha256=champion, rows={Split.TEST: before}, pinned=pinned
        ),
    )


def test_a_champion_with_the_candidates_digest_is_no_champion():
    found = champion_pairs(against(THIS), "test")

    assert isinstance(found, Undefined)
    assert "the champion is this very checkpoint" in found.reason


def test_it_is_none_either_where_it_claims_other_answers():
    assert isinstance(champion_pairs(against(THIS, flips=5), "test"), Undefined)


@pytest.mark.parametrize("way", [{"allow_same": True}, {"pinned": True}])
def test_a_model_in_production_may_be_judged_again_where_a_rule_or_the_policy_says_so(way):
    evidence = against(THIS, pinned=way.pop("pinned", False))

    assert isinstance(champion_pairs(evidence, "test", **way), Pairs)


def test_another_file_with_the_very_same_answers_is_a_champion_like_any_other():
    assert isinstance(champion_pairs(against(OTHER), "test"), Pairs)


@pytest.mark.parametrize(("champion", "subject"), [(None, THIS), (OTHER, None)])
def test_where_a_digest_is_missing_the_same_answers_are_the_same_model(champion, subject):
    found = champion_pairs(against(champion, subject=subject), "test")

    assert isinstance(found, Undefined)
    assert "gives the very same answers" in found.reason


@pytest.mark.parametrize(("champion", "subject"), [(None, None), (None, THIS), (OTHER, None)])
@pytest.mark.parametrize("change", [{"flips": 1}, {"sure": 0.01}])
def test_and_one_other_answer_or_score_tells_them_apart(champion, subject, change):
    found = champion_pairs(against(champion, subject=subject, **change), "test")

    assert isinstance(found, Pairs)


def test_saved_predictions_of_both_are_a_champion_like_any_other():
    assert isinstance(champion_pairs(against(None, subject=None), "test"), Pairs)


def test_scores_that_were_not_kept_tell_nothing_apart():
    evidence = against(None)
    rows = evidence.baseline.rows[Split.TEST]
    unknown = replace(rows, confidence=np.full(len(rows), np.nan))
    evidence = replace(evidence, baseline=replace(evidence.baseline, rows={Split.TEST: unknown}))

    assert isinstance(champion_pairs(evidence, "test"), Undefined)


def test_a_pin_on_no_checkpoint_opens_nothing():
    found = champion_pairs(against(None, pinned=True), "test")

    assert isinstance(found, Undefined)
