"""Views and artefacts are judged at the operating point that ships: by a run, and by judge."""

import json
from contextlib import closing
from shutil import copyfile
from sqlite3 import connect

import numpy as np
import pytest

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: operated, version: 1.0.0}
rules:
  - {id: light, check: stability, views: ["brighten:1"], min_agreement: 0.8, max_drop: 0.2}
  - {id: misses, check: stability, views: ["brighten:1"], metric: recall, max_drop: 0.4}
  - {check: region-evidence, tint: {max: 0.3}, severity: warn}
  - {check: shift, severity: warn}
  - {check: patch-shuffle, severity: warn}
  - {check: repeatable, images: 20, batches: [1, 7]}
"""
DARK_FROM = "dark from 0.72, else the best of the others"
UNSTABLE = {"order": [{"class": "dark", "at_least": 0.72}]}  # between the picture and the view
STABLE = {"order": [{"class": "dark", "at_least": 0.55}]}
FITTED = {"order": [{"class": "dark", "fit": {"recall": 0.6}}]}
ABSTAINING = {**UNSTABLE, "order": [*UNSTABLE["order"], {"class": "bright", "at_least": 0.7}],
              "otherwise": "abstain"}  # fmt: skip


def unsure(state):
    """A net that gives a dark picture 0.75, and 0.68 when there is more light on it."""
    state["head.weight"] *= 0.05
    state["head.bias"] *= 0.05


@pytest.fixture
def subject(in_units):
    in_units.folders("test", 30, seed=2)
    in_units.folders("validation", 30, seed=3)
    in_units.gatefile["data"]["validation"] = {"path": "validation"}
    in_units.checkpoint(change=unsure)
    in_units.write("policy.yaml", POLICY)
    return in_units


def run(project, point=None):
    project.write_gatefile(operating_point=point)
    return project.command("run", "--no-cache")


def judge(project, point=None):
    """Judge the evidence that the last run left, at another point."""
    options = ()
    if point is not None:
        document = {"apiVersion": "gate/v1", "kind": "Validation", "operating_point": point}
        project.write("at.yaml", json.dumps(document))
        options = ("--operating-point", "at.yaml")
    return project.command(
        "judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out", *options
    )


def outcomes(ran):
    return {each["key"]: each["outcome"] for each in ran.report["results"]}


def message(ran, key):
    return next(each["message"] for each in ran.report["results"] if each["key"] == key)


AGREEMENT = "light[part=agreement brighten:1]"


def test_a_model_that_is_stable_by_the_highest_score_alone_fails_at_its_threshold(subject):
    by_score = run(subject)
    assert outcomes(by_score)[AGREEMENT] == "passed"
    assert "answered at" not in message(by_score, AGREEMENT)

    by_threshold = run(subject, UNSTABLE)

    found = outcomes(by_threshold)
    assert by_threshold.status == 1
    assert found[AGREEMENT] == found["light[part=drop brighten:1]"] == "failed"
    assert found["misses[class=dark,part=drop brighten:1]"] == "failed"
    assert f"answered at {DARK_FROM}" in message(by_threshold, AGREEMENT)


def test_a_model_that_is_stable_at_its_threshold_passes(subject):
    ran = run(subject, STABLE)

    assert ran.status == 0, ran.out
    assert outcomes(ran)[AGREEMENT] == "passed"


def test_an_answer_that_is_kept_back_under_the_view_has_changed_and_is_missed(subject):
    ran = run(subject, ABSTAINING)

    found = outcomes(ran)
    assert found[AGREEMENT] == found["misses[class=dark,part=drop brighten:1]"] == "failed"
    assert "else no answer" in message(ran, AGREEMENT)


def test_who_answers_nothing_at_all_is_stable_and_right_about_nothing(subject):
    nothing = {"order": [{"class": name, "at_least": 1.0} for name in ("dark", "bright")]}

    ran = run(subject, {**nothing, "otherwise": "abstain"})

    assert outcomes(ran)[AGREEMENT] == "passed"
    assert outcomes(ran)["patch-shuffle"] == "passed" or "too small" in message(
        ran, "patch-shuffle"
    )


@pytest.mark.parametrize("point", [UNSTABLE, STABLE, FITTED, ABSTAINING])
def test_judging_saved_views_at_a_point_is_a_run_with_it_to_the_byte(point, subject):
    whole = run(subject, point)
    run(subject)

    judged = judge(subject, point)

    assert judged.digest == whole.digest
    assert judged.status == whole.status
    assert judge(subject).digest == whole.digest  # the evidence has the point now


def test_where_no_threshold_reaches_its_target_views_are_open_and_what_no_answer_decides_is_not(
    subject,
):
    ran = run(subject, {"order": [{"class": "dark", "fit": {"recall": 0.999}}]})

    found = outcomes(ran)
    assert found["light"] == "inconclusive"
    assert "no threshold of dark reaches recall 0.999" in message(ran, "light")
    assert found["repeatable[part=twice]"] == found["repeatable[part=batches]"] == "passed"


@pytest.mark.parametrize(("shared", "expected"), [(5, "inconclusive"), (0, "passed")])
def test_views_prove_nothing_at_a_threshold_that_was_fitted_on_images_of_test(
    shared, expected, subject
):
    for image in sorted((subject.folder / "test" / "dark").glob("*.png"))[:shared]:
        copyfile(image, subject.folder / "validation" / "dark" / f"copy-{image.name}")
    rule = "  - {id: lsb, check: stability, views: ['lsb:1'], min_agreement: 0.8}\n"
    subject.write("policy.yaml", POLICY + rule)

    ran = run(subject, FITTED)

    found = outcomes(ran)
    assert found["lsb[part=agreement lsb:1]"] == expected
    assert ("nothing is proven" in message(ran, "lsb[part=agreement lsb:1]")) is (shared > 0)
    assert found["repeatable[part=twice]"] == "passed"


def test_scores_that_were_taken_out_of_the_evidence_prove_nothing_at_a_point(subject):
    run(subject)
    with closing(connect(subject.folder / "gate-out" / "evidence.sqlite")) as database, database:
        database.execute(
            "DELETE FROM observations WHERE number IN "
            "(SELECT number FROM observed_columns WHERE type = 'scores')"
        )
        database.execute("DELETE FROM observed_columns WHERE type = 'scores'")

    judged = judge(subject, STABLE)

    assert judged.status == 3, judged.err
    assert "does not keep the scores of view brighten:1" in message(judged, AGREEMENT)


def test_another_score_gives_another_digest(subject):
    honest = run(subject)
    with closing(connect(subject.folder / "gate-out" / "evidence.sqlite")) as database, database:
        number, position, value = database.execute(
            "SELECT number, position, value FROM observations JOIN observed_columns USING (number) "
            "WHERE type = 'scores'"
        ).fetchone()
        scores = np.frombuffer(value, "<f4").copy()
        scores[scores.argmin()] += np.float32(0.01)
        database.execute(
            "UPDATE observations SET value = ? WHERE (number, position) = (?, ?)",
            (scores.tobytes(), number, position),
        )

    assert judge(subject).digest != honest.digest


def test_scores_that_are_not_those_of_the_answers_prove_nothing_at_all(subject):
    run(subject)
    with closing(connect(subject.folder / "gate-out" / "evidence.sqlite")) as database, database:
        rows = database.execute(
            "SELECT position, value FROM observations JOIN observed_columns USING (number) "
            "WHERE measurement LIKE 'view brighten%' AND name = 'scores'"
        ).fetchall()
        for position, value in rows:
            database.execute(
                "UPDATE observations SET value = ? WHERE position = ? AND number IN (SELECT number "
                "FROM observed_columns WHERE measurement LIKE 'view brighten%' "
                "AND name = 'scores')",
                (value[4:] + value[:4], position),
            )

    judged = judge(subject)

    assert outcomes(judged)[AGREEMENT] == "inconclusive"
    assert "contradict themselves" in message(judged, AGREEMENT)


def test_an_artefact_that_answers_as_the_model_by_the_highest_score_fails_at_the_threshold(
    subject,
):
    """A flatter export: the best class stays the best, and does not reach its threshold."""
    onnx = pytest.importorskip("onnx", reason="builds the graph")
    pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
    export(onnx, subject, cooled=0.7)
    subject.gatefile["artefacts"] = {"small": "small.onnx"}
    rule = "{check: parity, artefact: small, max_gap: 0.2, min_agreement: 0.9, margin: 0.1}"
    subject.write("policy.yaml", POLICY + f"  - {rule}\n")
    agreement, drop = (f"parity[part={part}]" for part in ("agreement", "drop"))

    assert outcomes(run(subject))[agreement] == "passed"
    whole = run(subject, UNSTABLE)
    assert outcomes(whole)[agreement] == outcomes(whole)[drop] == "failed"
    assert f"answered at {DARK_FROM}" in message(whole, agreement)

    run(subject)
    assert judge(subject, UNSTABLE).digest == whole.digest

    honest = run(subject, STABLE)
    assert outcomes(honest)[agreement] == outcomes(honest)[drop] == "passed"


def test_a_right_export_agrees_with_the_answers_of_the_model_at_the_point(subject):
    onnx = pytest.importorskip("onnx", reason="builds the graph")
    pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
    export(onnx, subject, cooled=1.0)
    subject.gatefile["artefacts"] = {"small": "small.onnx"}
    rule = "{check: parity, artefact: small, min_agreement: 0.8, margin: 0.1}"
    subject.write("policy.yaml", POLICY + f"  - {rule}\n")

    ran = run(subject, {"order": [{"class": "dark", "at_least": 0.8}]})  # no picture reaches it

    found = outcomes(ran)
    assert found["parity[part=agreement]"] == found["parity[part=drop]"] == "passed"


def test_two_artefacts_are_compared_by_the_answers_of_both_at_the_point(subject):
    onnx = pytest.importorskip("onnx", reason="builds the graph")
    pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
    for name, cooled in (("flat", 0.7), ("flatter", 0.69), ("sharp", 1.0)):
        export(onnx, subject, cooled, f"{name}.onnx")
    subject.gatefile["artefacts"] = {n: f"{n}.onnx" for n in ("flat", "flatter", "sharp")}
    rule = "{{check: parity, artefact: flat, versus: {}, max_gap: 0.2, min_agreement: 0.8}}"
    rules = [f"  - {{id: {n}, {rule.format(n)[1:]}\n" for n in ("flatter", "sharp")]
    subject.write("policy.yaml", POLICY + "".join(rules))

    whole = run(subject, UNSTABLE)

    found = outcomes(whole)
    assert found["flatter[part=agreement]"] == "passed"  # neither of them reaches the threshold
    assert found["sharp[part=agreement]"] == "failed"
    run(subject)
    assert judge(subject, UNSTABLE).digest == whole.digest


@pytest.fixture
def of_many(subject):
    """A net of seventy classes, of which the evidence keeps the best thirty-two scores."""
    classes = [f"class-{label:02}" for label in range(70)]
    subject.folders("many", 3, seed=4, classes=classes)
    subject.checkpoint(classes=70)
    subject.gatefile["classes"] = classes
    subject.gatefile["model"]["kwargs"] = {"classes": 70}
    subject.gatefile["data"] = {"test": {"path": "many"}}
    return subject


@pytest.mark.parametrize(
    ("least", "otherwise"), [(0.0, "best"), (0.04, "best"), (0.2, "best"), (0.04, "abstain")]
)
def test_of_many_classes_judging_is_a_run_to_the_byte(least, otherwise, of_many):
    order = [{"class": "class-09", "at_least": least}, {"class": "class-60", "at_least": 0.05}]
    point = {"order": order, "otherwise": otherwise}
    whole = run(of_many, point)
    run(of_many)

    judged = judge(of_many, point)

    assert judged.digest == whole.digest
    told = "whether class-09 reaches 0 is not known" not in message(judged, AGREEMENT)
    assert told is (least > 0)


def export(onnx, project, cooled, name="small.onnx"):
    """Write the model as ONNX, its logits times ``cooled``."""
    import torch
    from onnx import TensorProto, helper, numpy_helper

    state = torch.load(project.folder / "model.pt", weights_only=True)
    weight = state["head.weight"].numpy().T * float(state["conv.weight"].item()) * cooled
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["flat"]),
            helper.make_node("Gemm", ["flat", "weight", "bias"], ["scores"]),
        ],
        "g",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 8, 8])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 2])],
        [
            numpy_helper.from_array(weight.astype("float32"), "weight"),
            numpy_helper.from_array(
                (state["head.bias"].numpy() * cooled).astype("float32"), "bias"
            ),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, project.folder / name)
