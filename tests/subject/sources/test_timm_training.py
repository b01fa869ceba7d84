"""What a checkpoint of timm's train.py says; timm itself is not needed where args say all."""

import functools
import os
import sys
from argparse import Namespace
from types import ModuleType
from typing import Any

import pytest
import torch

from gate.errors import CheckpointError
from gate.subject.checkpoints.training_files import glance
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact
from gate.subject.sources.timm_training import SOURCE

ARGS = {
    "model": "resnet18",
    "num_classes": 12,
    "img_size": 48,
    "input_size": None,
    "in_chans": None,
    "crop_pct": 0.9,
    "crop_mode": "center",
    "mean": [0.3, 0.3, 0.3],
    "std": [0.25, 0.25, 0.25],
    "interpolation": "bicubic",
    "class_map": "",
    "dataset": "",
    "model_kwargs": {"layers": [1, 1, 1, 1]},
    "data_dir": "/data",
}
WEIGHTS = {"fc.weight": torch.ones(12, 4)}


class Touching:
    """Touches a file when it is unpickled."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.system, (f"touch '{self.canary}'",)


@pytest.fixture
def saved(tmp_path):
    """Return a function that saves what CheckpointSaver does, with other arguments and entries."""

    def save(entries=None, *, without=(), **args):
        given = Namespace(**{**ARGS, **args})
        for name in without:
            delattr(given, name)
        path = tmp_path / "model_best.pth.tar"
        whole = {"epoch": 6, "arch": "resnet18", "version": 2, "args": given, "state_dict": WEIGHTS}
        torch.save({**whole, **(entries or {})}, path)
        return Artefact(str(path))

    return save


def asked(artefact):
    return {ask.key: ask.fact for ask in SOURCE.states(artefact).asks}


def test_it_is_recognised_by_arch_and_the_arguments_of_the_script(saved):
    assert recognise(saved().path).name == "timm-train"


@pytest.mark.parametrize(
    "entries", [{"arch": 7}, {"args": None}, {"args": ARGS}, {"state_dict": {}}, {"args": [1]}]
)
def test_files_of_other_scripts_are_not_taken(entries, saved):
    assert recognise(saved(entries).path).name == "torch-checkpoint"


def test_a_file_without_the_arguments_of_timm_is_not_taken(saved):
    assert not SOURCE.matches(saved(without=("crop_pct",)).path)


def test_arguments_state_input_and_architecture_and_the_order_is_that_of_timm(saved):
    artefact = saved()
    said = SOURCE.states(artefact)

    assert said.asks == ()
    assert said.classes is None
    assert said.framework == "timm"
    assert said.factory.value == "timm resnet18"
    assert said.input.source == "args"
    assert said.read == {"model_best.pth.tar": SOURCE.identify(artefact).sha256}
    spec = said.input.value
    assert (spec.size, spec.crop_ratio, spec.resize) == ((48, 48), 0.9, "shorter-side")
    assert (spec.mean, spec.std, spec.interpolation) == ((0.3,) * 3, (0.25,) * 3, "bicubic")


def test_input_size_goes_before_img_size_and_one_channel_is_grey(saved):
    spec = SOURCE.states(saved(input_size=[1, 40, 30], mean=[0.5], std=[0.5])).input.value

    assert (spec.size, spec.channels, spec.rounding) == ((40, 30), "L", "round")


@pytest.mark.parametrize("args", [{"class_map": "map.txt"}, {"dataset": "hfds/them/theirs"}])
def test_an_order_of_classes_that_is_not_of_folders_is_asked_for(args, saved):
    assert asked(saved(**args)).keys() == {"classes"}


@pytest.mark.parametrize(
    ("args", "keys"),
    [
        ({"model": "hf-hub:them/theirs"}, {"factory", "input"}),
        ({"model_kwargs": {"features_only": True}}, {"factory", "input"}),
        ({"model_kwargs": {"channels": [10**9]}}, {"factory", "input"}),
        ({"num_classes": None}, {"factory", "input"}),
        ({"img_size": 10**9}, {"input"}),
        ({"naflex_loader": True}, {"input"}),
        ({"input_img_mode": "RGBA"}, {"input"}),
    ],
)
def test_what_is_not_taken_from_the_arguments_is_asked_for(args, keys, saved):
    assert asked(saved(**args)).keys() == keys


def test_the_average_is_judged_as_timm_loads_it(saved):
    artefact = saved({"state_dict_ema": {"fc.weight": torch.zeros(12, 4)}})

    assert SOURCE.inspect(artefact).key == "state_dict_ema"


def test_the_gate_file_may_name_the_other_weights(saved):
    artefact = saved({"state_dict_ema": {"fc.weight": torch.zeros(12, 4)}})

    named = Artefact(artefact.checkpoint, key="state_dict")

    assert SOURCE.inspect(named).key == "state_dict"


def test_a_file_without_an_average_holds_one_model(saved):
    assert SOURCE.inspect(saved()).key == "state_dict"


def test_arguments_that_are_no_plain_values_are_left_out(saved):
    partial = functools.partial(torch.optim.AdamW, lr=0.1)

    artefact = saved(crop_mode=partial, std=[partial] * 3)

    found = glance(artefact.path)
    assert found.arguments(("crop_mode", "std", "mean")) == {"mean": [0.3, 0.3, 0.3]}


def test_a_list_that_holds_itself_is_left_out(saved):
    endless = [0.3]
    endless.append(endless)

    assert glance(saved(mean=endless).path).arguments(("mean",)) == {}


@pytest.mark.parametrize("place", ["value", "argument", "inside"])
def test_code_among_the_arguments_does_not_run_and_the_file_is_refused(place, saved, tmp_path):
    canary = tmp_path / "canary"
    touching = Touching(canary)
    hidden = {"value": touching, "argument": [touching], "inside": Namespace(deep=touching)}

    artefact = saved(data_dir=hidden[place])

    assert recognise(artefact.path).name == "torch-checkpoint"
    for read in (SOURCE.states, SOURCE.identify):
        with pytest.raises(CheckpointError, match=r"posix\.system|nt\.system"):
            read(artefact)
    assert not canary.exists()


def test_a_function_that_runs_commands_inside_a_partial_is_refused(saved, tmp_path):
    artefact = saved(data_dir=functools.partial(os.system, f"touch '{tmp_path / 'canary'}'"))

    with pytest.raises(CheckpointError, match="system"):
        SOURCE.identify(artefact)
    assert not (tmp_path / "canary").exists()


def test_a_part_of_torch_may_be_named_in_a_partial_and_not_be_called(saved):
    class Calling:
        def __reduce__(self):
            return torch.optim.AdamW, ([],)

    SOURCE.identify(saved(opt=functools.partial(torch.optim.AdamW, lr=0.1)))
    with pytest.raises(CheckpointError, match="as no library does"):
        SOURCE.identify(saved(opt=Calling()))


class Stated:
    """Is saved as a namespace whose state is of another kind than an object's dictionary."""

    def __init__(self, state):
        self.state = state

    def __reduce__(self):
        return Namespace, (), self.state


def test_a_namespace_that_other_readers_fill_in_another_way_is_refused(saved):
    honest, doubtful = Stated({"model": "resnet18"}), Stated((None, {"model": "resnet50"}))

    SOURCE.identify(saved(more=honest))
    with pytest.raises(CheckpointError, match="damaged"):
        SOURCE.identify(saved(more=doubtful))


@pytest.fixture
def omegaconf(monkeypatch):
    """Give the names that OmegaConf's objects are pickled under."""
    parts = {"dictconfig": "DictConfig", "base": "ContainerMetadata", "nodes": "AnyNode"}
    made = {}
    for module, name in parts.items():
        kind = type(name, (), {"__module__": f"omegaconf.{module}"})
        holder = ModuleType(f"omegaconf.{module}")
        setattr(holder, name, kind)
        monkeypatch.setitem(sys.modules, holder.__name__, holder)
        made[name] = kind
    monkeypatch.setitem(sys.modules, "omegaconf", ModuleType("omegaconf"))
    return made


def test_a_configuration_of_omegaconf_is_put_aside_unread_and_code_in_it_is_refused(
    omegaconf, saved, tmp_path
):
    def config(content):
        made, metadata = omegaconf["DictConfig"](), omegaconf["ContainerMetadata"]()
        metadata.ref_type, metadata.element_type = dict, Any
        made._metadata, made._content = metadata, {"lr": content}
        return made

    node = omegaconf["AnyNode"]()
    node._val = 0.1

    SOURCE.identify(saved(config=config(node)))
    with pytest.raises(CheckpointError, match="system"):
        SOURCE.identify(saved(config=config(Touching(tmp_path / "canary"))))
    assert not (tmp_path / "canary").exists()


def test_the_summary_beside_it_is_proposed_as_the_history(saved):
    artefact = saved()
    assert SOURCE.states(artefact).history is None

    artefact.path.with_name("summary.csv").write_text("epoch,train_loss,eval_loss\n0,1.0,1.1\n")

    assert SOURCE.states(artefact).history == "summary.csv"
