"""Labels that turn a verdict: against the reference, and against trying each number."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.metrics.fragility import Requirement, labels_to_flip
from gate.metrics.proportions import Proportion

ENTRIES = [
    each
    for each in json.loads(
        (Path(__file__).parent / "reference" / "slices_and_order.json").read_text(encoding="utf-8")
    )["entries"]
    if each["kind"].startswith("fragility")
]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_the_labels_are_those_of_the_reference(entry):
    inputs = entry["inputs"]
    asked = Requirement(">=", inputs["required"], 1 - inputs["alpha"], 1 - inputs["alpha"])
    moves = entry["kind"] == "fragility_recall"
    stood = {"pass": "passed", "fail": "failed"}.get(inputs.get("verdict", "pass"))

    found = labels_to_flip(Proportion(inputs["k"], inputs["n"]), asked, stood, moves=moves)

    assert found == entry["expected"]


def outcome(share, asked):
    """Return what a share comes to, as the decision does."""
    upwards = asked.operator == ">="
    low, high = share.lower(asked.passing), share.upper(asked.passing)
    if (low >= asked.required) if upwards else (high <= asked.required):
        return "passed"
    low, high = share.lower(asked.failing), share.upper(asked.failing)
    return "failed" if (high < asked.required if upwards else low > asked.required) else (
        "inconclusive"
    )  # fmt: skip


def neighbours(share, labels, *, moves):
    """Yield the shares that so many labels make, all of them one way."""
    k, n = share.numerator, share.denominator
    if moves:
        yield Proportion(k, n + labels)
        yield Proportion(k + labels, n + labels)
    else:
        yield from (Proportion(each, n) for each in (k - labels, k + labels) if 0 <= each <= n)


@settings(max_examples=60)
@given(
    n=st.integers(2, 30),
    part=st.floats(0, 1),
    operator=st.sampled_from([">=", "<="]),
    required=st.sampled_from([0.2, 0.5, 0.8]),
    failing=st.sampled_from([0.95, 0.99]),
    moves=st.booleans(),
)
def test_so_many_labels_turn_it_and_one_less_does_not(n, part, operator, required, failing, moves):
    share = Proportion(round(part * n), n)
    asked = Requirement(operator, required, 0.95, failing)
    stood = outcome(share, asked)

    found = labels_to_flip(share, asked, stood, moves=moves)

    def turned(labels):
        made = neighbours(share, labels, moves=moves)
        return any(outcome(each, asked) != stood for each in made)

    tried = next((labels for labels in range(1, 200) if turned(labels)), None)
    assert found == tried


def test_what_no_label_turns_is_none():
    asked = Requirement(">=", 0.5, 0.95, 0.95)

    assert labels_to_flip(Proportion(9, 10), Requirement(">=", 0.0, 0.95, 0.95), "passed") is None
    assert labels_to_flip(Proportion(1, 1), asked, "inconclusive") is None
