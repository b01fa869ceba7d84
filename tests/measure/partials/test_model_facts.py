"""Parts of several workers have one set of model facts; a measured difference is no condition."""

import json
from dataclasses import replace

import pytest

from gate.errors import EvidenceError
from gate.evidence.records import Subject
from gate.measure.assemble import common_facts
from gate.measure.partials.model_facts import ModelFacts

HEAD = ModelFacts(
    subject=Subject("0" * 64, 1, "torch-zip"),
    device="cpu",
    backend="onnxruntime 1.30.0",
    notes=("a note",),
    nonfinite_tensors=(),
    sandbox=None,
    batch=512,
    are_logits=True,
    checked_individually=8,
    batch_disagreements=0,
    code_sha256="0" * 64,
    max_abs_difference=3e-7,
)


def test_of_two_machines_the_larger_difference_between_the_backends_is_kept():
    smaller, larger = HEAD, replace(HEAD, max_abs_difference=5e-7)

    assert (
        common_facts(smaller, larger).max_abs_difference
        == common_facts(larger, smaller).max_abs_difference
        == 5e-7
    )
    assert common_facts(None, smaller).max_abs_difference == 3e-7


def test_parts_of_another_backend_are_refused_by_what_differs():
    with pytest.raises(EvidenceError, match="conditions that differ: backend; "):
        common_facts(HEAD, replace(HEAD, backend="torch", max_abs_difference=5e-7))


def test_the_difference_is_told_after_the_notes():
    assert HEAD.assumed == (
        "a note",
        "where compared, onnxruntime's and torch's scores differ by up to 3.0e-07",
    )
    assert replace(HEAD, max_abs_difference=None).assumed == ("a note",)


def test_a_head_comes_back_from_json_as_it_was():
    found = ModelFacts.from_json(json.loads(json.dumps(HEAD.as_json())))

    assert (found, found.max_abs_difference) == (HEAD, HEAD.max_abs_difference)
