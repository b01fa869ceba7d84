"""Files that are deployed in place of the checkpoint: asked about the same inputs, and covered."""

import random
from datetime import UTC, datetime

import pytest

from gate.approval.attest import attest
from gate.errors import AttestationError

onnx = pytest.importorskip("onnx", reason="builds the graphs")
pytest.importorskip("onnxruntime", reason="the extra onnx runs them")

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {{name: parity, version: 1.0.0}}
rules:
  - {{check: accuracy, min: 0.80}}
{rules}
"""
RULE = "{check: parity, artefact: small, images: 40}"
NOT_JUDGED = "artefact small is not judged: no rule of the policy names it (see parity)"


def graph(path, state, *, scale=1.0, broken=(), outputs=None, classes=None, kind="float32"):
    """Write the model of a state dict as ONNX; ``scale`` is of its inputs, 1.0 a right export."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    conv = float(state["conv.weight"].item()) * scale
    weight = (state["head.weight"].numpy() * conv).T
    bias = state["head.bias"].numpy().copy()
    for label in broken:
        bias[label] = np.nan
    outputs = outputs or weight.shape[1]
    weight = np.resize(weight, (weight.shape[0], outputs)) if outputs != len(bias) else weight
    bias = np.resize(bias, outputs)
    made = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("Cast", ["stored"], ["weight"], to=TensorProto.FLOAT),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["scores"]),
        ],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", outputs])],
        [
            numpy_helper.from_array(weight.astype(kind), "stored"),
            numpy_helper.from_array(bias.astype("float32"), "bias"),
        ],
    )
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    if classes is not None:
        helper.set_model_props(model, {"names": repr(dict(enumerate(classes)))})
    onnx.save(model, path)


def answer_otherwise_alone(path):
    """Let an export add to the score of its first class where an image is in no company."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(path)
    classes = model.graph.output[0].type.tensor_type.shape.dim[1].dim_value
    model.graph.node[-1].output[0] = "in company"
    model.graph.node.extend([
        helper.make_node("Shape", ["images"], ["together"], start=0, end=1),
        helper.make_node("Equal", ["together", "one"], ["is alone"]),
        helper.make_node("Cast", ["is alone"], ["alone"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["alone", "to the first"], ["more"]),
        helper.make_node("Add", ["in company", "more"], ["scores"]),
    ])  # fmt: skip
    model.graph.initializer.extend([
        numpy_helper.from_array(np.array([1], np.int64), "one"),
        numpy_helper.from_array(np.eye(1, classes, dtype=np.float32) * 50, "to the first"),
    ])  # fmt: skip
    onnx.save(model, path)


def judge_by(project, *rules):
    project.write("policy.yaml", POLICY.format(rules="\n".join(f"  - {each}" for each in rules)))


@pytest.fixture
def subject(in_units, monkeypatch):
    """Thirty pictures a class, and a right export of the checkpoint beside it."""
    import torch

    from gate.subject.datasets import sampled

    monkeypatch.setattr(sampled, "ROWS", 7)
    monkeypatch.setattr("gate.measure.partials.kept_partials.SETTLED", 0.0)
    in_units.folders("test", 30, seed=2)
    in_units.state = torch.load(in_units.folder / "model.pt", weights_only=True)
    graph(in_units.folder / "small.onnx", in_units.state)
    in_units.gatefile["artefacts"] = {"small": "small.onnx"}
    in_units.write_gatefile()
    judge_by(in_units, RULE)
    return in_units


def artefacts_of(ran):
    return {each["name"]: each for each in ran.report["subject"]["artefacts"]}


def failed_parts(ran):
    return {
        each["scope"]["part"]
        for each in ran.report["results"]
        if each["check"] == "parity" and each["outcome"] == "failed"
    }


def test_a_right_export_passes_and_is_covered(subject):
    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out
    found = artefacts_of(ran)["small"]
    assert (found["precision"], found["parameters"], found["covered"]) == ("float32", 130, True)


def test_an_artefact_that_no_rule_looks_at_is_told_beside_the_pass(subject):
    judge_by(subject)

    ran = subject.command("run", "--no-cache")

    assert (ran.status, artefacts_of(ran)) == (0, {})
    assert NOT_JUDGED in ran.report["environment"]["assumed"]


def test_an_artefact_that_a_rule_looks_at_is_not_told(subject):
    ran = subject.command("run", "--no-cache")

    assert NOT_JUDGED not in ran.report["environment"]["assumed"]


def test_an_export_that_scales_its_inputs_fails_though_every_answer_agrees(subject):
    graph(subject.folder / "small.onnx", subject.state, scale=0.65)
    judge_by(subject, "{check: parity, artefact: small, images: 40, min_agreement: 0.9}")

    ran = subject.command("run", "--no-cache")

    assert (ran.status, failed_parts(ran)) == (1, {"largest score gap"})
    assert not artefacts_of(ran)["small"]["covered"]


@pytest.mark.parametrize("rule", [RULE, "{check: parity, artefact: small, images: 40, max_gap: 1}"])
def test_scores_that_are_not_finite_fail_whatever_the_policy_allows(subject, rule):
    graph(subject.folder / "small.onnx", subject.state, broken=(1,))
    judge_by(subject, rule.replace("max_gap: 1", "max_gap: 0.49"))

    ran = subject.command("run", "--no-cache")

    assert ran.status == 1
    assert "finite" in failed_parts(ran)


ALONE = "{check: repeatable, artefact: small, images: 40, batches: [1, 7]}"


def test_an_export_that_answers_an_image_alone_otherwise_fails_though_it_has_parity(subject):
    answer_otherwise_alone(subject.folder / "small.onnx")
    judge_by(subject, RULE, ALONE)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 1, ran.out
    failed = [each for each in ran.report["results"] if each["outcome"] == "failed"]
    assert [each["key"] for each in failed] == ["repeatable[part=batches]"]
    assert failed[0]["finding"].startswith("20 of 40 test images get other scores from small")


def test_an_export_that_answers_alike_in_any_company_passes(subject):
    judge_by(subject, RULE, ALONE)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out


@pytest.mark.parametrize(("kind", "precision"), [("float16", "float16"), ("int8", "int8")])
def test_the_format_is_read_from_the_numbers_of_the_file(subject, kind, precision):
    graph(subject.folder / "small.onnx", subject.state, kind=kind)

    ran = subject.command("run", "--no-cache")

    assert artefacts_of(ran)["small"]["precision"] == precision


def test_weights_of_eight_bits_that_nothing_uses_do_not_make_a_file_int8(subject):
    import numpy as np
    from onnx import numpy_helper

    path = subject.folder / "small.onnx"
    model = onnx.load(path)
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(9999, np.int8), "padding"))
    onnx.save(model, path)

    ran = subject.command("run", "--no-cache")

    assert artefacts_of(ran)["small"]["precision"] == "float32"


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_state_dict_of_half_precision_is_built_by_the_factory_of_the_model(subject, dtype):
    import torch

    halved = {name: each.to(getattr(torch, dtype)) for name, each in subject.state.items()}
    torch.save(halved, subject.folder / "half.pt")
    subject.gatefile["artefacts"] = {"small": "half.pt"}
    subject.write_gatefile()
    judge_by(subject, "{check: parity, artefact: small, min_agreement: 0.9, max_mean_gap: 0.05}")

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out
    assert artefacts_of(ran)["small"]["precision"] == dtype


def test_a_state_dict_may_have_a_factory_and_keywords_of_its_own(subject):
    subject.write("own.py", "import nets\n\ndef make(size):\n    return nets.build(size=size)\n")
    subject.checkpoint("own.pt", change=lambda state: state["head.bias"].add_(1.0))
    made = {"checkpoint": "own.pt", "factory": "own:make", "kwargs": {"size": 8}}
    subject.gatefile["artefacts"] = {"small": made}
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out
    assert "artefacts.small.factory" in ran.report["configuration"]["code"]


def test_another_backend_of_the_checkpoint_is_an_artefact(subject):
    made = {"checkpoint": "model.pt", "backend": "onnxruntime"}
    subject.gatefile["artefacts"] = {"small": made}
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    assert ran.status == 0, ran.out


@pytest.mark.parametrize("how", [("--workers", 2), ("--batch", 16)])
def test_whoever_asks_the_report_is_the_same(subject, how):
    alone = subject.command("run", "--no-cache")
    others = subject.command("run", "--no-cache", *how)

    assert (others.status, others.digest) == (alone.status, alone.digest)


def test_shards_in_any_order_give_the_same_report(subject):
    alone = subject.command("run", "--no-cache")
    for index in random.Random(3).sample(range(3), 3):
        assert subject.command("shard", "--index", index, "--of", 3, "--no-cache").status == 0

    merged = subject.command("merge")

    assert (merged.status, merged.digest) == (alone.status, alone.digest), merged.err


def test_an_artefact_that_was_swapped_between_shards_is_not_merged(subject):
    for index in range(2):
        subject.command("shard", "--index", index, "--of", 2, "--no-cache")
    graph(subject.folder / "small.onnx", subject.state, scale=1.001)

    assert subject.command("merge").status == 4


def test_answers_of_another_file_are_not_taken_from_the_cache(subject):
    first = subject.command("run")
    again = subject.command("run")
    graph(subject.folder / "small.onnx", subject.state, scale=0.3)
    other = subject.command("run")

    assert (first.status, again.status, other.status) == (0, 0, 1)
    assert again.digest == first.digest
    assert again.report["run"]["answers_from_cache"] > 0


def test_an_artefact_that_no_rule_asks_is_not_opened(subject):
    (subject.folder / "small.onnx").unlink()
    judge_by(subject, "{check: recall, min: 0.70}")

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.report["subject"]["artefacts"]) == (0, [])


def test_a_chain_covers_what_leads_to_the_checkpoint_alone(subject):
    subject.gatefile["artefacts"]["tiny"] = "tiny.onnx"
    subject.write_gatefile()
    graph(subject.folder / "tiny.onnx", subject.state, kind="float16")
    against = (
        "{id: tiny, check: parity, artefact: tiny, versus: small, max_mean_gap: 0.1, "
        "min_agreement: 0.9}"
    )

    judge_by(subject, against)
    alone = subject.command("run", "--no-cache")
    judge_by(subject, against, RULE)
    chained = subject.command("run", "--no-cache")

    assert (alone.status, chained.status) == (0, 0), chained.out
    assert not artefacts_of(alone)["tiny"]["covered"]
    assert all(each["covered"] for each in artefacts_of(chained).values())


def test_judging_the_evidence_gives_the_report_of_the_run(subject):
    ran = subject.command("run", "--no-cache")
    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert judged.digest == ran.digest


def test_evidence_without_the_artefact_leaves_its_rule_inconclusive(subject):
    judge_by(subject, "{check: recall, min: 0.70}")
    subject.command("run", "--no-cache")
    judge_by(subject, RULE)

    judged = subject.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")

    assert judged.status == 3
    assert "artefact small" in judged.out


# Bad input.


def test_a_name_that_the_gate_file_lacks_is_told_before_anything_is_measured(subject):
    judge_by(subject, "{check: parity, artefact: int8}")

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.report) == (2, None)
    assert "the artefact 'int8' (parity)" in ran.err
    assert "gate.yaml:" in ran.err


def test_a_missing_file_is_named_with_the_artefact(subject):
    (subject.folder / "small.onnx").unlink()

    ran = subject.command("run", "--no-cache")

    assert ran.status == 4
    assert "artefact small (small.onnx)" in ran.errors
    assert ran.report["subject"]["sha256"] is not None  # the verdict stays bound to the checkpoint


def test_an_artefact_of_other_classes_is_an_error_with_its_name(subject):
    graph(subject.folder / "small.onnx", subject.state, outputs=3)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 4
    assert "artefact small (small.onnx): the model has 3 outputs" in ran.errors


def test_an_artefact_that_names_the_classes_in_another_order_is_an_error(subject):
    graph(subject.folder / "small.onnx", subject.state, classes=["bright", "dark"])

    ran = subject.command("run", "--no-cache")

    assert ran.status == 4
    assert "its classes are bright, dark (metadata: names)" in ran.errors


def test_an_artefact_of_another_input_size_is_an_error_with_its_name(subject):
    path = subject.folder / "small.onnx"
    model = onnx.load(path)
    model.graph.input[0].type.tensor_type.shape.dim[3].dim_value = 9
    onnx.save(model, path)

    ran = subject.command("run", "--no-cache")

    assert ran.status == 4
    assert "artefact small (small.onnx)" in ran.errors


def test_the_checkpoint_itself_is_no_artefact(subject):
    subject.gatefile["artefacts"] = {"small": "model.pt"}
    subject.write_gatefile()

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.report) == (2, None)
    assert "model.pt is the checkpoint itself" in ran.err


def test_operators_of_somebodys_library_are_refused_unrun(subject):
    path = subject.folder / "small.onnx"
    model = onnx.load(path)
    model.graph.node[0].domain = "evil"
    onnx.save(model, path)

    ran = subject.command("run", "--no-cache")

    assert (ran.status, ran.kinds) == (4, ["refused-unsafe"])
    assert "artefact small" in ran.errors


# What the verdict is on.


def statement_of(subject):
    now = datetime.now(UTC)
    return attest(subject.folder / "gate-out", subject.folder / "model.pt", now=now).statement


def covered(statement):
    return [each for each in statement["subject"] if each["name"].startswith("artefact:")]


def test_a_statement_is_on_an_artefact_that_a_blocking_rule_has_passed(subject):
    ran = subject.command("run", "--no-cache")

    (found,) = covered(statement_of(subject))

    assert found["digest"]["sha256"] == artefacts_of(ran)["small"]["sha256"]


def test_a_rule_that_warns_covers_nothing(subject):
    judge_by(subject, "{check: parity, artefact: small, images: 40, severity: warn}")
    subject.command("run", "--no-cache")

    assert covered(statement_of(subject)) == []


def test_a_file_that_was_swapped_after_the_run_is_another_one(subject):
    from gate.approval.digests import checkpoint_files

    subject.command("run", "--no-cache")
    (found,) = covered(statement_of(subject))
    graph(subject.folder / "small.onnx", subject.state, scale=0.3)

    assert checkpoint_files(subject.folder / "small.onnx").sha256 != found["digest"]["sha256"]


def test_an_artefact_is_not_attested_in_place_of_the_checkpoint(subject):
    subject.command("run", "--no-cache")

    with pytest.raises(AttestationError, match="was judged"):
        attest(subject.folder / "gate-out", subject.folder / "small.onnx", now=datetime.now(UTC))
