"""An MLflow folder: its weights are read for the user's factory, and nothing of it runs."""

import hashlib
import json

import pytest
import torch
from torch import nn

from gate.approval.digests import checkpoint_files
from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.sources.mlflow import SOURCE
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact

NETS = """\
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, 2)

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)))
"""
MLMODEL = """\
flavors:
  python_function: {{data: data, env: {{conda: conda.yaml}}, loader_module: mlflow.pytorch}}
  pytorch: {{code: null, model_data: {data}, pytorch_version: 2.13.0}}
metadata:
  class_names: [cat, "dog"]
signature:
  inputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "float32", "shape": [-1, 3,
    16, 16]}}}}]'
  outputs: '[{{"type": "tensor", "tensor-spec": {{"dtype": "float32", "shape": [-1, {scores}]}}}}]'
"""


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 4, 3), nn.Linear(4, classes)

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)))


@pytest.fixture
def folder(tmp_path):
    """Return an MLflow folder in today's default, with code that leaves a file when it is run."""
    made = tmp_path / "artefact"
    (made / "data").mkdir(parents=True)
    (made / "code").mkdir()
    fires = f"open({str(tmp_path / 'CANARY')!r}, 'w')\n"
    (made / "code" / "mlnets.py").write_text(fires + NETS)
    (made / "code" / "sitecustomize.py").write_text(fires)
    (made / "requirements.txt").write_text("a-package-that-nobody-made==1\n")
    (made / "conda.yaml").write_text("dependencies: [python]\n")
    write(made)
    torch.manual_seed(0)
    program = torch.export.export(Net().eval(), (torch.zeros(2, 3, 16, 16),))
    torch.export.save(program, made / "data" / "model.pt2")
    return made


def write(folder, *, data="data", scores=2, text=MLMODEL):
    (folder / "MLmodel").write_text(text.format(data=data, scores=scores))


def artefact(folder, **more):
    return Artefact(folder.name, folder.parent, **more)


def test_classes_size_and_channels_come_from_mlmodel(folder):
    found = SOURCE.states(artefact(folder))

    assert recognise(folder) is SOURCE
    assert found.classes.value == ("cat", "dog")
    assert "MLmodel: metadata: class_names" in found.classes.source
    assert [ask.key for ask in found.asks] == ["factory", "input"]
    assert found.asks[1].proposal == "input: {size: [16, 16], channels: RGB, resize: stretch}"
    assert found.input is None  # the signature says neither resize nor mean


def test_without_names_classes_are_asked_for_too(folder):
    write(folder, text=MLMODEL.replace('  class_names: [cat, "dog"]\n', "  team: vision\n"))

    assert [ask.key for ask in SOURCE.states(artefact(folder)).asks] == [
        "factory",
        "input",
        "classes",
    ]


def test_the_weights_answer_as_the_module_that_was_saved(folder, monkeypatch):
    (folder.parent / "ml_nets_of_a_user.py").write_text(NETS)
    monkeypatch.syspath_prepend(str(folder.parent))
    torch.manual_seed(0)
    native = Net().eval()
    images = torch.rand(3, 3, 16, 16)

    with SOURCE.open(artefact(folder, factory="ml_nets_of_a_user:Net"), threads=1) as opened:
        answer = opened.model(images)

    assert torch.equal(answer, native(images))
    assert "weights from data/model.pt2" in opened.notes


def test_code_and_requirements_are_not_run_and_the_report_says_so(folder):
    found = SOURCE.inspect(artefact(folder))

    assert any("not run and not installed: code, conda.yaml, req" in note for note in found.notes)
    assert found.classes == 2
    assert not (folder.parent / "CANARY").exists()


def test_the_factory_does_not_find_code_of_the_folder(folder):
    from gate.errors import FactoryError

    with (
        pytest.raises(FactoryError, match="no module 'mlnets'"),
        SOURCE.open(artefact(folder, factory="mlnets:Net"), threads=1),
    ):
        pass
    assert not (folder.parent / "CANARY").exists()


def test_the_digest_is_of_mlmodel_and_the_weights_as_sha256sum_prints_them(folder):
    identity = SOURCE.identify(artefact(folder))

    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("MLmodel", "data/model.pt2")
    )
    assert identity.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert checkpoint_files(folder).sha256 == identity.sha256  # what verify sees
    assert identity.size_bytes == sum(
        (folder / name).stat().st_size for name in ("MLmodel", "data/model.pt2")
    )


def test_an_edited_mlmodel_is_another_artefact(folder):
    before = SOURCE.identify(artefact(folder)).sha256

    write(folder, text=MLMODEL.replace('cat, "dog"', 'dog, "cat"'))

    assert SOURCE.identify(artefact(folder)).sha256 != before
    with pytest.raises(CheckpointError, match="is pinned"):
        SOURCE.identify(artefact(folder, sha256=before))


def test_pins_are_of_the_folder(folder):
    pin = SOURCE.identify(artefact(folder)).sha256

    assert SOURCE.identify(artefact(folder, sha256=pin)).sha256 == pin


@pytest.mark.parametrize("data", ["../data", "/etc", "data/../../x", "'C:x'", "''", '"a\\\\b"'])
def test_weights_outside_of_the_folder_are_refused(folder, data):
    write(folder, data=data)

    with pytest.raises(RefusedError, match="not inside the folder"):
        SOURCE.look(folder)


def test_a_signature_that_contradicts_the_weights_is_a_finding(folder):
    assert SOURCE.states(artefact(folder)).checks == ()
    write(folder, scores=7)

    assert [str(each) for each in SOURCE.states(artefact(folder)).checks] == [
        "the number of scores is 7 in MLmodel: signature and 2 in the weights"
    ]


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("flavors: {sklearn: {pickled_model: model.pkl}}\n", "the flavors sklearn, and not"),
        ("- a\n- b\n", "is not the YAML"),
        ("flavors: {pytorch: {model_data: [1]}}\n", "does not say in model_data"),
        ("flavors: {pytorch: {model_data: nowhere}}\n", "there is no such folder"),
        ("flavors: &a {pytorch: *a}\n", "MLmodel"),
    ],
)
def test_what_mlflow_does_not_write_is_refused_in_words(folder, text, fact):
    (folder / "MLmodel").write_text(text)

    with pytest.raises(CheckpointError, match=fact):
        SOURCE.identify(artefact(folder))
    assert SOURCE.inspect(artefact(folder)).refusal is not None


def test_two_files_of_weights_are_refused(folder):
    torch.save(Net().state_dict(), folder / "data" / "model.pth")

    with pytest.raises(RefusedError, match="loaders differ"):
        SOURCE.look(folder)


def test_a_pickled_module_is_refused_with_the_command_that_saves_its_weights(folder):
    (folder / "data" / "model.pt2").unlink()
    torch.save(Net(), folder / "data" / "model.pth")

    with pytest.raises(CheckpointError) as raised:
        SOURCE.states(artefact(folder))

    assert raised.value.refusal is Refusal.UNSAFE
    assert "mlflow.pytorch.load_model('artefact')" in raised.value.remedy
    assert raised.value.where.endswith("data/model.pth")


def test_a_state_dict_in_its_place_is_read(folder):
    (folder / "data" / "model.pt2").unlink()
    torch.save(Net().state_dict(), folder / "data" / "model.pth")

    assert SOURCE.states(artefact(folder)).classes.value == ("cat", "dog")


def test_a_signature_that_is_no_shape_says_nothing(folder):
    for inputs in ("[1, 2]", '"x"', "[" * 5000, json.dumps([{"tensor-spec": {"shape": "no"}}])):
        (folder / "MLmodel").write_text(
            f"flavors: {{pytorch: {{model_data: data}}}}\nsignature: {{inputs: '{inputs}'}}\n"
        )

        (ask,) = (a for a in SOURCE.states(artefact(folder)).asks if a.key == "input")
        assert "size: [H, W]" in ask.remedy
