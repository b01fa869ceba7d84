"""The splits that a gate file names, in any format: what one of them is judged on."""

import io
import tarfile
import unicodedata

import numpy as np
import pytest
from PIL import Image

from gate.errors import DataError, UsageError
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


def opened_by(tmp_path, given, *, framework=None, **model):
    """Return the classes of a gate file that names none; ``framework`` is the artefact's."""
    subject = GateFile.model_validate({"data": {"test": given}, "model": model})
    subject = subject.completed({}, (), {}, framework)
    subject._base = tmp_path
    return open_splits(subject)[1]


NUMBERED = [str(number) for number in range(1, 13)]


@pytest.mark.parametrize(
    ("model", "order"),
    [
        ({"factory": "net:build"}, sorted(NUMBERED)),
        ({"framework": "transformers"}, sorted(NUMBERED)),
        ({"framework": "timm", "factory": "net:build"}, NUMBERED),
        ({"factory": "timm.models:resnet18"}, NUMBERED),
        ({"factory": "timm:create_model"}, NUMBERED),
        ({"factory": "timmy:build"}, sorted(NUMBERED)),
    ],
)
def test_class_folders_stand_as_the_framework_sorts_them(tmp_path, model, order):
    assert opened_by(tmp_path, folder(tmp_path, NUMBERED), **model) == tuple(order)


@pytest.mark.parametrize("naturally", [NUMBERED, ["img2", "img10"], ["a", "B"]])
def test_an_order_that_nothing_says_is_asked_for_with_both(tmp_path, naturally):
    labels = sorted(naturally)
    with pytest.raises(UsageError) as caught:
        opened_by(tmp_path, folder(tmp_path, labels), checkpoint="m.onnx", source="onnx")

    assert f"add --classes {','.join(labels)} as torchvision" in caught.value.fact
    assert f"or --classes {','.join(naturally)} as timm" in caught.value.fact


@pytest.mark.parametrize("labels", [["cat", "dog"], ["0", "1", "2"], ["a", "b", "Ä"]])
def test_an_order_that_all_agree_on_is_taken(tmp_path, labels):
    assert opened_by(tmp_path, folder(tmp_path, labels), source="onnx") == tuple(labels)


def test_integers_of_a_table_that_are_no_positions_are_asked_for(tmp_path):
    with pytest.raises(UsageError):
        opened_by(tmp_path, manifest(tmp_path, NUMBERED), factory="net:build")


def test_integers_of_a_table_from_zero_on_are_positions(tmp_path):
    labels = [str(number) for number in range(12)]

    assert opened_by(tmp_path, manifest(tmp_path, labels)) == tuple(labels)


def test_folders_of_decomposed_names_are_asked_for(tmp_path):
    names = [unicodedata.normalize("NFD", name) for name in ("Ärmel", "Bag")]

    with pytest.raises(UsageError, match="NFD"):
        opened_by(tmp_path, folder(tmp_path, names), factory="net:build")


def test_folders_of_decomposed_names_are_those_of_the_gate_file(tmp_path):
    folder(tmp_path, [unicodedata.normalize("NFD", name) for name in ("Ärmel", "Bag")])
    given = {"classes": ("Ärmel", "Bag"), "data": {"test": {"path": "data"}}}
    subject = GateFile.model_validate(given)
    subject._base = tmp_path

    datasets, classes = open_splits(subject)

    assert classes == ("Ärmel", "Bag")
    entries = next(iter(datasets.values())).entries
    assert {entry.id[:2]: entry.label for entry in entries} == {"Är": 0, "Ba": 1}
