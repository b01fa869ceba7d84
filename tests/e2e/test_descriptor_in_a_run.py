"""A descriptor that the user names sees copies that no hash does, and the report names it."""

import hashlib

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="builds the graph")
pytest.importorskip("onnxruntime", reason="the extra onnx runs it")

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.5, decide_on: point}
  - {check: train-test-overlap, max_near: 0}
"""
LEAKAGE = {
    "descriptor": "copies.onnx",
    "size": [32, 32],
    "mean": [0.5, 0.5, 0.5],
    "std": [0.5, 0.5, 0.5],
}


def network(path, *, flat=True, channels=3):
    """Write a network that gives by how much 4 x 4 parts differ from the mean of a picture."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("AveragePool", ["x"], ["parts"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("GlobalAveragePool", ["x"], ["mean"]),
        helper.make_node("Sub", ["parts", "mean"], ["differences"]),
        helper.make_node("Flatten" if flat else "Identity", ["differences"], ["y"]),
    ]
    output = ["N", 16 * channels] if flat else ["N", channels, 4, 4]
    made = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", channels, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
    )
    opsets = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(made, opset_imports=opsets, ir_version=9), path)


def pictures(count, seed):
    """Return dark and bright ones: 4 x 4 colours under a fine grain."""
    random = np.random.default_rng(seed)
    labels = np.repeat((0, 1), count)
    coarse = random.integers(-30, 31, (len(labels), 4, 4, 3))
    coarse += np.where(labels, 190, 65)[:, None, None, None]
    large = np.kron(coarse, np.ones((1, 8, 8, 1), int))
    large += random.integers(-35, 36, large.shape)
    return large.astype(np.uint8), labels


def noisy(images):
    noise = np.random.default_rng(9).integers(-60, 61, images.shape)
    return (images.astype(int) + noise).clip(0, 255).astype(np.uint8)


@pytest.fixture
def coloured(project):
    """The project with RGB pictures, among them a copy in test that its hash does not tell."""
    project.write("policy.yaml", POLICY)
    project.checkpoint(channels=3, size=32)
    network(project.folder / "copies.onnx")
    project.gatefile["model"]["kwargs"] = {"channels": 3, "size": 32}
    project.gatefile["input"] = {"size": [32, 32], "channels": "RGB"}
    project.gatefile["leakage"] = LEAKAGE
    train, labels = pictures(30, seed=1)
    test, test_labels = pictures(25, seed=2)
    test[4:5] = noisy(train[7:8])
    np.savez(project.folder / "train.npz", images=train, labels=labels)
    np.savez(project.folder / "test.npz", images=test, labels=test_labels)
    return project


def near(ran):
    return {
        (pair["b"], pair["a"]) for pair in ran.report["leakage"]["pairs"] if pair["kind"] == "near"
    }


def test_a_copy_that_its_hash_does_not_tell_is_found_with_a_descriptor(coloured):
    without = coloured.run(leakage=None)
    ran = coloured.run()

    assert (without.status, near(without)) == (0, set())
    assert ran.status == 1
    assert near(ran) == {("4", "7")}
    assert all(0 < pair["distance"] <= 0.15 for pair in ran.report["leakage"]["pairs"])


def test_a_distance_by_a_descriptor_is_not_told_in_bits(coloured):
    coloured.run("-o", "html=report.html")

    page = (coloured.folder / "report.html").read_text(encoding="utf-8")
    assert "near copy</strong>" in page
    assert "of 256 bits differ" not in page


def test_a_comparison_that_would_take_hours_is_no_clean_bill(coloured, monkeypatch):
    monkeypatch.setattr("gate.measure.duplicates.descriptor_copies.MOST_PAIRS", 100)

    ran = coloured.run()

    assert ran.status == 4
    assert "are more than 100 pairs to compare" in ran.errors


def test_the_report_names_the_descriptor_by_its_digest(coloured):
    digest = hashlib.sha256((coloured.folder / "copies.onnx").read_bytes()).hexdigest()

    ran = coloured.run()

    (note,) = [each for each in ran.report["environment"]["assumed"] if "descriptor" in each]
    assert f"copies.onnx (sha256 {digest})" in note
    assert "near from a cosine of 0.85 on; 0 images could not be described" in note


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda path: path.unlink(), "copies.onnx"),
        (
            lambda path: path.write_bytes(b"no graph"),
            "it is not an ONNX model; export the descriptors",
        ),
        (lambda path: network(path, channels=1), "it takes images of 1 channel, and gets 3"),
        (lambda path: network(path, flat=False), "not a row an image"),
    ],
)
def test_a_descriptor_that_cannot_be_asked_is_no_clean_bill(coloured, spoil, words):
    spoil(coloured.folder / "copies.onnx")

    ran = coloured.run()

    assert ran.status == 4, ran.out
    assert words in ran.errors
    [compared] = ran.report["leakage"]["compared"]
    assert (compared["split_a"], compared["split_b"]) == ("train", "test")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"std": None}, "mean and std belong together"),
        ({"size": [32]}, "'size'"),
        ({"size": [32, 0]}, "'size'"),
        ({"mean": [0.5]}, "'mean'"),
        ({"descriptor": ""}, "'descriptor'"),
        ({"threshold": 0.5}, "threshold"),
    ],
)
def test_a_wrong_declaration_is_refused_before_anything_is_measured(coloured, change, words):
    declared = {key: value for key, value in {**LEAKAGE, **change}.items() if value is not None}

    ran = coloured.run(leakage=declared)

    assert ran.status == 2
    assert words in ran.err


def test_saved_predictions_leave_nothing_to_describe(coloured):
    coloured.write("test.csv", "id,label,dark,bright\na,dark,0.9,0.1\nb,bright,0.1,0.9\n")

    ran = coloured.run(model=None, input=None, data={"test": {"predictions": "test.csv"}})

    assert ran.status == 2
    assert "saved predictions have no images that could be compared more thoroughly" in ran.err
