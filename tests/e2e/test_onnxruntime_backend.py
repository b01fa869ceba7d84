"""The numbers of a run may come from onnxruntime where it agrees with torch; the report says so."""

import sys

import pytest

from gate.measure.data_pass.first_batch import FIRST

pytest.importorskip("onnx", reason="the extra onnx writes the export")
pytest.importorskip("onnxruntime", reason="the extra onnx runs it")

ASKED = ("--backend", "onnxruntime")

BRANCHING = """

class Branching(Brightness):
    def forward(self, images):
        return super().forward(images if images.mean() > 0 else -images)
"""


def assumed(ran, words):
    return [note for note in ran.report["environment"]["assumed"] if words in note]


def judged(ran):
    """Return what was found and decided, without who found it."""
    return {key: ran.report[key] for key in ran.report if key not in {"run", "environment"}}


def test_torch_gives_the_numbers_unless_asked_otherwise(project):
    ran = project.run()

    assert ran.report["environment"]["backend"] == "torch"
    assert not assumed(ran, "onnxruntime")


def test_onnxruntime_gives_the_same_verdict_and_the_report_names_it(project):
    expected = project.run("--no-cache")

    ran = project.run("--no-cache", *ASKED)

    assert ran.report["environment"]["backend"].startswith("onnxruntime ")
    assert assumed(ran, f"agree with torch's within 0.0001 on the first {FIRST} images")
    assert assumed(ran, "where compared, onnxruntime's and torch's scores differ by up to")
    assert ran.status == expected.status == 0
    assert ran.report["confusion"] == expected.report["confusion"]


def test_what_the_cache_gives_still_says_who_measured_it(project):
    first = project.run(*ASKED)

    again = project.run(*ASKED)

    assert again.report["environment"] == first.report["environment"]
    assert judged(again) == judged(first)


def test_a_model_that_cannot_be_exported_is_run_by_torch_and_the_report_says_why(project):
    project.write("nets.py", (project.folder / "nets.py").read_text() + BRANCHING)
    model = {"checkpoint": "model.pt", "factory": "nets:Branching"}
    expected = project.run("--no-cache", model=model)

    ran = project.run("--no-cache", *ASKED, model=model)

    assert ran.report["environment"]["backend"] == "torch"
    (note,) = assumed(ran, "onnxruntime")
    assert note.startswith("the numbers are torch's and not onnxruntime's: line ")
    assert judged(ran) == judged(expected)


def test_an_onnx_checkpoint_is_onnxruntimes_whoever_is_asked_for(project):
    import onnx
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["x"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
        helper.make_node("Gemm", ["mean", "w", "b"], ["y"]),
    ]
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [1, 2], [15.686, 82.353]),
        helper.make_tensor("b", TensorProto.FLOAT, [2], [-1.230, -33.910]),
    ]
    ends = [
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)]
        for name, shape in (("x", ["N", 1, 8, 8]), ("y", ["N", 2]))
    ]
    made = helper.make_model(
        helper.make_graph(nodes, "g", *ends, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    onnx.save(made, project.folder / "model.onnx")

    ran = project.run(model={"checkpoint": "model.onnx"})

    assert ran.report["environment"]["backend"].startswith("onnxruntime ")
    assert ran.report["environment"]["device"] == "cpu"


def shards(project, *arguments):
    project.run(*arguments)  # writes the gate file
    for index in range(2):
        assert (
            project.command("shard", "--index", index, "--of", 2, "--no-cache", *arguments).status
            == 0
        )


def test_shards_of_onnxruntime_merge_into_the_report_of_one_run(project):
    shards(project, *ASKED)
    one = project.command("run", "--no-cache", *ASKED)

    merged = project.command("merge", *ASKED)

    assert merged.status == 0, merged.err
    assert merged.report["environment"] == one.report["environment"]
    assert judged(merged) == judged(one)


def test_shards_of_onnxruntime_are_no_shards_of_torch(project):
    shards(project, *ASKED)

    merged = project.command("merge")

    assert merged.status == 4
    assert "another plan; what differs: packages, backend" in merged.errors


def test_without_onnxruntime_nothing_is_measured_and_the_extra_is_named(project, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)

    ran = project.run(*ASKED)

    assert ran.status == 2
    assert "pip install '.[onnx]'" in ran.err


def test_answers_that_hang_on_rounding_are_counted(project):
    def torn(state):
        for name in ("head.weight", "head.bias"):
            state[name][1] = state[name][0]

    project.checkpoint(change=torn)

    ran = project.run()

    assert assumed(ran, "100 images of test have two best classes within 1e-05")


def test_answers_that_are_clear_are_not_spoken_of(project):
    ran = project.run()

    assert not assumed(ran, "two best classes")
