"""The splits that a gate file names, in any format: what one of them is judged on."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from gate.errors import DataError
from gate.subject.datasets import open_dataset
from gate.subject.datasets.spec import DataSpec
from gate.subject.gatefile import GateFile
from gate.subject.splits import open_splits, require_two_classes


def folder(base, labels):
    for row, label in enumerate(labels):
        path = base / "data" / label / f"{row}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (4, 4), row).save(path)
    return {"path": "data"}


def manifest(base, labels):
    folder(base, labels)
    lines = [f"data/{label}/{row}.png,{label}" for row, label in enumerate(labels)]
    (base / "data.csv").write_text("\n".join(["image,label", *lines]))
    return {"path": "data.csv"}


def npz(base, labels):
    images = np.zeros((len(labels), 4, 4), np.uint8)
    np.savez(base / "data.npz", images=images, labels=np.array(labels))
    return {"path": "data.npz"}


def tar(base, labels):
    image = io.BytesIO()
    Image.new("L", (4, 4)).save(image, "PNG")
    with tarfile.open(base / "data.tar", "w") as archive:
        for row, label in enumerate(labels):
            for ending, content in (("png", image.getvalue()), ("cls", label.encode())):
                member = tarfile.TarInfo(f"{row}.{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    return {"path": "data.tar"}


def predictions(base, labels):
    lines = [f"{row},{label},0.25,0.75" for row, label in enumerate(labels)]
    (base / "p.csv").write_text("\n".join(["id,label,cat,dog", *lines]))
    return {"predictions": "p.csv"}


FORMATS = [folder, manifest, npz, tar, predictions]


@pytest.mark.parametrize("written", FORMATS)
def test_a_split_of_one_class_can_be_compared_and_not_judged(written, tmp_path):
    spec = DataSpec.model_validate(written(tmp_path, ["cat", "cat"]))
    dataset = open_dataset(spec, base=tmp_path, classes=("cat", "dog"))

    with pytest.raises(DataError, match="all images are of one class, 'cat'") as caught:
        require_two_classes(dataset)

    assert caught.value.where == (spec.path or spec.predictions)
    assert "two classes" in caught.value.remedy


@pytest.mark.parametrize("written", FORMATS)
def test_a_split_of_two_classes_is_judged(written, tmp_path):
    spec = DataSpec.model_validate(written(tmp_path, ["cat", "dog"]))

    require_two_classes(open_dataset(spec, base=tmp_path, classes=("cat", "dog")))


def test_a_gate_file_with_a_split_of_one_class_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gatefile = GateFile.model_validate({"data": {"test": folder(tmp_path, ["cat", "cat"])}})

    with pytest.raises(DataError, match="one class"):
        open_splits(gatefile)
