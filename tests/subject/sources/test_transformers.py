"""A transformers folder states its class, classes and input; hostile ones are refused in words."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from gate.errors import CheckpointError, MissingExtraError, Refusal, UsageError
from gate.subject.inputs import InputSpec
from gate.subject.sources import transformers, transformers_processors
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact
from gate.subject.sources.transformers import SOURCE

CONFIG = {
    "architectures": ["ResNetForImageClassification"],
    "model_type": "resnet",
    "num_channels": 3,
    "hidden_sizes": [8, 16],
    "depths": [1, 1],
    "id2label": {"0": "zebra", "1": "ant", "2": "Emu"},
    "label2id": {"zebra": 0, "ant": 1, "Emu": 2},
    "transformers_version": "5.24.0",
}
VIT = {
    "image_processor_type": "ViTImageProcessor",
    "size": {"height": 40, "width": 48},
    "resample": 2,
}


@pytest.fixture(autouse=True)
def without_torchvision(monkeypatch):
    monkeypatch.setattr(transformers_processors, "resizes_tensors", lambda: False)


def folder(path, processor=VIT, **changes):
    """Write a folder; a value of None leaves the key out."""
    config = {key: value for key, value in {**CONFIG, **changes}.items() if value is not None}
    (path / "config.json").write_text(json.dumps(config))
    if processor is not None:
        (path / "preprocessor_config.json").write_text(json.dumps(processor))
    save_file({"classifier.1.weight": np.ones((3, 4), np.float32)}, path / "model.safetensors")
    return Artefact(str(path))


def asked(statements):
    return {ask.key: ask.fact for ask in statements.asks}


def refused(artefact):
    with pytest.raises(CheckpointError) as caught:
        SOURCE.states(artefact)
    return caught.value


def stated_input(path, **processor):
    return SOURCE.states(folder(path, processor)).input.value


def test_a_folder_states_class_classes_and_input_with_their_sources(tmp_path):
    stated = SOURCE.states(folder(tmp_path))

    assert stated.classes.value == ("zebra", "ant", "Emu")
    assert stated.classes.source == "config.json: id2label"
    assert stated.factory.value == "transformers ResNetForImageClassification"
    assert stated.input.source == (
        "preprocessor_config.json: ViTImageProcessor, resizing with Pillow as without torchvision"
    )
    assert stated.input.value == InputSpec.model_validate(
        {
            "size": [40, 48],
            "channels": "RGB",
            "orientation": "exif",
            "resize": "stretch",
            "interpolation": "bilinear",
            "resizer": "pillow",
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
        }
    )
    assert stated.asks == ()
    assert set(stated.read) == {"config.json", "preprocessor_config.json"}


def test_a_folder_is_recognised_by_its_config_and_timms_is_not(tmp_path):
    artefact = folder(tmp_path)
    assert recognise(artefact.path).name == "transformers"

    folder(tmp_path, model_type=None, architectures=None, architecture="resnet18")
    assert recognise(artefact.path).name != "transformers"


def test_outputs_are_in_the_order_of_numbers_and_not_of_text(tmp_path):
    names = {str(each): f"class {each}" for each in range(12)}
    stated = SOURCE.states(folder(tmp_path, id2label=names, label2id=None))
    assert stated.classes.value == tuple(names.values())


@pytest.mark.parametrize(
    ("labels", "inverse", "fact"),
    [
        (None, None, "has no id2label"),
        ({"0": "LABEL_0", "1": "LABEL_1"}, None, "LABEL_0, LABEL_1, which name no classes"),
        ({"0": "cat"}, None, "one output tells two classes apart"),
    ],
)
def test_classes_that_are_not_named_are_asked_for(tmp_path, labels, inverse, fact):
    stated = SOURCE.states(folder(tmp_path, id2label=labels, label2id=inverse))
    assert stated.classes is None
    assert fact in asked(stated)["classes"]


def test_how_many_names_are_needed_is_not_said_where_only_the_config_counts_them(tmp_path):
    """The head of the weights may have another number of rows."""
    stated = SOURCE.states(folder(tmp_path, id2label={"0": "LABEL_0", "1": "LABEL_1"}))
    (ask,) = (each for each in stated.asks if each.key == "classes")
    assert "2" not in ask.remedy


@pytest.mark.parametrize("inverse", [{"cat": "0", "dog": "1"}, {"cat": 0, "dog": 1}, None])
def test_an_inverse_that_agrees_is_no_question(tmp_path, inverse):
    labels = {"0": "cat", "1": "dog"}
    stated = SOURCE.states(folder(tmp_path, id2label=labels, label2id=inverse))
    assert stated.classes.value == ("cat", "dog")


@pytest.mark.parametrize(
    ("labels", "fact"),
    [
        ({"1": "cat", "2": "dog"}, "not for the outputs 0 to 1"),
        ({"0": "cat", "01": "dog"}, "not for the outputs 0 to 1"),
        ({}, "0 names"),
        ({"0": "cat", "1": 7}, "does not map outputs to names"),
        (["cat", "dog"], "does not map outputs to names"),
    ],
)
def test_labels_that_are_no_labels_are_refused(tmp_path, labels, fact):
    error = refused(folder(tmp_path, id2label=labels, label2id=None))
    assert fact in error.fact
    assert "id2label = {" in error.remedy


CAT_AND_DOG = {"0": "cat", "1": "dog"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_labels": 5}, "num_labels is 5 in config.json and 2 in config.json: id2label"),
        (
            {"label2id": {"cat": 1, "dog": 0}},
            "the output of 'cat' is 1 in config.json: label2id and 0 in config.json: id2label",
        ),
        ({"label2id": {"cat": 0}}, "the output of 'dog' is no output in config.json: label2id"),
        ({"label2id": {"cat": 0, "dog": 1, "emu": 2}}, "the output of 'emu' is 2"),
        ({"label2id": 1e9}, "label2id is 1e+09 in config.json: label2id and a position for each"),
        ({"label2id": ["cat", "dog"]}, "label2id is [cat, dog] in config.json"),
    ],
)
def test_what_contradicts_id2label_is_a_finding_and_id2label_is_taken(tmp_path, changes, said):
    stated = SOURCE.states(
        folder(tmp_path, **{"id2label": CAT_AND_DOG, "label2id": None} | changes)
    )

    assert stated.classes.value == ("cat", "dog")
    (found,) = stated.checks
    assert str(found).startswith(said)
    assert found.kind == "contradiction"


@pytest.mark.parametrize(
    "changes",
    [
        {"num_labels": 2},
        {"label2id": {"cat": 0, "dog": 1}},
        {"label2id": {"LABEL_0": 0, "LABEL_1": 1}},  # what the library leaves, which names nothing
    ],
)
def test_what_agrees_with_id2label_is_no_finding(tmp_path, changes):
    stated = SOURCE.states(
        folder(tmp_path, **{"id2label": CAT_AND_DOG, "label2id": None} | changes)
    )

    assert stated.checks == ()


def weighted(tmp_path, shapes, **config):
    """Return a folder whose model the user's own code builds, with tensors of these shapes."""
    artefact = folder(tmp_path, **config)
    save_file(
        {name: np.zeros(shape, np.float32) for name, shape in shapes.items()},
        tmp_path / "model.safetensors",
    )
    return replace(artefact, factory="nets:build")


OWN = {"stem": (8, 3, 3, 3), "last": (3, 16)}


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({}, []),
        ({"num_channels": 1}, ["num_channels is 1 in config.json and the length of no tensor"]),
        (
            {"id2label": {str(each): f"c{each}" for each in range(7)}, "label2id": None},
            ["the number of outputs is 7 in config.json: id2label and the length of no tensor"],
        ),
        (
            {"id2label": None, "label2id": None, "num_labels": 7},
            ["the number of outputs is 7 in config.json: num_labels"],
        ),
    ],
)
def test_beside_a_factory_sizes_that_no_tensor_has_are_findings(tmp_path, config, said):
    stated = SOURCE.states(weighted(tmp_path, OWN, **config))

    found = [str(each) for each in stated.checks]
    assert len(found) == len(said)
    for each, start in zip(found, said, strict=True):
        assert each.startswith(start)


@pytest.mark.parametrize(
    ("changes", "fact", "kind"),
    [
        ({"auto_map": {"AutoConfig": "modeling_my.MyConfig"}}, "never run", Refusal.UNSAFE),
        ({"vision_config": {"auto_map": {"A": "b.C"}}}, "never run", Refusal.UNSAFE),
        ({"trust_remote_code": True}, "trusted", Refusal.UNSAFE),
        ({"model_type": None}, "no model_type", Refusal.MISMATCH),
        ({"quantization_config": {"bits": 4}}, "quantised", Refusal.MISMATCH),
        ({"problem_type": "multi_label_classification"}, "no image one class", Refusal.MISMATCH),
        ({"problem_type": "regression"}, "no image one class", Refusal.MISMATCH),
        ({"backbone": "timm/resnet50"}, "would fetch", Refusal.UNSAFE),
        ({"use_pretrained_backbone": True}, "would fetch", Refusal.UNSAFE),
        ({"weights": "https://example.org/a"}, "is an address", Refusal.UNSAFE),
        ({"model_type": "timm_wrapper"}, "wraps a model of timm", Refusal.MISMATCH),
        ({"hidden_sizes": [8, 10**400]}, "hidden_sizes.1 is an integer of", Refusal.UNSAFE),
        ({"hidden_sizes": [8, 1e9]}, "hidden_sizes.1 is 1e+09", Refusal.UNSAFE),
        ({"hidden_sizes": [8, 10**9]}, "hidden_sizes.1 is 1e+09", Refusal.UNSAFE),
        ({"embedding_size": -(10**9)}, "embedding_size is", Refusal.UNSAFE),
        ({"embedding_size": float("nan")}, "embedding_size is nan", Refusal.UNSAFE),
        ({"image_size": 100_000}, "image_size is", Refusal.UNSAFE),
        ({"model_type": "levit", "image_size": 4096}, "512 is the most", Refusal.UNSAFE),
    ],
)
def test_a_config_that_is_not_built_is_refused_with_what_to_do(tmp_path, changes, fact, kind):
    error = refused(folder(tmp_path, **changes))
    assert fact in error.fact
    assert error.kind == kind
    assert error.remedy


def test_honest_values_of_the_same_keys_are_not_refused(tmp_path):
    changes = {
        "auto_map": {},
        "backbone": None,
        "use_pretrained_backbone": False,
        "problem_type": "single_label_classification",
        "image_size": 224,
        "layer_norm_eps": 1e-12,
        "_name_or_path": "google/vit-base-patch16-224",
    }
    assert SOURCE.states(folder(tmp_path, **changes)).asks == ()


def test_a_factory_of_the_users_goes_before_what_may_not_be_built(tmp_path):
    artefact = folder(tmp_path, auto_map={"AutoModel": "modeling.Net"})
    own = Artefact(artefact.checkpoint, factory="net:build")
    stated = SOURCE.states(own)
    assert stated.classes.value == ("zebra", "ant", "Emu")
    assert stated.asks == ()
    assert SOURCE.runtimes(own) == {}


@pytest.mark.parametrize("text", ["{", "[1]", '{"model_type": ' + "[" * 100_000])
def test_a_config_that_is_no_json_is_no_folder_of_transformers(tmp_path, text):
    folder(tmp_path)
    (tmp_path / "config.json").write_text(text)
    assert not SOURCE.matches(tmp_path)


def test_a_processor_that_is_no_json_is_refused(tmp_path):
    artefact = folder(tmp_path)
    (tmp_path / "preprocessor_config.json").write_text("{")
    assert "preprocessor_config.json is no JSON" in refused(artefact).fact


def test_without_a_processor_the_input_is_asked_for_and_never_guessed(tmp_path):
    stated = SOURCE.states(folder(tmp_path, processor=None))
    assert stated.input is None
    assert "preprocessor_config.json" in asked(stated)["input"]


@pytest.mark.parametrize(
    ("processor", "fact"),
    [
        ({"image_processor_type": "OwnImageProcessor"}, "'OwnImageProcessor' is not known"),
        ({**VIT, "auto_map": {"AutoImageProcessor": "own.Own"}}, "never run"),
        ({**VIT, "size": {"longest_edge": 40}}, "by longest_edge"),
        ({**VIT, "size": {"shortest_edge": 40}}, "sizes differ"),
        ({**VIT, "do_pad": True}, "do_pad"),
    ],
)
def test_what_an_input_cannot_say_is_asked_for(tmp_path, processor, fact):
    stated = SOURCE.states(folder(tmp_path, processor))
    assert stated.input is None
    assert fact in asked(stated)["input"]


def test_a_model_of_one_channel_has_its_input_asked_for(tmp_path):
    assert "takes 1 channels" in asked(SOURCE.states(folder(tmp_path, num_channels=1)))["input"]


@pytest.mark.parametrize(
    ("changes", "fact"),
    [
        ({"resample": 9}, "resample is 9"),
        ({"do_resize": "yes"}, "do_resize is yes"),
        ({"size": {"height": -4, "width": 8}}, "whole numbers of pixels"),
        ({"size": "large"}, "size is large"),
        ({"size": {"height": 10**9, "width": 10**9}}, "less than or equal to 16384"),
        ({"image_mean": [0.5, 0.5]}, "need 3 of mean and std"),
        ({"image_std": [0.5, 0.0, 0.5]}, "greater than 0"),
        ({"rescale_factor": 10**400}, "not a number that a float can hold"),
        ({"image_mean": [10**400] * 3}, "not a number that a float can hold"),
        ({"size": {"height": 10**400, "width": 4}}, "not whole numbers of pixels"),
        ({"rescale_factor": 1e9}, "less than or equal to 1000"),
    ],
)
def test_a_processor_of_impossible_values_is_refused(tmp_path, changes, fact):
    assert fact in refused(folder(tmp_path, {**VIT, **changes})).fact


def test_an_older_file_names_an_extractor_and_an_integer_for_a_size(tmp_path):
    vit = stated_input(tmp_path, feature_extractor_type="ViTFeatureExtractor", size=40)
    assert (vit.size, vit.resize) == ((40, 40), "stretch")
    clip = stated_input(tmp_path, feature_extractor_type="CLIPFeatureExtractor", size=50)
    assert (clip.size, clip.resize, clip.crop) == ((224, 224), 50, "center-floor")
    assert clip.resizer == "tensor"  # the border of the two ways differs


def test_a_file_without_a_type_is_of_the_processor_of_the_kind_of_model(tmp_path):
    made = stated_input(tmp_path, size={"shortest_edge": 48})
    assert (made.size, made.resize, made.crop_ratio) == ((48, 48), "shorter-side", 0.875)


def test_convnext_crops_below_384_and_stretches_from_there(tmp_path):
    name = {"image_processor_type": "ConvNextImageProcessorFast"}
    small = stated_input(tmp_path, **name, size={"shortest_edge": 383}, crop_pct=0.9)
    large = stated_input(tmp_path, **name, size={"shortest_edge": 384}, crop_pct=0.9)
    assert (small.resize, small.crop_ratio, small.crop) == ("shorter-side", 0.9, "center-floor")
    assert (large.resize, large.crop_ratio, large.crop) == ("stretch", None, "none")


def test_efficientnet_divides_twice_and_shifts_where_it_says_so(tmp_path):
    name = {"image_processor_type": "EfficientNetImageProcessor", "image_std": [0.5, 0.4, 0.2]}
    twice = stated_input(tmp_path, **name, rescale_offset=True, rescale_factor=1 / 127.5)
    once = stated_input(tmp_path, **name, include_top=False)
    assert twice.std == pytest.approx((0.25, 0.16, 0.04))
    assert (twice.scale, twice.offset) == (1 / 127.5, -1.0)
    assert once.std == pytest.approx((0.5, 0.4, 0.2))
    assert (once.scale, once.offset) == (None, 0.0)


def test_null_is_what_the_class_does_by_default(tmp_path):
    assert stated_input(tmp_path, **{**VIT, "do_rescale": None}).scale is None
    assert stated_input(tmp_path, **{**VIT, "do_rescale": False}).scale == 1.0


def test_processor_config_goes_before_preprocessor_config(tmp_path):
    artefact = folder(tmp_path)
    nested = {"image_processor": {**VIT, "size": {"height": 8, "width": 8}}}
    (tmp_path / "processor_config.json").write_text(json.dumps(nested))

    stated = SOURCE.states(artefact)

    assert stated.input.value.size == (8, 8)
    assert stated.input.source.startswith("processor_config.json")
    assert "processor_config.json" in SOURCE.files(tmp_path)


def test_a_processor_config_of_texts_alone_says_nothing_of_images(tmp_path):
    artefact = folder(tmp_path)
    (tmp_path / "processor_config.json").write_text('{"processor_class": "CLIPProcessor"}')
    assert SOURCE.states(artefact).input.value.size == (40, 48)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_the_digest_covers_what_decides_beside_the_weights(tmp_path, name):
    artefact = folder(tmp_path)
    before = SOURCE.identify(artefact).sha256
    path = Path(artefact.checkpoint, name)
    path.write_text(path.read_text() + " ")
    assert SOURCE.identify(artefact).sha256 != before


def test_an_input_of_the_users_is_turned_and_cut_as_transformers_does(tmp_path):
    artefact = folder(tmp_path)
    own = InputSpec.model_validate({"size": [8, 8], "resize": 9, "crop": "center"})
    adapted = SOURCE.apply_conventions(artefact, own)
    assert (adapted.orientation, adapted.crop) == ("exif", "center-floor")

    said = own.model_copy(update={"orientation": "stored"})
    assert SOURCE.apply_conventions(artefact, said).orientation == "stored"
    with_factory = Artefact(artefact.checkpoint, factory="net:build")
    assert SOURCE.apply_conventions(with_factory, own) is own


def test_the_missing_library_is_named_with_its_extra_and_what_saved_the_model(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(transformers, "release", lambda: None)
    with pytest.raises(MissingExtraError) as caught:
        SOURCE.runtimes(folder(tmp_path))
    assert "resnet" in caught.value.fact
    assert "transformers 5.24.0" in caught.value.fact
    assert "'.[transformers]'" in caught.value.remedy


def test_a_library_that_is_too_old_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(transformers, "release", lambda: "4.57.1")
    with pytest.raises(UsageError, match="is the earliest that is used"):
        SOURCE.runtimes(folder(tmp_path))
    monkeypatch.setattr(transformers, "release", lambda: "5.0.0")
    assert SOURCE.runtimes(folder(tmp_path)) == {"transformers": "5.0.0"}


def test_the_names_of_imagenet_21k_are_read(tmp_path):
    names = {str(number): f"class {number}, {'x' * 30}" for number in range(21_841)}
    inverse = {name: int(key) for key, name in names.items()}
    stated = SOURCE.states(folder(tmp_path, id2label=names, label2id=inverse))
    assert (tmp_path / "config.json").stat().st_size > 2 << 20
    assert len(stated.classes.value) == 21_841


def test_the_log_of_the_trainer_is_proposed_as_the_history(tmp_path):
    artefact = folder(tmp_path)
    assert SOURCE.states(artefact).history is None
    (artefact.path / "trainer_state.json").write_text('{"log_history": []}')
    assert SOURCE.states(artefact).history == "trainer_state.json"


def test_looking_at_a_folder_loads_neither_torch_nor_the_library(tmp_path):
    folder(tmp_path)
    program = (
        "import sys\n"
        "from gate.cli import main\n"
        f"assert main(['inspect', {str(tmp_path)!r}]) == 0\n"
        "assert not {'torch', 'transformers', 'torchvision', 'timm'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_a_plain_checkpoint_loads_nothing_of_the_library(tmp_path):
    torch.save(torch.nn.Linear(2, 3).state_dict(), tmp_path / "weights.pt")
    (tmp_path / "net.py").write_text(
        "import torch\ndef build():\n    return torch.nn.Linear(2, 3)\n"
    )
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gate.subject.sources.registry import source_of\n"
        "from gate.subject.sources.source import Artefact\n"
        f"artefact = Artefact('weights.pt', Path({str(tmp_path)!r}), factory='net:build')\n"
        "with source_of(artefact).open(artefact, threads=1) as opened:\n"
        "    assert opened.parameters == 9\n"
        "assert not {'transformers', 'torchvision', 'timm'} & set(sys.modules)\n"
        "assert 'gate.subject.sources.transformers_building' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_values_that_cannot_be_are_told_in_our_own_words(tmp_path):
    """The words of the library that checks them are for programmers."""
    faulty = {**VIT, "do_center_crop": True, "crop_size": {"height": -1, "width": 4}}
    try:
        asked_for = asked(SOURCE.states(folder(tmp_path, faulty)))["input"]
    except CheckpointError as error:
        asked_for = error.fact
    assert "Value error" not in asked_for
