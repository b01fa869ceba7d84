"""People can read what the gate says: short plain sentences, one word a state, no advice twice."""

import re
from collections import Counter
from pathlib import Path

import pytest
from sentences import everything_said

from gate.checks import REGISTRY
from gate.checks.base import Outcome

PAGE = Path(__file__).parents[2] / ".github" / "MESSAGES.md"
MOST_WORDS = 25
_HEAD = """\
# What the gate says

<!-- Written by `pytest --regenerate tests/report/test_reading.py`. Do not edit it by hand. -->

Each kind of sentence of each check, with an example and what it says to do. In a pattern N is a
number, CLASS a class and IMAGE an image. A result is passed, failed, inconclusive (the evidence
does not decide it), an error (nothing here can be judged), or warns.
"""


@pytest.fixture(scope="module")
def said():
    """Return what is said of all examples."""
    return everything_said()


def sentences(text):
    """Return the sentences of a text."""
    return re.split(r"(?<=[^.])\. (?=\S)", text)


def clauses(text):
    """Return what stands between the marks of a text, where it has four words or more."""
    parts = re.split(r"[.;:,()] |[.;:,()]$| \(", text.lower())
    return [part.strip() for part in parts if len(part.split()) >= 4]


def test_no_sentence_has_more_than_25_words(said):
    read = {sentence for each in said for text in (each.message, each.remedy)
            for sentence in sentences(text)}  # fmt: skip

    assert [each for each in read if len(each.split()) > MOST_WORDS] == []


def test_nothing_is_undefined_and_no_state_has_a_second_name(said):
    words = re.compile(r"\b(undefined|not evaluated|unevaluated|nan)\b", re.IGNORECASE)
    read = [text for each in said for text in (each.message, each.remedy)]

    assert [text for text in read if words.search(text) and "at epoch" not in text
            and "NaN or infini" not in text] == []  # fmt: skip


def test_no_advice_stands_twice(said):
    repeated = [
        (each.message, each.remedy)
        for each in said
        if any(count > 1 for count in Counter(clauses(f"{each.message}; {each.remedy}")).values())
    ]

    assert repeated == []


def test_only_what_did_not_pass_has_a_remedy_and_each_of_that_has_one(said):
    settled = (Outcome.PASSED, Outcome.NOT_APPLICABLE)

    assert [each for each in said if bool(each.remedy) is (each.result.outcome in settled)] == []


def test_a_finding_is_the_start_of_the_message(said):
    found = [each for each in said if each.result.comparison.finding]

    assert found
    assert all(each.message.startswith(each.result.comparison.finding) for each in found)


def test_every_number_of_a_thousand_and_more_has_a_comma(said):
    bare = re.compile(r"(?<![\d.=,])\b[1-9]\d{3,8}\b")

    assert [each.message for each in said if bare.search(each.message)] == []


def test_every_check_says_what_would_decide_it(said):
    open_ones = {each.check for each in said if each.result.outcome is Outcome.INCONCLUSIVE}

    assert open_ones == set(REGISTRY)


def test_the_committed_list_of_sentences_is_what_the_checks_say(said, golden):
    golden(PAGE, "\n".join(page(said)))


def page(said):
    """Yield the lines of the reference: each pattern of each check once."""
    yield _HEAD
    for check in REGISTRY:
        yield f"## {check}\n"
        yield "| result | pattern | example | what to do |"
        yield "|---|---|---|---|"
        shown = {}
        for each in said:
            if each.check == check:
                shown.setdefault((each.outcome, each.pattern), each)
        for (outcome, pattern), each in shown.items():
            cells = (outcome, pattern, each.message, each.remedy)
            yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
        yield ""
