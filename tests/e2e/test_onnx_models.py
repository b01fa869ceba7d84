"""An ONNX model is judged without a factory, in a process of its own."""

import json

import pytest
from graphs import graph

onnx = pytest.importorskip("onnx", reason="builds the graph")
pytest.importorskip("onnxruntime", reason="the extra onnx runs it")

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: sandbox, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: model-integrity, sandbox: [rlimits, no_new_privileges]}
"""


def test_an_onnx_model_needs_no_factory_and_the_report_says_which_sandbox_held(project):
    graph(project.folder / "model.onnx")
    project.write("policy.yaml", POLICY)

    ran = project.run(model={"checkpoint": "model.onnx"})

    assert ran.status == 0, ran.out
    assert ran.report["subject"]["format"] == "onnx"
    assert ran.report["subject"]["parameters"] is None
    assert any("in a sandbox of rlimits" in note for note in ran.report["environment"]["assumed"])
    assert "its own graph" in ran.out


def test_an_onnx_model_with_other_classes_says_so(project):
    graph(project.folder / "model.onnx", outputs=3)

    ran = project.run(model={"checkpoint": "model.onnx"})

    assert ran.status == 4
    assert "the model has 3 outputs, the data has 2 classes" in ran.errors
    assert ran.report["subject"]["sha256"]


def test_a_checkpoint_without_a_factory_is_no_graph(project):
    ran = project.run(model={"checkpoint": "model.pt"})

    assert ran.status == 2
    assert "nothing says how the model is built" in ran.err


def test_an_onnx_model_is_inspected_as_what_it_is(project):
    graph(project.folder / "model.onnx")

    text = project.command("inspect", "model.onnx")
    found = json.loads(project.command("inspect", "model.onnx", "--format", "json").out)

    assert text.status == 0
    assert "would be opened; whether it fits is known when it is run" in text.out
    assert (found["source"], found["format"], found["refusal"]) == ("onnx", "onnx", None)


def test_a_first_gate_file_of_an_onnx_model_asks_for_no_factory(project):
    graph(project.folder / "model.onnx")
    project.folders("data/test", 3)

    ran = project.command("init", "data", "--checkpoint", "model.onnx", "--out", "made")

    assert ran.status == 0
    assert "--model" not in ran.out
    assert "factory" not in (project.folder / "made" / "gate.yaml").read_text()


def test_who_calls_with_flags_is_told_where_the_lines_belong(project):
    graph(project.folder / "model.onnx")
    project.folders("data/test", 3)
    flags = ("--checkpoint", "model.onnx", "--test", "data/test", "--policy", "smoke")

    asked = project.command("run", *flags)
    written = project.command("init", "data", "--checkpoint", "model.onnx", "--out", "made")

    assert asked.status == 2
    assert asked.err.splitlines()[-1] == (
        "or let a gate file be written: validate-model init --checkpoint CHECKPOINT DATA"
    )
    assert "# input: {" in (project.folder / "made" / "gate.yaml").read_text()
    assert "fill in input (--size, --channels, --mean, --std) there" in written.out
