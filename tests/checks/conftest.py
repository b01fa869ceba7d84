"""Rules as a policy's author writes them, judged on made-up numbers."""

import json

import pytest

from gate.checks import REGISTRY
from gate.decision import judge
from gate.evidence.synthetic_evidence import synthetic_evidence


@pytest.fixture(scope="session")
def rule():
    """Return a function that makes a rule from its check and parameters."""

    def make(check, **parameters):
        return REGISTRY[check].model_validate_json(json.dumps({"id": check, **parameters}))

    return make


@pytest.fixture(scope="session")
def outcome(rule):
    """Return a function that judges one rule alone and returns its worst outcome."""

    def of(check, numbers, **parameters):
        decision = judge([rule(check, **parameters)], synthetic_evidence(numbers))
        return decision.results[0].outcome

    return of
