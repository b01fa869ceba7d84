"""What a folder of timm says of classes, input and architecture; timm itself is not needed."""

import json

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from gate.errors import CheckpointError
from gate.subject.gatefile import ModelSpec
from gate.subject.inputs import InputSpec
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact
from gate.subject.sources.timm_folder import SOURCE

CONFIG = {
    "architecture": "resnet18",
    "num_classes": 3,
    "label_names": ["cat", "dog", "ant"],
    "model_args": {"num_classes": 3, "in_chans": 3, "layers": [1, 1, 1, 1]},
    "pretrained_cfg": {
        "input_size": [3, 56, 56],
        "interpolation": "bicubic",
        "crop_pct": 0.875,
        "crop_mode": "center",
        "mean": [0.45, 0.44, 0.4],
        "std": [0.25, 0.24, 0.26],
    },
}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 10**12) | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@pytest.fixture
def folder(tmp_path):
    """Return a function that saves a folder of timm with other keys in config.json."""

    def save(*, pretrained=None, without=(), **keys):
        config = {**CONFIG, **keys}
        config["pretrained_cfg"] = {**CONFIG["pretrained_cfg"], **(pretrained or {})}
        for name in without:
            config.pop(name, None)
            config["pretrained_cfg"].pop(name, None)
        path = tmp_path / "saved"
        path.mkdir(exist_ok=True)
        (path / "config.json").write_text(json.dumps(config))
        save_file({"fc.weight": torch.ones(3, 4)}, path / "model.safetensors")
        return path

    return save


def states(path):
    return SOURCE.states(Artefact(str(path)))


def asked(path):
    return {ask.key: ask.fact for ask in states(path).asks}


def test_a_folder_of_timm_is_recognised_and_one_with_a_model_type_is_not(folder):
    assert recognise(folder()).name == "timm"
    assert not SOURCE.matches(folder(model_type="timm_wrapper"))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "[" * 100_000, '{"architecture": 7}'])
def test_a_folder_whose_config_says_no_architecture_is_none_of_timm(text, folder):
    path = folder()
    (path / "config.json").write_text(text)

    assert not SOURCE.matches(path)


def test_classes_input_and_architecture_are_stated_with_the_keys_that_say_them(folder):
    said = states(folder())

    assert said.asks == ()
    assert said.classes.value == ("cat", "dog", "ant")
    assert said.classes.source == "config.json: label_names"
    assert said.factory.value == "timm resnet18"
    assert said.framework == "timm"
    assert said.input.source == "config.json: pretrained_cfg"
    assert said.input.value == InputSpec(
        size=(56, 56),
        channels="RGB",
        orientation="stored",
        resize="shorter-side",
        crop_ratio=0.875,
        interpolation="bicubic",
        crop="center",
        pad=0,
        mean=(0.45, 0.44, 0.4),
        std=(0.25, 0.24, 0.26),
    )


def test_positions_of_names_are_numbers_and_10_comes_after_2(folder):
    names = {str(position): f"c{position}" for position in reversed(range(12))}

    said = states(folder(label_names=names, num_classes=12))

    assert said.classes.value == tuple(f"c{position}" for position in range(12))


@pytest.mark.parametrize(
    ("pretrained", "expected"),
    [
        ({"crop_mode": "squash"}, {"resize": "stretch", "pad": 0}),
        ({"crop_mode": "border"}, {"resize": "longer-side", "rounding": "round", "pad": "mean"}),
        (
            {"input_size": [3, 48, 64]},
            {"size": (48, 64), "resize": "shorter-side", "rounding": "round"},
        ),
        (
            {"input_size": [1, 8, 8], "mean": [0.5], "std": [0.2]},
            {"channels": "L", "mean": (0.5,), "std": (0.2,)},
        ),
        ({"mean": [0.5], "std": [0.2]}, {"mean": (0.5,) * 3, "std": (0.2,) * 3}),
        ({"test_input_size": [3, 96, 96], "test_crop_pct": 1.0}, {"size": (56, 56)}),
    ],
)
def test_every_mode_of_timm_has_its_keys_of_input(pretrained, expected, folder):
    model_args = {"num_classes": 3}

    spec = states(folder(pretrained=pretrained, model_args=model_args)).input.value

    assert {name: getattr(spec, name) for name in expected} == expected


def test_the_model_arguments_go_before_pretrained_cfg_as_in_timm(folder):
    keys = {"model_args": {"in_chans": 1, "img_size": 32}}
    grey = {"fixed_input_size": True, "mean": [0.5], "std": [0.2]}

    spec = states(folder(pretrained=grey, **keys)).input.value

    assert (spec.size, spec.channels) == ((32, 32), "L")


def test_the_one_mapping_of_older_releases_is_read(folder):
    path = folder()
    old = {"architecture": "resnet18", "labels": ["cat", "dog"], "num_classes": 2}
    (path / "config.json").write_text(json.dumps({**old, **CONFIG["pretrained_cfg"]}))

    said = states(path)

    assert said.asks == ()
    assert said.classes.value == ("cat", "dog")
    assert said.input.value.size == (56, 56)


def test_nothing_is_taken_for_granted_and_all_is_asked_for_at_once(folder):
    facts = asked(folder(without=("label_names", "mean", "input_size"), architecture="../resnet"))

    assert facts.keys() == {"classes", "input", "factory"}
    assert "input_size, mean" in facts["input"]


@pytest.mark.parametrize(
    ("names", "fact"),
    [
        (["cat", "dog"], "names 2 classes, and num_classes is 3"),
        (["LABEL_0", "LABEL_1", "LABEL_2"], "no names of classes"),
        ({"0": "a", "1": "b", "7": "c"}, "nor a name for each position"),
        (["cat", "dog", 7], "nor a name for each position"),
        (None, "no label_names say"),
    ],
)
def test_names_that_do_not_name_the_outputs_are_asked_for(names, fact, folder):
    assert fact in asked(folder(label_names=names))["classes"]


@pytest.mark.parametrize(
    ("keys", "fact"),
    [
        ({"architecture": "hf-hub:them/theirs"}, "no name of a model inside timm"),
        ({"architecture": "local-dir:/etc"}, "no name of a model inside timm"),
        ({"model_args": {"features_only": True}}, "features_only"),
        ({"model_args": {"checkpoint_path": "/etc/passwd"}}, "checkpoint_path"),
        ({"model_args": {"pretrained": True}}, "pretrained"),
        ({"model_args": {"pretrained_cfg": {"url": "https://a.b"}}}, "pretrained_cfg"),
        ({"model_args": {"channels": [10**9, 1]}}, "1e+09"),
        ({"model_args": {"channels": [10**400, 1]}}, "an integer of 1,329 bits"),
        ({"model_args": {"depth": -(10**9)}}, "-1e+09"),
        ({"model_args": {"a": [[0] * 100] * 200}}, "more than 10,000 values"),
        ({"pretrained": {"url": "https://example.org/w.pth"}}, "url names weights outside"),
        ({"pretrained": {"file": "/etc/passwd"}}, "file names weights outside"),
        ({"pretrained": {"hf_hub_id": "them/theirs"}}, "hf_hub_id names weights outside"),
    ],
)
def test_what_would_reach_out_or_fill_memory_is_not_built(keys, fact, folder):
    assert fact in asked(folder(**keys))["factory"]


@pytest.mark.parametrize(
    "keys",
    [
        {"architecture": "resnet18.a1_in1k"},
        {"model_args": {"features_only": False, "checkpoint_path": "", "pretrained": False}},
        {"model_args": {"channels": [8, 65_536]}},
        {"pretrained": {"url": "", "origin_url": "https://example.org", "hf_hub_id": None}},
    ],
)
def test_the_same_without_harm_is_built(keys, folder):
    assert states(folder(**keys)).asks == ()


@pytest.mark.parametrize(
    "pretrained",
    [
        {"input_size": [3, 10**9, 10**9]},
        {"input_size": [3, 0, 8]},
        {"input_size": [7, 8, 8]},
        {"input_size": "224"},
        {"interpolation": "random"},
        {"crop_mode": "smart"},
        {"crop_pct": 1e-9},
        {"mean": [0.5, 0.5]},
        {"mean": "imagenet"},
        {"std": [0.0, 0.0, 0.0]},
    ],
)
def test_an_input_that_cannot_be_is_asked_for(pretrained, folder):
    assert asked(folder(pretrained=pretrained, model_args={})).keys() == {"input"}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(st.sampled_from(("num_classes", "label_names", "architecture")), JSON),
    st.dictionaries(
        st.sampled_from(
            (
                *CONFIG["pretrained_cfg"],
                *("url", "fixed_input_size", "global_pool"),
            )
        ),
        JSON,
    ),
    st.dictionaries(st.sampled_from(("in_chans", "img_size", "num_classes", "depth")), JSON),
)
def test_whatever_the_values_are_they_are_stated_or_asked_for(folder, keys, pretrained, model_args):
    said = states(folder(pretrained=pretrained, model_args=model_args, **keys))

    stated = {key for key, _ in said.given()}
    assert stated | {ask.key for ask in said.asks} == {"classes", "input", "factory"}


def test_a_config_that_is_no_json_is_told_with_its_place(folder):
    path = folder()
    (path / "config.json").write_text("{")

    with pytest.raises(CheckpointError, match=r"config\.json: config\.json is no JSON"):
        states(path)


def test_the_digest_covers_the_config_that_values_are_taken_from(folder):
    said, before = states(folder()), SOURCE.identify(Artefact(str(folder())))
    after = SOURCE.identify(Artefact(str(folder(pretrained={"mean": [0.5, 0.5, 0.5]}))))

    assert said.read == {"config.json": before.files["config.json"]}
    assert before.sha256 != after.sha256


def test_a_factory_of_the_user_needs_no_timm(folder):
    spec = ModelSpec(checkpoint=str(folder()), factory="nets:build")

    assert SOURCE.runtimes(Artefact.of(spec, folder().parent)) == {}


def test_another_number_of_outputs_in_model_args_is_a_finding(folder):
    assert states(folder()).checks == ()
    arguments = {**CONFIG["model_args"], "num_classes": 5}

    assert [str(each) for each in states(folder(model_args=arguments)).checks] == [
        "num_classes is 5 in config.json: model_args and 3 in config.json"
    ]


def test_the_channels_of_pretrained_weights_are_no_finding(folder):
    """timm leaves them in pretrained_cfg where a model is made for others."""
    assert states(folder(model_args={**CONFIG["model_args"], "in_chans": 1})).checks == ()
