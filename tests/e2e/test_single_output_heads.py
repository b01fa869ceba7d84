"""A model of two classes with one output: a logit or a probability of the second class."""

import sqlite3

import numpy as np
import pytest

NETS = """
import torch
from nets import Brightness


class Single(Brightness):
    def forward(self, images):
        return (images.mean(dim=(1, 2, 3)) - 0.5) * 20


class Sigmoid(Single):
    def forward(self, images):
        return super().forward(images).sigmoid()[:, None]


class Named(Single):
    def forward(self, images):
        return {"logits": super().forward(images), "features": images}


class Soft(Brightness):
    def forward(self, images):
        return super().forward(images).softmax(1)


class Labels(Brightness):
    def forward(self, images):
        return super().forward(images).sigmoid()
"""


@pytest.fixture
def heads(project):
    project.write("heads.py", NETS)
    return project


def scores(project):
    """Return what the evidence keeps of test: (n, 2)."""
    database = sqlite3.connect(project.folder / "gate-out" / "evidence.sqlite")
    found = database.execute("SELECT scores FROM rows WHERE split = 'test' ORDER BY position")
    return np.array([np.frombuffer(row, np.float32) for (row,) in found.fetchall()])


def notes(ran):
    return " | ".join(ran.report["environment"]["assumed"])


def measured(project, factory, output=None):
    extra = {} if output is None else {"output": output}
    model = {"checkpoint": "model.pt", "factory": f"heads:{factory}"}
    ran = project.run(model=model, **extra)
    assert ran.status == 0, ran.out + ran.err
    return ran, scores(project)


def test_a_logit_and_its_sigmoid_give_the_same_evidence_without_a_declaration(heads):
    logit, by_logit = measured(heads, "Single")
    probability, by_probability = measured(heads, "Sigmoid")

    assert "some lie outside of 0..1, so sigmoid was applied" in notes(logit)
    assert "all lie in 0..1, so they are probabilities already" in notes(probability)
    assert by_logit == pytest.approx(by_probability, abs=1e-6)
    assert by_probability.min() < 1e-3


def test_what_is_found_is_what_could_be_declared(heads):
    _, found = measured(heads, "Sigmoid")
    ran, declared = measured(heads, "Sigmoid", "probability")

    assert np.array_equal(found, declared)
    assert "a probability of the second class, as declared" in notes(ran)
    assert ran.report["configuration"]["output"] == {"values": "probability", "select": None}


def test_a_declared_logit_is_one_wherever_it_lies(heads):
    model = {"checkpoint": "model.pt", "factory": "heads:Sigmoid"}

    heads.run(model=model, output="logit")

    assert scores(heads)[:, 1].min() >= 0.5  # the sigmoid of what lies in 0..1


def test_a_declared_probability_outside_of_0_to_1_is_refused(heads):
    model = {"checkpoint": "model.pt", "factory": "heads:Single"}

    ran = heads.run(model=model, output="probability")

    assert ran.status == 4
    assert "output: declares probabilities, and one for image" in ran.errors


def test_the_scores_are_selected_by_their_key(heads):
    refused = heads.run(model={"checkpoint": "model.pt", "factory": "heads:Named"})
    _, found = measured(heads, "Named", {"select": "logits"})

    assert refused.status == 4
    assert "declare output: {select: KEY}; the keys are logits, features" in refused.errors
    assert found == pytest.approx(measured(heads, "Single")[1])


def test_a_multi_label_model_is_refused_where_probabilities_are_declared_and_told_of_else(heads):
    model = {"checkpoint": "model.pt", "factory": "heads:Labels"}

    refused = heads.run(model=model, output="probability")
    told = heads.run(model=model)

    assert refused.status == 4
    assert "multi-label" in refused.errors
    assert "as of a multi-label model" in notes(told)


def test_several_probabilities_that_are_declared_logits_are_told(heads):
    told, _ = measured(heads, "Soft", "logit")
    honest, _ = measured(heads, "Soft")

    assert "the first outputs are probabilities, and output: declares logits" in notes(told)
    assert "declares logits" not in notes(honest)


def test_a_multi_label_model_that_is_declared_logits_is_told_too(heads):
    told, _ = measured(heads, "Labels", "logit")

    assert "as of a multi-label model; softmax was applied to them as to logits, as" in notes(told)


def test_logits_that_are_declared_probabilities_end_with_the_line_to_write(heads):
    refused = heads.run(output="probability")

    assert refused.status == 4
    assert "declare output: logit" in refused.errors
    assert heads.run(output="logit").status == 0


def test_shards_decide_together(heads):
    for factory in ("Sigmoid", "Single"):
        _, whole = measured(heads, factory)
        heads.gatefile["model"] = {"checkpoint": "model.pt", "factory": f"heads:{factory}"}
        heads.write_gatefile()
        for index in range(2):
            said = heads.command("shard", "--index", index, "--of", 2, "--out", factory)
            assert said.status == 0, said.err
        merged = heads.command("merge", factory)

        assert merged.status == 0, merged.out + merged.err
        assert np.array_equal(scores(heads), whole)
