"""Every bad input ends in place, fact and remedy, a documented status, and no traceback.

The rooms of datasets and checkpoints test their own messages; here the whole command is judged.
"""

import io

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import save_file

from gate.cli import main  # noqa: F401 -- loaded before the first test is timed


def assert_told(ran, status, *words):
    """Assert that a command ended with a status and said these words, and no traceback."""
    said = ran.err if status == 2 else ran.errors + ran.out
    assert ran.status == status, f"{ran.status}: {ran.err}{ran.out}"
    for word in words:
        assert word in said, said
    assert "Traceback" not in ran.out + ran.err
    assert "Error(" not in said


def assert_reported(ran, *words, kind):
    """Assert that a run ended in 4 with a report whose errors have place, fact and remedy."""
    assert_told(ran, 4, *words)
    assert ran.report["verdict"] == "error"
    assert kind in ran.kinds
    for error in ran.report["errors"]:
        assert error["where"]
        assert error["message"]
        assert error["remedy"]
    assert ran.out.endswith("\nERROR  exit status 4\n")


def only_test(path, **keys):
    return {"test": {"path": path, **keys}}


# The model


def test_three_channels_expected_and_one_given(project):
    project.checkpoint(channels=3)

    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"channels": 3}}
    )

    assert_reported(ran, "the model expects 3 channels, the data has 1", kind="mismatch")
    assert "set input.channels to RGB (3)" in ran.errors


def test_one_channel_expected_and_three_given(project):
    ran = project.run(input={"size": [8, 8], "channels": "RGB"})

    assert_reported(ran, "the model expects 1 channel", "the data has 3", kind="mismatch")


def test_tensors_of_a_dataset_with_three_channels_are_not_mended_by_input_channels(project):
    project.write(
        "sets.py",
        "import torch\n\n\ndef colour():\n    return [(torch.zeros(3, 8, 8), 0)] * 4\n",
    )

    ran = project.run(data={"test": {"factory": "sets:colour"}}, classes=["dark", "bright"])

    assert_reported(ran, "the model expects 1 channel, the data has 3", kind="mismatch")
    assert "where your Dataset returns float tensors, return them as in training" in ran.errors


def test_a_split_that_could_not_be_read_is_not_said_to_be_missing(project):
    project.write("sets.py", "def beyond():\n    return [([[0]], 2)]\n")

    ran = project.run(
        data={"train": {"path": "train.npz"}, "test": {"factory": "sets:beyond"}},
        classes=["dark", "bright"],
    )

    reasons = [each["message"] for each in ran.report["results"]]
    assert ran.status == 4
    assert any("test was not measured" in each for each in reasons)
    assert not any("was given" in each and "test" in each for each in reasons)


def test_a_head_for_another_image_size(project):
    ran = project.run(input={"size": [16, 16], "channels": "L", "resize": "stretch"})

    assert_reported(
        ran,
        "layer head expects 64 features, images of 16 x 16 give 256",
        "the head was built for another image size",
        kind="mismatch",
    )


def test_a_model_of_five_classes_against_data_of_ten(project):
    project.checkpoint(classes=5)
    names = [f"c{label}" for label in range(10)]
    project.npz("test.npz", 20, classes=10)

    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"classes": 5}},
        classes=names,
        data=only_test("test.npz"),
    )

    assert_reported(ran, "the model has 5 outputs, the data has 10 classes", kind="mismatch")


def test_a_checkpoint_of_five_classes_in_a_model_of_ten(project):
    project.checkpoint(classes=5)
    project.npz("test.npz", 20, classes=10)

    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"classes": 10}},
        classes=[f"c{label}" for label in range(10)],
        data=only_test("test.npz"),
    )

    assert_reported(ran, "head", "5", "10", kind="mismatch")


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("nets:Segmenter", ["(64, 2, 8, 8)", "single-label"]),
        ("nets:Pair", ["returned tuple"]),
    ],
)
def test_an_output_that_is_not_one_score_a_class(factory, words, project):
    ran = project.run(
        model={"checkpoint": "model.pt", "factory": factory}, data=only_test("test.npz")
    )

    assert_reported(ran, *words, kind="mismatch")


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("nowhere:build", ["there is no module", "nowhere"]),
        ("nets:built", ["has no", "built", "did you mean"]),
        ("nets:raises", ["raised RuntimeError: no such backbone", "nets.py:"]),
        ("nets:exits", ["raised SystemExit"]),
        ("nets:returns_text", ["returned str, not a torch.nn.Module"]),
    ],
)
def test_a_factory_that_gives_no_model(factory, words, project):
    ran = project.run(model={"checkpoint": "model.pt", "factory": factory})

    assert_reported(ran, *words, kind="factory")


def test_arguments_that_the_factory_does_not_take(project):
    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"clases": 2}}
    )

    assert_reported(ran, "clases", "it takes classes, channels, size", kind="factory")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers(value, project):
    def spoil(state):
        state["head.weight"][0, 0] = value

    project.checkpoint(change=spoil)

    ran = project.run()

    assert_reported(ran, "head.weight", kind="numerically-bad")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "corrupt"),
        (b"accuracy: 0.99\n", "corrupt"),
        (b"\x00" * 4096, "corrupt"),
        (b"PK\x03\x04 and nothing else", "corrupt"),
        (b"<!DOCTYPE html><html>404</html>", "corrupt"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "corrupt"),
    ],
    ids=["empty", "text", "zeros", "torn zip", "web page", "LFS pointer"],
)
def test_a_file_that_is_no_checkpoint(content, kind, project):
    project.write("model.pt", content)

    assert_reported(project.run(), "model.pt", kind=kind)


def test_a_missing_checkpoint(project):
    (project.folder / "model.pt").unlink()

    assert_reported(project.run(), "model.pt", kind="corrupt")


def test_a_checkpoint_that_wants_to_run_code_runs_none(project):
    import pickle

    class Harm:
        def __reduce__(self):
            return (open, (str(project.folder / "harm"), "w"))

    project.write("model.pt", pickle.dumps({"weight": Harm()}))

    assert_reported(project.run(), "model.pt", kind="refused-unsafe")
    assert not (project.folder / "harm").exists()


def test_a_folder_that_holds_other_weights_for_another_loader(project):
    import torch

    (project.folder / "hf").mkdir()
    project.checkpoint("hf/pytorch_model.bin", change=lambda state: state["head.bias"].neg_())
    project.checkpoint("model.pt")
    save_file(torch.load("model.pt"), "hf/model.safetensors")

    ran = project.run(model={"checkpoint": "hf", "factory": "nets:build"})

    words = ["model.safetensors", "pytorch_model.bin", "differ", "head.bias", "delete"]
    assert_reported(ran, *words, kind="mismatch")


def test_what_lies_beside_the_weights_is_named_in_the_report(project):
    import torch

    (project.folder / "hf").mkdir()
    save_file(torch.load("model.pt"), "hf/model.safetensors")
    project.checkpoint("hf/pytorch_model.bin")
    project.write("hf/training_args.bin", b"cos\nsystem\n")
    project.write("hf/modeling.py", "raise SystemExit")

    ran = project.run(model={"checkpoint": "hf", "factory": "nets:build"})

    assert ran.status == 0
    assumed = " | ".join(ran.report["environment"]["assumed"])
    for words in ("the same tensors 2 times", "not read: training_args.bin", "run: modeling.py"):
        assert words in assumed


def test_a_checkpoint_of_another_digest_than_the_gate_file_says(project):
    ran = project.run(model={"checkpoint": "model.pt", "factory": "nets:build", "sha256": "0" * 64})

    assert_reported(ran, "sha256", kind="mismatch")


# The data


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, ["nowhere"]),
        (lambda folder: folder.mkdir(), ["empty"]),
        (lambda folder: folder.write_text("hello"), ["nowhere"]),
        (lambda folder: folder.write_bytes(b""), ["nowhere"]),
        (lambda folder: (folder / "dark").mkdir(parents=True), ["nowhere"]),
    ],
    ids=["missing", "empty folder", "text", "empty file", "empty class folder"],
)
def test_a_test_split_that_holds_no_data(make, words, project):
    make(project.folder / "nowhere")

    assert_reported(project.run(data=only_test("nowhere")), *words, kind="data")


def test_a_folder_with_one_class(project):
    project.folders("pictures", 4, classes=("dark",))

    ran = project.run(data=only_test("pictures"))

    assert ran.status in (3, 4)
    assert ran.report["verdict"] != "pass"


def test_a_folder_with_one_class_and_no_declared_classes(project):
    project.folders("pictures", 4, classes=("dark",))

    assert_reported(project.run(classes=None, data=only_test("pictures")), "dark", kind="data")


def test_a_class_in_test_that_the_model_does_not_have(project):
    project.folders("pictures", 4, classes=("dark", "brigth"))

    ran = project.run(data=only_test("pictures"))

    assert_reported(ran, "brigth", "did you mean 'bright'?", kind="data")


def test_a_class_in_test_that_train_lacks(project):
    project.folders("learned", 4, classes=("dark", "bright"))
    project.folders("pictures", 4, classes=("dark", "bright", "grey"))

    ran = project.run(
        classes=None, data={"train": {"path": "learned"}, "test": {"path": "pictures"}}
    )

    assert_reported(ran, "grey", kind="data")


def test_a_class_in_train_that_test_lacks_is_never_a_pass(project):
    project.folders("learned", 40, classes=("dark", "bright"))
    pictures = project.folders("pictures", 40, seed=3, classes=("dark", "bright"))
    for image in (pictures / "bright").iterdir():
        image.unlink()

    ran = project.run(data={"train": {"path": "learned"}, "test": {"path": "pictures"}})

    assert ran.status in (3, 4)


@pytest.mark.parametrize("label", [2, -1])
def test_a_label_outside_the_classes(label, project):
    images, labels = project.images(20)
    labels[7] = label
    np.savez(project.folder / "test.npz", images=images, labels=labels)

    assert_reported(project.run(data=only_test("test.npz")), "test.npz", str(label), kind="data")


def test_an_array_of_objects_is_not_unpickled(project):
    images, labels = project.images(4)
    np.savez(project.folder / "test.npz", images=images.astype(object), labels=labels)

    assert_reported(project.run(data=only_test("test.npz")), "test.npz", kind="data")


def test_a_truncated_image_that_no_rule_judges_is_an_error(project):
    pictures = project.folders("pictures", 40)
    spoilt = pictures / "dark" / "000.png"
    spoilt.write_bytes(spoilt.read_bytes()[:60])

    ran = project.run(data=only_test("pictures"))

    assert_reported(ran, "dark/000.png", "1 of 80 images of test cannot be read", kind="unreadable")
    assert ran.report["data"]["test"]["images"] == 80
    assert [image["id"] for image in ran.report["data"]["test"]["unreadable"]] == ["dark/000.png"]


@pytest.mark.parametrize(("allowed", "status"), [(0, 4), (1, 0)])
def test_a_truncated_image_is_judged_by_the_rule_that_speaks_of_it(allowed, status, project):
    pictures = project.folders("pictures", 40)
    spoilt = pictures / "dark" / "000.png"
    spoilt.write_bytes(spoilt.read_bytes()[:60])
    rule = f"  - {{check: dataset-integrity, max_unreadable: {allowed}}}\n"
    policy = project.folder / "policy.yaml"
    policy.write_text(policy.read_text() + rule)

    ran = project.run(data=only_test("pictures"))

    assert ran.status == status, ran.out
    [unreadable] = [
        each for each in ran.report["results"] if each["scope"]["part"] == "test-unreadable"
    ]
    assert unreadable["measured"]["value"] == 1
    assert ("ERROR  dataset-integrity" in ran.out) is (status == 4)


@pytest.mark.parametrize(
    "kind", ["zero-byte", "text", "16-bit", "cmyk", "palette", "animated", "one pixel"]
)
def test_a_strange_image_is_used_or_named_and_never_passed_over(kind, project):
    pictures = project.folders("pictures", 30)
    strange = {
        "zero-byte": lambda: b"",
        "text": lambda: b"no image",
        "16-bit": lambda: _encoded(Image.fromarray(np.full((8, 8), 9000, np.uint16)), "PNG"),
        "cmyk": lambda: _encoded(Image.new("CMYK", (8, 8)), "JPEG"),
        "palette": lambda: _encoded(Image.new("P", (8, 8)), "PNG"),
        "animated": lambda: _encoded(
            Image.new("L", (8, 8)), "GIF", save_all=True, append_images=[Image.new("L", (8, 8), 9)]
        ),
        "one pixel": lambda: _encoded(Image.new("L", (1, 1)), "PNG"),
    }[kind]()
    (pictures / "dark" / "strange.png").write_bytes(strange)

    ran = project.run(data=only_test("pictures"))

    test = ran.report["data"]["test"]
    named = [image["id"] for image in test["unreadable"]]
    assert test["images"] == 61
    assert sum(test["per_class"].values()) + len(named) == 61
    assert named in ([], ["dark/strange.png"])
    assert ran.status == (4 if named else 0)
    assert "Traceback" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        ("picture,label\na.png,dark\n", ["image"]),
        ("image,label\n", ["test.csv"]),
        ("image,label\nnowhere.png,dark\nneither.png,bright\n", ["nowhere.png"]),
        ("image,label\na.png,dark\na.png,bright\n", ["a.png"]),
        ("image,label\na.png,purple\n", ["purple"]),
        ("", ["test.csv"]),
        (b"image,label\n\xff\xfe.png,dark\n", ["test.csv"]),
    ],
    ids=["no column", "no row", "no file", "twice", "no such class", "empty", "not UTF-8"],
)
def test_a_manifest_that_is_not_right(manifest, words, project):
    project.write("a.png", _encoded(Image.new("L", (8, 8), 40), "PNG"))
    project.write("test.csv", manifest)

    ran = project.run(data=only_test("test.csv"))

    assert ran.status == 4
    assert_told(ran, 4, *words)
    assert ran.report["verdict"] == "error"


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        (b"\x00\x00\x07\x03" + bytes(12), b"\x00\x00\x08\x01" + bytes(4)),
        (b"\x00\x00\x08\x03\x00\x00\x00\x09" + bytes(30), b"\x00\x00\x08\x01\x00\x00\x00\x09"),
        (b"", b""),
        (b"text", b"text"),
    ],
    ids=["magic", "length", "empty", "text"],
)
def test_idx_files_that_are_not_right(images, labels, project):
    project.write("t-images-idx3-ubyte", images)
    project.write("t-labels-idx1-ubyte", labels)

    ran = project.run(
        data={"test": {"images": "t-images-idx3-ubyte", "labels": "t-labels-idx1-ubyte"}}
    )

    assert_reported(ran, "t-images-idx3-ubyte", kind="data")


@pytest.mark.parametrize("body", ["raise ValueError('no data')", "return 7", "return [(1, 2)]"])
def test_a_dataset_factory_that_gives_no_dataset(body, project):
    project.write("own.py", f"def test_set():\n    {body}\n")

    ran = project.run(data={"test": {"factory": "own:test_set"}})

    assert ran.status == 4
    assert_told(ran, 4, "own:test_set")


def test_every_error_of_a_run_is_told_and_not_the_first_alone(project):
    project.write("model.pt", "no checkpoint")
    project.write("history.csv", "no,history\n")

    ran = project.run(history="history.csv")

    assert sorted(ran.kinds) == ["corrupt", "history"]


# The documents and the command line


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("min: 0.80", "mim: 0.80", ["5:23", "mim", "did you mean 'min'?"]),
        ("min: 0.80", "min: 0.80, min: 0.1", ["5:"]),
        ("min: 0.80", "min: '0.80'", ["5:"]),
        ("min: 0.80", "min: .nan", ["5:"]),
        ("min: 0.80", "min: 80", ["5:"]),
        ("min: 0.80", "min: -0.1", ["5:"]),
        ("min: 0.80", "min: &a 0.80", ["5:"]),
        ("min: 0.80", "min: !!float 0.8", ["5:"]),
        ("min: 0.70", "min: 0.70, per_class: {drak: 0.9}", ["6:", "drak", "did you mean 'dark'?"]),
        ("check: no-skill", "check: no-skil", ["8:", "did you mean 'no-skill'?"]),
        ("rules:", "rules: []\nrulez:", ["rulez"]),
        ("kind: Policy", "kind: Polcy", ["2:7"]),
        ("apiVersion: gate/v1", "apiVersion: gate/v2", ["1:13"]),
    ],
)
def test_a_faulty_policy_is_refused_at_its_line_before_anything_is_measured(
    old, new, words, project
):
    policy = project.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace(old, new))

    ran = project.run()

    assert_told(ran, 2, "policy.yaml:", *words)
    assert ran.report is None
    assert ran.out == ""


def test_a_policy_in_which_nothing_blocks_is_refused(project):
    policy = project.folder / "policy.yaml"
    policy.write_text(policy.read_text().replace("rules:", "defaults: {severity: warn}\nrules:"))

    assert_told(project.run(), 2, "nothing blocks can never fail")


def test_a_policy_of_critical_classes_needs_to_know_them(project):
    ran = project.run(policy="recall-first")

    assert_told(ran, 2, "no class is said to be critical", "add critical: [...]")


def test_a_policy_that_is_not_there(project):
    assert_told(project.run(policy="baselin"), 2, "baselin", "did you mean 'baseline'?")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"classes": None, "clases": ["dark"]}, ["clases", "did you mean 'classes'?"]),
        ({"data": None}, ["data"]),
        ({"policy": None}, ["policy"]),
        ({"model": None}, ["checkpoint"]),
        ({"classes": ["dark"]}, ["one class"]),
        ({"classes": ["dark", "dark"]}, ["twice"]),
        ({"critical": ["drak"]}, ["drak", "did you mean 'dark'?"]),
        ({"data": {"test": {}}}, ["path, images, factory or predictions"]),
        ({"input": {"size": [8]}}, ["size"]),
        ({"input": {"size": [0, 8]}}, ["size"]),
        ({"input": {"std": [0]}}, ["std"]),
    ],
)
def test_a_faulty_gate_file_is_refused_at_its_line(changes, words, project):
    ran = project.run(**changes)

    assert_told(ran, 2, "gate.yaml:", *words)
    assert ran.report is None


def test_a_gate_file_that_is_not_there(project):
    assert_told(project.command("run", "gat.yaml"), 2, "gat.yaml")
    assert_told(project.command("run"), 2, "gate.yaml", "no flags say what to judge")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-o", "json"], ["not FORMAT=PATH"]),
        (["-o", "jsn=a.json"], ["there is no format jsn", "json"]),
        (["-o", "json=missing/a.json"], ["cannot be written", "make the folder"]),
        (["-o", "json=."], ["is a folder"]),
        (["-o", "json=policy.yaml/a.json"], ["cannot be written"]),
        (["--out", "policy.yaml/out"], ["cannot be written"]),
        (["--out", "policy.yaml"], ["cannot be written"]),
        (["--device", "abacus"], ["abacus"]),
        (["--size", "28by28"], ["28by28"]),
        (["--mean", "grey"], ["grey"]),
        (["--std", "0"], ["std"]),
        (["--std", "nan"], ["std"]),
        (["--mode", "lenient"], ["lenient"]),
        (["--ignore-failures"], ["--ignore-failures"]),
    ],
)
def test_a_command_line_that_cannot_be_meant_measures_nothing(arguments, words, project):
    ran = project.run(*arguments)

    assert_told(ran, 2, *words)
    assert ran.out == ""
    assert ran.report is None


def test_a_report_path_in_a_read_only_folder_is_refused_before_anything_is_measured(
    project, monkeypatch
):
    def denied(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr("pathlib.Path.touch", denied)

    ran = project.run("-o", "json=locked/a.json")

    assert_told(ran, 2, "-o json=locked/a.json", "cannot be written (Permission denied)")
    assert ran.report is None


@pytest.mark.parametrize("path", ["nowhere", "nets.py", "."])
def test_evidence_that_is_none(path, project):
    ran = project.command("judge", path, "--policy", "policy.yaml")

    assert ran.status == 4
    assert ran.err.startswith("Error: ")
    assert "evidence" in ran.err
    assert ran.out == ""
    assert "Traceback" not in ran.err


def test_an_escape_sequence_in_a_path_does_not_reach_the_terminal(project):
    ran = project.run("--test", "no\x1b[31mwhere\n\u202e")

    assert ran.status == 4
    for stream in (ran.out, ran.err):
        assert all(letter.isprintable() or letter == "\n" for letter in stream), stream


def _encoded(image, kind, **options):
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.mark.parametrize("command", ["run", "shard"])
def test_a_split_of_one_class_is_not_judged(project, command):
    for file in (project.folders("test", 5, seed=2) / "bright").iterdir():
        file.unlink()
    project.write_gatefile(data={"test": {"path": "test"}})
    options = ["--index", 0, "--of", 1] if command == "shard" else []

    ran = project.command(command, *options)

    assert ran.status == 4
    assert "test: all images are of one class, 'dark'" in ran.out + ran.err
