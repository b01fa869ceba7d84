"""timm and torchvision themselves give the same numbers, where they are installed."""

import sys
from argparse import Namespace

import numpy as np
import pytest
from PIL import Image

from gate.subject.checkpoints.known_architectures import TORCHVISION
from gate.subject.checkpoints.proposing import fingerprint
from gate.subject.checkpoints.tensors import TensorSpec
from gate.subject.inputs import build_transform
from gate.subject.sources import timm_folder, timm_training, torchvision_reference
from gate.subject.sources.source import Artefact

pytestmark = [
    pytest.mark.ecosystem,
    # Libraries warn as they are imported; what the tests ask is what they compute.
    pytest.mark.filterwarnings("ignore"),
]
SIZES = [(40, 61), (61, 40), (20, 20), (97, 33)]


@pytest.fixture(scope="module")
def torchvision():
    """Give torchvision, with the operators that its build for another torch lacks."""
    torch = pytest.importorskip("torch")
    if "torchvision" not in sys.modules:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            if not hasattr(torch.ops.torchvision, name):
                library.define(f"{name}(Tensor dets, Tensor scores, float threshold) -> Tensor")
    return pytest.importorskip("torchvision")


@pytest.fixture(scope="module")
def timm(torchvision):
    """Give timm, which imports torchvision."""
    return pytest.importorskip("timm")


@pytest.fixture(scope="module")
def images():
    """Return images of odd shapes, with all levels."""
    draw = np.random.default_rng(7)
    return [
        Image.fromarray(draw.integers(0, 256, (height, width, 3), dtype=np.uint8))
        for height, width in SIZES
    ]


def trained(model):
    """Return the model in evaluation mode, with numbers in its statistics that are not 0 and 1."""
    import torch

    torch.manual_seed(3)
    with torch.no_grad():
        for name, value in model.state_dict().items():
            if name.endswith("running_mean"):
                value.normal_(0, 0.1)
            elif name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif value.is_floating_point():
                value.normal_(0, 0.2)
    return model.eval()


def answers(source, artefact, images):
    """Return the scores that the source's model gives for images prepared as it states."""
    import torch

    spec = source.states(artefact).input.value
    transform = build_transform(spec, base=artefact.base)
    with source.open(artefact, threads=1) as opened, torch.inference_mode():
        batch = torch.from_numpy(
            np.stack([transform(image.convert(spec.mode)) for image in images])
        )
        return opened.model(batch).numpy()


def native(model, transform, images, mode="RGB"):
    import torch

    with torch.inference_mode():
        return model(torch.stack([transform(each.convert(mode)) for each in images])).numpy()


DATA = {"input_size": (3, 32, 32), "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.25)}
FOLDERS = {
    "center": ("test_resnet", {}, {**DATA, "crop_pct": 0.9}),
    "border": ("test_efficientnet", {}, {**DATA, "crop_mode": "border", "crop_pct": 1.0}),
    "border cut": ("test_resnet", {}, {**DATA, "crop_mode": "border", "crop_pct": 0.8}),
    "squash": ("test_resnet", {}, {**DATA, "crop_mode": "squash", "crop_pct": 0.85}),
    "not square": ("test_resnet", {}, {**DATA, "input_size": (3, 32, 48), "crop_pct": 0.9}),
    "grey": (
        "test_resnet",
        {"in_chans": 1},
        {"input_size": (1, 32, 32), "mean": (0.5,), "std": (0.3,)},
    ),
    "widths": ("test_resnet", {"channels": (8, 16, 24, 32), "act_layer": "gelu"}, DATA),
    "fixed": ("test_vit", {"img_size": 32}, DATA),
    "pooled": ("test_byobnet", {"global_pool": "avgmax"}, DATA),
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_folder_that_timm_saved_answers_as_timm_does(kind, timm, images, tmp_path):
    from timm.models import save_for_hf

    name, arguments, data = FOLDERS[kind]
    model = trained(timm.create_model(name, num_classes=4, **arguments))
    names = ["b", "a", "d", "c"]
    config = {"label_names": names, "pretrained_cfg": data}
    save_for_hf(model, tmp_path / "saved", config, safe_serialization=True)
    native_model = timm.create_model(f"local-dir:{tmp_path / 'saved'}", pretrained=True).eval()
    native_data = timm.data.resolve_model_data_config(native_model)
    mode = {1: "L", 3: "RGB"}[native_data["input_size"][0]]
    wanted = native(native_model, timm.data.create_transform(**native_data), images, mode)

    artefact = Artefact(str(tmp_path / "saved"))
    assert timm_folder.SOURCE.states(artefact).classes.value == tuple(names)
    np.testing.assert_allclose(answers(timm_folder.SOURCE, artefact, images), wanted, atol=1e-4)


ARGS = {
    "model": "test_resnet",
    "num_classes": 5,
    "img_size": None,
    "input_size": None,
    "in_chans": None,
    "crop_pct": None,
    "crop_mode": None,
    "mean": None,
    "std": None,
    "interpolation": "",
    "class_map": "",
    "dataset": "",
    "model_kwargs": {},
    "gp": None,
    "bn_eps": None,
}


@pytest.mark.parametrize(
    "args",
    [
        {},
        {"img_size": 40, "mean": [0.3], "std": [0.2], "interpolation": "bilinear"},
        {"input_size": [3, 40, 56], "crop_pct": 0.8},
        {"model": "test_efficientnet", "bn_eps": 1e-2},
        {"model": "test_vit", "img_size": 64, "crop_mode": "squash"},
        {"model_kwargs": {"channels": [8, 16, 24, 32]}, "gp": "max"},
    ],
)
@pytest.mark.parametrize("averaged", [False, True])
def test_a_training_checkpoint_answers_as_timm_does(averaged, args, timm, images, tmp_path):
    import torch

    given = {**ARGS, **args}
    size = {"img_size": given["img_size"]} if given["model"] == "test_vit" else {}
    model = timm.create_model(
        given["model"],
        num_classes=5,
        global_pool=given["gp"],
        bn_eps=given["bn_eps"],
        **given["model_kwargs"],
        **size,
    )
    state = {
        "epoch": 1,
        "arch": given["model"],
        "version": 2,
        "args": Namespace(**given),
        "state_dict": trained(model).state_dict(),
    }
    if averaged:
        state["state_dict"] = {name: value * 2 for name, value in state["state_dict"].items()}
        state["state_dict_ema"] = model.state_dict()
    torch.save(state, tmp_path / "last.pth.tar")
    data = timm.data.resolve_data_config(given, model=model)
    wanted = native(model, timm.data.create_transform(**data), images)

    artefact = Artefact(str(tmp_path / "last.pth.tar"))
    found = answers(timm_training.SOURCE, artefact, images)

    np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)


def test_of_two_sets_of_weights_the_note_says_which_was_judged(timm, tmp_path):
    import torch

    weights = trained(timm.create_model("test_resnet", num_classes=5)).state_dict()
    state = {"arch": "test_resnet", "args": Namespace(**ARGS)}
    state |= {"state_dict": weights, "state_dict_ema": dict(weights)}
    torch.save(state, tmp_path / "last.pth.tar")

    with timm_training.SOURCE.open(Artefact(str(tmp_path / "last.pth.tar")), threads=1) as opened:
        said = " ".join(opened.notes)

    assert "of state_dict and state_dict_ema the second was judged" in said


@pytest.mark.parametrize("backend", ["pil", "tensor"])
@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
def test_a_reference_checkpoint_answers_as_torchvisions_preset(
    interpolation, backend, torchvision, images, tmp_path
):
    import torch
    from torchvision.transforms import v2

    model = trained(torchvision.models.get_model("squeezenet1_1", weights=None, num_classes=4))
    args = {"model": "squeezenet1_1", "val_resize_size": 45, "val_crop_size": 40}
    args |= {"interpolation": interpolation, "backend": backend}
    state = {"model": model.state_dict(), "args": Namespace(**args)}
    torch.save(state, tmp_path / "checkpoint.pth")
    mode = torchvision.transforms.InterpolationMode(interpolation)
    preset = v2.Compose(
        [
            v2.PILToTensor() if backend == "tensor" else v2.Identity(),
            v2.Resize(45, interpolation=mode, antialias=True),
            v2.CenterCrop(40),
            v2.Identity() if backend == "tensor" else v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
        ]
    )
    wanted = native(model, preset, images)

    artefact = Artefact(str(tmp_path / "checkpoint.pth"))
    found = answers(torchvision_reference.SOURCE, artefact, images)

    np.testing.assert_allclose(found, wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.slow
def test_every_classifier_of_torchvision_has_its_fingerprint(torchvision):
    from torchvision import models

    found = {}
    for name in models.list_models(module=models):
        if name.startswith("regnet_y_128"):  # 2.5 GB; the others of its kind are checked
            found.update({key: each for key, each in TORCHVISION.items() if each == name})
            continue
        module = models.get_model(name, weights=None, num_classes=9)
        specs = [
            TensorSpec(key, "float32", tuple(value.shape), (), 0, memoryview(b""))
            for key, value in module.state_dict().items()
        ]
        found[fingerprint(specs, 9)] = name
    assert found == TORCHVISION


def test_a_size_of_the_configuration_is_refused_before_memory_is_taken(timm, tmp_path):
    import torch

    from gate.errors import CheckpointError

    wide = {"channels": [60_000] * 4}
    state = {
        "arch": "test_resnet",
        "args": Namespace(**{**ARGS, "model_kwargs": wide}),
        "state_dict": trained(timm.create_model("test_resnet", num_classes=5)).state_dict(),
    }
    torch.save(state, tmp_path / "last.pth.tar")

    opening = timm_training.SOURCE.open(Artefact(str(tmp_path / "last.pth.tar")), threads=1)
    with pytest.raises(CheckpointError, match="larger than the weights are"), opening:
        pass
