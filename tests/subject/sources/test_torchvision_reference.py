"""What a checkpoint of torchvision's training script says; torchvision itself is not needed."""

from argparse import Namespace

import pytest
import torch

from gate.subject.inputs import InputSpec
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact
from gate.subject.sources.torchvision_reference import SOURCE

ARGS = {
    "model": "shufflenet_v2_x0_5",
    "val_resize_size": 60,
    "val_crop_size": 52,
    "interpolation": "bilinear",
    "backend": "pil",
    "weights": None,
}
WEIGHTS = {"fc.weight": torch.ones(6, 4), "fc.bias": torch.ones(6)}
AVERAGE = {
    "n_averaged": torch.tensor(3),
    **{f"module.{name}": value for name, value in WEIGHTS.items()},
}


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves what the script does, with other arguments and entries."""

    def save(entries=None, *, without=(), **args):
        given = Namespace(**{**ARGS, **args})
        for name in without:
            delattr(given, name)
        path = tmp_path / "checkpoint.pth"
        whole = {"model": WEIGHTS, "optimizer": {}, "lr_scheduler": {}, "epoch": 6, "args": given}
        torch.save({**whole, **(entries or {})}, path)
        return Artefact(str(path))

    return save


def asked(artefact):
    return {ask.key: ask for ask in SOURCE.states(artefact).asks}


def test_it_is_recognised_by_the_model_and_the_arguments_of_the_script(saved):
    assert recognise(saved().path).name == "torchvision-reference"


@pytest.mark.parametrize("missing", ["model", "val_crop_size", "val_resize_size", "interpolation"])
def test_mean_and_std_are_known_only_where_the_arguments_are_those_of_the_script(missing, saved):
    assert recognise(saved(without=(missing,)).path).name == "torch-checkpoint"


def test_the_preset_of_the_script_is_the_input_and_class_names_are_asked_for(saved):
    artefact = saved()
    said = SOURCE.states(artefact)

    assert [ask.key for ask in said.asks] == ["classes"]
    assert said.framework == "torchvision"
    assert said.factory.value == "torchvision shufflenet_v2_x0_5"
    assert said.input.source == "args: val_resize_size, val_crop_size, interpolation"
    assert said.read == {"checkpoint.pth": SOURCE.identify(artefact).sha256}
    assert said.input.value == InputSpec(
        size=(52, 52),
        channels="RGB",
        orientation="stored",
        resize=60,
        resizer="pillow",
        interpolation="bilinear",
        crop="center",
        pad=0,
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    )


def test_tensors_are_resized_where_the_script_did_so(saved):
    assert SOURCE.states(saved(backend="Tensor")).input.value.resizer == "tensor"


def test_scripts_without_a_backend_resized_with_pillow(saved):
    assert SOURCE.states(saved(without=("backend",))).input.value.resizer == "pillow"


@pytest.mark.parametrize(
    "args",
    [
        {"interpolation": "nearest", "backend": "tensor"},
        {"interpolation": "lanczos", "backend": "tensor"},
        {"interpolation": "random"},
        {"interpolation": ["bilinear"]},
        {"backend": "jax"},
        {"val_crop_size": 10**9},
        {"val_resize_size": "60"},
    ],
)
def test_an_input_that_is_not_known_here_is_asked_for(args, saved):
    assert asked(saved(**args)).keys() == {"classes", "input"}


@pytest.mark.parametrize("name", ["../resnet18", "hf-hub:a/b", "quantization.resnet", 7, ""])
def test_a_name_that_is_none_of_torchvision_is_asked_for(name, saved):
    assert asked(saved(model=name)).keys() == {"classes", "factory"}


def test_of_a_model_and_its_average_the_one_that_ships_is_asked_for(saved):
    ask = asked(saved({"model_ema": AVERAGE}))["key"]

    assert "model and model_ema" in ask.fact
    assert "{key: model_ema}, which the script's own evaluation takes" in ask.remedy
    assert SOURCE.inspect(Artefact(saved().checkpoint, key="model")).key == "model"


def test_one_model_needs_no_key(saved):
    assert SOURCE.inspect(saved()).key == "model"
