"""The whole gate on 70,000 real images, with a network trained here."""

import gzip
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

DATA = Path("/usr/share/datasets/fashion-mnist")
CLASSES = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Boot",
)  # fmt: skip
NETS = """\
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 10),
    )
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("one trained net"),
    pytest.mark.skipif(not DATA.is_dir(), reason=f"Fashion-MNIST is not in {DATA}"),
]


def idx(name, header):
    with gzip.open(DATA / f"{name}.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=header)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Train one epoch, judge by the baseline policy, and return (folder, status, report)."""
    import torch

    from gate.cli import main

    folder = tmp_path_factory.mktemp("fashion")
    (folder / "fashion_nets.py").write_text(NETS)
    space = {}
    exec(NETS, space)
    torch.manual_seed(0)
    model = space["build"]()
    pixels = idx("train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    images = torch.from_numpy(pixels.astype(np.float32) / 255)
    labels = torch.from_numpy(idx("train-labels-idx1-ubyte", 8).astype(np.int64))
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for batch in torch.randperm(len(images)).split(256):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimiser.step()
    torch.save(model.state_dict(), folder / "model.pt")

    def split(name):
        return {
            "images": str(DATA / f"{name}-images-idx3-ubyte.gz"),
            "labels": str(DATA / f"{name}-labels-idx1-ubyte.gz"),
        }

    gatefile = {
        "apiVersion": "gate/v1",
        "kind": "Validation",
        "model": {"checkpoint": "model.pt", "factory": "fashion_nets:build"},
        "classes": list(CLASSES),
        "input": {"channels": "L"},
        "data": {"train": split("train"), "test": split("t10k")},
        "policy": "baseline",
    }
    (folder / "gate.yaml").write_text(json.dumps(gatefile))
    status = main(["run", str(folder / "gate.yaml"), "--out", str(folder / "out")])
    return folder, status, json.loads((folder / "out" / "report.json").read_text())


def test_all_70000_images_are_judged(judged):
    _, status, report = judged

    assert report["data"]["train"]["images"] == 60_000
    assert report["data"]["test"]["images"] == 10_000
    assert report["data"]["test"]["per_class"] == dict.fromkeys(CLASSES, 1000)
    assert report["errors"] == []
    # One epoch confuses shirts with T-shirts: the policy of every class refuses that.
    assert (status, report["verdict"]) == (1, "fail")
    assert "recall[class=Shirt]" in report["decision"]["reasons"]


def test_the_confusion_matrix_is_that_of_scikit_learn(judged):
    import torch
    from sklearn.metrics import confusion_matrix, recall_score

    folder, _, report = judged
    space = {}
    exec(NETS, space)
    model = space["build"]()
    model.load_state_dict(torch.load(folder / "model.pt", weights_only=True))
    pixels = idx("t10k-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)
    with torch.no_grad():
        predicted = model.eval()(torch.from_numpy(pixels.astype(np.float32) / 255)).argmax(1)
    truth = idx("t10k-labels-idx1-ubyte", 8)

    assert report["confusion"]["test"]["counts"] == confusion_matrix(truth, predicted).tolist()
    matrix = np.array(report["confusion"]["test"]["counts"])
    recalls = matrix.diagonal() / matrix.sum(axis=1)
    assert recalls == pytest.approx(recall_score(truth, predicted, average=None))


def test_no_test_image_is_an_exact_copy_of_a_train_image(judged):
    _, _, report = judged
    counts = report["leakage"]["counts"]
    overlap = next(
        each for each in report["results"] if each["key"] == "train-test-overlap[part=exact]"
    )

    assert (counts["bytes"], counts["pixels"], counts["flipped"]) == (0, 0, 0)
    assert (overlap["outcome"], overlap["measured"]["value"]) == ("passed", 0)


def test_the_evidence_has_a_row_for_every_image(judged):
    folder, _, _ = judged
    with closing(sqlite3.connect(folder / "out" / "evidence.sqlite")) as database:
        rows = dict(database.execute("SELECT split, count(*) FROM rows GROUP BY split"))

    assert rows == {"train": 60_000, "test": 10_000}


def test_the_saved_evidence_is_judged_again_in_the_same_way(judged, capsys):
    from gate.cli import main

    folder, status, report = judged

    assert (
        main(["judge", str(folder / "out"), "--policy", "baseline", "--format", "json"]) == status
    )
    again = json.loads(capsys.readouterr().out)
    again.pop("run")
    assert again == {key: value for key, value in report.items() if key != "run"}
