"""A folder of transformers is measured without a line of code, as its own pipeline answers."""

import importlib.util
import json
import sqlite3
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

NATIVE = """\
import json, sys
from pathlib import Path

try:
    import torchvision
except ModuleNotFoundError:
    pass
except Exception:  # a wheel for another torch
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.modules["torchvision"] = None
import torch
import transformers

folder, test = Path(sys.argv[1]), Path(sys.argv[2])
torch.manual_seed(1)
names = {0: "dark", 1: "bright"}
config = transformers.ResNetConfig(
    embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], id2label=names,
    label2id={name: key for key, name in names.items()},
)
model = transformers.ResNetForImageClassification(config).eval()
model.save_pretrained(folder)
size = {"shortest_edge": 20}
processor = transformers.ConvNextImageProcessorPil(size=size, crop_pct=0.8, image_std=[0.1] * 3)
processor.save_pretrained(folder)
pipeline = transformers.pipeline("image-classification", model=model, image_processor=processor)
found = {}
for path in sorted(test.rglob("*.*")):
    answer = {each["label"]: each["score"] for each in pipeline(str(path))}
    found[path.relative_to(test).as_posix()] = [answer[name] for name in names.values()]
print(json.dumps(found))
"""


@pytest.fixture
def pictures(tmp_path):
    """Return a folder of pictures of odd sizes, one of which its EXIF data turns."""
    test = tmp_path / "test"
    draw = np.random.default_rng(3)
    for number in range(12):
        name = ("dark", "bright")[number % 2]
        (test / name).mkdir(parents=True, exist_ok=True)
        shape = (23 + number, 41 - 2 * number, 3)
        pixels = draw.integers(100 * (number % 2), 156 + 100 * (number % 2), shape, np.uint8)
        picture = Image.fromarray(pixels)
        picture.save(test / name / f"{number}.png")
        if number == 5:
            (test / name / f"{number}.png").unlink()
            exif = Image.Exif()
            exif[0x0112] = 6
            picture.save(test / name / f"{number}.jpg", exif=exif, quality=95)
    return test


@pytest.fixture
def native(tmp_path, pictures):
    """Return what the pipeline of transformers answers; its model lies in tmp_path / "model"."""
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("the extra transformers is not installed")
    command = [sys.executable, "-c", NATIVE, str(tmp_path / "model"), str(pictures)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])


def run(folder, *more):
    command = [sys.executable, "-m", "gate", *map(str, more), "--policy", "smoke"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def scores_of(out):
    with sqlite3.connect(out / "evidence.sqlite") as evidence:
        rows = evidence.execute("SELECT id, scores FROM rows WHERE split = 'test'").fetchall()
    return {name: np.frombuffer(scores, np.float32) for name, scores in rows}


@pytest.mark.ecosystem
def test_a_run_gives_the_probabilities_of_the_native_pipeline(tmp_path, native):
    named = ("--checkpoint", "model", "--test", "test")
    alone = run(tmp_path, "run", *named, "--out", "alone")
    looked = subprocess.run(
        [sys.executable, "-m", "gate", "inspect", "model", "--format", "json"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    stated = json.loads(looked.stdout)["stated"]["input"]["value"]
    given = {"input": {**stated, "resizer": "pillow"}, "apiVersion": "gate/v1"}
    (tmp_path / "gate.yaml").write_text(json.dumps({**given, "kind": "Validation"}))

    ran = run(tmp_path, "run", "gate.yaml", *named, "--out", "pillow")

    assert (tmp_path / "pillow" / "report.json").exists(), ran.stderr
    found = scores_of(tmp_path / "pillow")
    assert found.keys() == native.keys()
    for name, scores in native.items():
        assert found[name] == pytest.approx(scores, abs=1e-5), name
    report = json.loads((tmp_path / "alone" / "report.json").read_text())
    said = report["environment"]["assumed"]
    assert alone.returncode in (0, 1, 3), alone.stderr
    assert "classes: from config.json: id2label" in said
    assert any(each.startswith("input: from preprocessor_config.json") for each in said)


@pytest.mark.ecosystem
def test_an_edited_configuration_is_measured_again_and_shards_join_to_the_same(tmp_path, native):
    named = ("--checkpoint", "model", "--test", "test")
    run(tmp_path, "run", *named, "--out", "before")
    path = tmp_path / "model" / "preprocessor_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "image_mean": [0.1, 0.5, 0.9]}))

    run(tmp_path, "run", *named, "--out", "after")
    for index in range(2):
        run(tmp_path, "shard", *named, "--index", index, "--of", 2, "--no-cache")
    run(tmp_path, "merge", "gate-shards", *named, "--out", "merged")

    before, after, merged = (scores_of(tmp_path / each) for each in ("before", "after", "merged"))
    assert any(not np.allclose(before[name], after[name], atol=1e-4) for name in before)
    assert all(np.array_equal(after[name], merged[name]) for name in after)


def test_without_the_library_the_extra_is_named(tmp_path, pictures):
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    folder.mkdir()
    labels = {"0": "dark", "1": "bright"}
    config = {"model_type": "resnet", "id2label": labels, "transformers_version": "5.24.0"}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "preprocessor_config.json").write_text('{"size": {"shortest_edge": 20}}')
    save_file({"head.weight": np.ones((2, 4), np.float32)}, folder / "model.safetensors")
    program = (
        "import sys, importlib.metadata\n"
        "from gate.subject.sources import transformers\n"
        "transformers.release = lambda: None\n"
        "from gate.cli import main\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    named = ("--checkpoint", "model", "--test", "test", "--policy", "smoke")
    command = [sys.executable, "-c", program, "run", *named]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 2, ran.stderr
    assert "'.[transformers]'" in ran.stderr
    assert "transformers 5.24.0" in ran.stderr
    assert not (tmp_path / "gate-out" / "evidence.sqlite").exists()


def test_all_that_a_folder_does_not_state_is_asked_for_at_once(tmp_path, pictures):
    from safetensors.numpy import save_file

    folder = tmp_path / "model"
    folder.mkdir()
    labels = {"0": "LABEL_0", "1": "LABEL_1"}
    (folder / "config.json").write_text(json.dumps({"model_type": "resnet", "id2label": labels}))
    save_file({"head.weight": np.ones((2, 4), np.float32)}, folder / "model.safetensors")

    ran = run(tmp_path, "run", "--checkpoint", "model", "--test", "test")

    assert ran.returncode == 2, ran.stderr
    assert "add --classes first,second,..., in the order" in ran.stderr
    assert "add --size HxW --channels" in ran.stderr
    assert "factory" not in ran.stderr


def test_a_config_that_is_no_json_is_named(tmp_path):
    save_file = pytest.importorskip("safetensors.numpy").save_file
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"broken')
    save_file(
        {"head.weight": np.ones((2, 4), np.float32)}, tmp_path / "model" / "model.safetensors"
    )
    for name in ("cat", "dog"):
        (tmp_path / "test" / name).mkdir(parents=True)
    named = ("--checkpoint", "model", "--test", "test", "--policy", "smoke")
    command = [sys.executable, "-m", "gate", "run", *named]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ran.returncode == 2, ran.stderr
    assert "nothing says how the model is built: config.json is no JSON" in ran.stderr
    assert "copy the file again from where it was made; or add --model" in ran.stderr
