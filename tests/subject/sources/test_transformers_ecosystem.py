"""Models and images are those that transformers itself gives, where it is installed."""

import importlib.util
import json
import resource
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gate.errors import CheckpointError, Refusal
from gate.subject.inputs import build_transform
from gate.subject.sources import transformers_processors
from gate.subject.sources.source import Artefact
from gate.subject.sources.transformers import SOURCE

pytestmark = [
    pytest.mark.ecosystem,
    # Libraries warn as they are imported; what the tests ask is what they compute.
    pytest.mark.filterwarnings("ignore"),
]

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
VIT = {**TINY, "intermediate_size": 32, "image_size": 32, "patch_size": 8}
HIERARCHY = {"embed_dim": 8, "depths": [1, 1], "num_heads": [1, 2], "image_size": 32}
# Kinds whose tensors this release renames, and kinds that compute buffers which no file holds.
MODELS = {
    "beit": {**VIT, "out_indices": [1]},
    "bit": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "num_groups": 4},
    "convnext": {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2},
    "deit": VIT,
    "dinov2": VIT,
    "levit": {
        "hidden_sizes": [16, 32, 48],
        "num_attention_heads": [1, 2, 3],
        "depths": [1, 1, 1],
        "key_dim": [8, 8, 8],
        "image_size": 64,
    },
    "mobilenet_v2": {"depth_multiplier": 0.35, "image_size": 32},
    "regnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1], "groups_width": 8},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]},
    "segformer": {"hidden_sizes": [8, 8, 16, 16], "num_attention_heads": [1, 1, 2, 2]},
    "swin": {**HIERARCHY, "window_size": 4, "patch_size": 4},
    "swinv2": {**HIERARCHY, "window_size": 4, "patch_size": 4},
    "vit": VIT,
}
PROCESSORS = {
    "BeitImageProcessor": {"size": {"height": 12, "width": 10}},
    "BitImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 11},
    "CLIPImageProcessor": {"size": 13, "crop_size": {"height": 11, "width": 9}},
    "ConvNextImageProcessor": {"size": {"shortest_edge": 15}, "crop_pct": 0.9},
    "ConvNextImageProcessor of 384": {"size": {"shortest_edge": 384}},
    "DeiTImageProcessor": {"size": 14, "crop_size": 11},
    "EfficientNetImageProcessor": {"size": 12, "rescale_offset": True, "rescale_factor": 1 / 127.5},
    "EfficientNetImageProcessor once": {"size": 12, "include_top": False, "resample": 0},
    "LevitImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 13},
    "MobileNetV1ImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 11},
    "MobileNetV2ImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 11},
    "MobileViTImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 12},
    "PoolFormerImageProcessor": {"size": {"shortest_edge": 14}, "crop_size": 11},
    "PvtImageProcessor": {"size": 12},
    "SegformerImageProcessor": {"size": {"height": 9, "width": 12}},
    "SiglipImageProcessor": {"size": {"height": 9, "width": 12}, "do_normalize": False},
    "ViTImageProcessor": {"size": 12},
    "ViTImageProcessor unscaled": {"size": [12, 9], "do_rescale": False, "do_normalize": False},
}


@pytest.fixture(scope="module")
def library():
    """Give transformers, without torchvision where that does not fit the torch at hand."""
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("the extra transformers is not installed")
    from gate.subject.sources.transformers_building import _library

    with _library() as (transformers, _):
        yield transformers


def saved(library, kind, folder, **more):
    import torch

    torch.manual_seed(0)
    labels = {0: "a", 1: "b", 2: "c"}
    names = {"id2label": labels, "label2id": {name: key for key, name in labels.items()}}
    config = library.CONFIG_MAPPING[kind](**MODELS[kind], **names, **more)
    found = library.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING[type(config)]
    model = (found[0] if isinstance(found, tuple) else found)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)
    model.save_pretrained(folder)
    return model, config


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_answers_as_the_one_that_was_saved(library, kind, tmp_path):
    import torch

    model, config = saved(library, kind, tmp_path)
    images = torch.randn(2, 3, *[getattr(config, "image_size", 32)] * 2)

    with SOURCE.open(Artefact(str(tmp_path)), threads=1) as opened, torch.no_grad():
        ours = opened.model(images)[opened.select]
        theirs = model(images).logits

    assert torch.equal(ours, theirs)


@pytest.mark.parametrize("changes", [{"num_labels": 5}, {"label2id": {"a": 2}}, {"label2id": 1e9}])
def test_what_contradicts_id2label_keeps_no_model_from_being_measured(library, changes, tmp_path):
    saved(library, "resnet", tmp_path)
    edit(tmp_path, **changes)

    assert [each.kind for each in SOURCE.states(Artefact(str(tmp_path))).checks] == [
        "contradiction"
    ]
    with SOURCE.open(Artefact(str(tmp_path)), threads=1) as opened:
        assert opened.model.config.num_labels == 3


@pytest.mark.parametrize("case", PROCESSORS)
def test_an_image_is_prepared_as_its_processor_prepares_it(library, case, tmp_path, monkeypatch):
    monkeypatch.setattr(transformers_processors, "resizes_tensors", lambda: False)
    processor = getattr(library, f"{case.partition(' ')[0]}Pil")(**PROCESSORS[case])
    processor.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "resnet", "id2label": {"0": "a"}}')
    pixels = np.random.default_rng(1).integers(0, 256, (17, 23, 3), dtype=np.uint8)
    for shape in ((17, 23), (23, 17), (9, 30)):
        picture = Image.fromarray(pixels).resize(shape[::-1])
        theirs = processor(picture, return_tensors="np")["pixel_values"][0]

        stated = SOURCE.states(Artefact(str(tmp_path))).input
        ours = build_transform(stated.value, base=Path())(picture)

        assert np.asarray(ours) == pytest.approx(theirs, abs=2e-5)


def test_the_defaults_of_processors_are_those_of_the_library(library):
    """Compare every class of the table, value by value."""
    for name, ours in transformers_processors.DEFAULTS.items():
        theirs = getattr(library, f"{name}ImageProcessorPil")
        expected = {**transformers_processors._EVERY, **ours}
        found = {key: getattr(theirs, key, None) for key in expected}
        assert {key: value or False for key, value in found.items()} == expected, name


def test_the_kinds_of_models_have_the_processors_of_the_library(library):
    auto = importlib.import_module("transformers.models.auto.image_processing_auto")
    for kind, name in transformers_processors._OF_MODEL.items():
        theirs = auto.IMAGE_PROCESSOR_MAPPING_NAMES[kind]["pil"]
        assert theirs == f"{name}ImageProcessorPil", kind


def test_code_in_the_folder_does_not_run(library, tmp_path):
    canary = tmp_path / "CANARY"
    saved(library, "resnet", tmp_path)
    for name in ("modeling_resnet.py", "transformers.py", "configuration_resnet.py"):
        (tmp_path / name).write_text(f"open({str(canary)!r}, 'w')\n")

    with SOURCE.open(Artefact(str(tmp_path)), threads=1):
        pass

    assert not canary.exists()
    assert "modeling_resnet" not in sys.modules


def edit(folder, **changes):
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: each for key, each in config.items() if each is not None}))


def refusal_of(folder):
    with (
        pytest.raises(CheckpointError) as caught,
        SOURCE.open(Artefact(str(folder)), threads=1),
    ):
        pass
    return caught.value


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"model_type": "my-resnet"}, "'my-resnet' is no kind of model"),
        ({"model_type": "bert"}, "has no image classifier"),
        ({"architectures": ["ResNetModel"]}, "ResNetModel, and the image classifier of resnet is"),
        ({"depths": [1, 2]}, "missing"),
        ({"hidden_sizes": [8, 32]}, "not as in the model"),
        ({"hidden_act": "nothing"}, "does not build the model"),
        ({"layer_type": "spiral"}, "does not build the model"),
        ({"id2label": {"0": "a", "1": "b"}, "label2id": None}, "the head of the weights has 3"),
        ({"id2label": None, "label2id": None}, "the head of the weights has 3"),
    ],
)
def test_what_the_weights_are_not_of_is_refused_in_words(library, changes, fact, tmp_path):
    saved(library, "resnet", tmp_path)
    edit(tmp_path, **changes)

    error = refusal_of(tmp_path)

    assert fact in error.fact
    assert error.kind == Refusal.MISMATCH
    assert "factory" not in error.fact + error.remedy.replace("package.module:function", "")
    assert error.identity.sha256


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"depths": [1, 1_000_000]}, "more than 10,000 parts"),
        ({"hidden_sizes": [8, 9_000_000]}, "not as in the model"),
        ({"embedding_size": 9_000_000, "hidden_sizes": [9_000_000] * 2}, "not as in the model"),
    ],
)
def test_sizes_that_the_weights_do_not_fill_take_no_memory(library, changes, fact, tmp_path):
    saved(library, "resnet", tmp_path)
    edit(tmp_path, **changes)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    error = refusal_of(tmp_path)

    assert fact in error.fact
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # kilobytes


def test_tables_of_places_that_the_weights_do_not_fill_take_no_memory(library, tmp_path):
    saved(library, "swin", tmp_path)
    edit(tmp_path, window_size=4000, image_size=4000)
    assert "the weights do not" in refusal_of(tmp_path).fact


def test_how_the_library_computes_is_not_the_folders_to_say(library, tmp_path):
    """A kernel of the Hub, in `_attn_implementation`, would be compiled code of strangers."""
    import torch

    model, _ = saved(library, "vit", tmp_path)
    edit(
        tmp_path,
        _attn_implementation="strangers/kernel",
        attn_implementation="strangers/kernel",
        return_dict=False,
        torchscript=True,
        dtype="float16",
    )
    images = torch.randn(1, 3, 32, 32)

    with SOURCE.open(Artefact(str(tmp_path)), threads=1) as opened, torch.no_grad():
        assert torch.equal(opened.model(images)[opened.select], model(images).logits)
    assert "config.json says dtype float16; it was computed in float32" in opened.notes


def test_a_buffer_that_the_model_computes_itself_is_not_loaded_and_named(library, tmp_path):
    from safetensors.torch import load_file, save_file

    model, _ = saved(library, "swinv2", tmp_path)
    name, table = next(
        (name, value) for name, value in model.named_buffers() if name.endswith("position_index")
    )
    tensors = load_file(tmp_path / "model.safetensors")
    save_file({**tensors, name: table + 1}, tmp_path / "model.safetensors")

    with SOURCE.open(Artefact(str(tmp_path)), threads=1) as opened:
        assert torch_equal(dict(opened.model.named_buffers())[name], table)
    assert any("that the model computes itself not loaded" in note for note in opened.notes)


def test_a_tensor_that_is_not_the_models_is_refused(library, tmp_path):
    from safetensors.torch import load_file, save_file

    saved(library, "resnet", tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    save_file(
        {**tensors, "more": tensors["classifier.1.bias"].clone()}, tmp_path / "model.safetensors"
    )
    assert "1 tensor unexpected: more" in refusal_of(tmp_path).fact


def torch_equal(one, other):
    import torch

    return torch.equal(one, other)
