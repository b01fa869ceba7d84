"""Each refusal of a checkpoint that does not fit says the cause; its remedy ends in a verdict."""

import json
import re
import sys
import warnings

import pytest
import torch
from safetensors.torch import load_file, save_file, save_model
from torch import nn
from torch.nn.utils import parametrize, prune

NETS = '''
import torch
from torch import nn
from torch.nn.utils import parametrizations
from nets import Brightness


def build(classes=2, channels=1, size=8):
    return Brightness(classes, channels, size)


def normed():
    model = Brightness()
    parametrizations.weight_norm(model.head)
    return model


class Deep(Brightness):
    def __init__(self, depth=1):
        super().__init__()
        self.blocks = nn.Sequential(*(nn.Conv2d(1, 1, 1) for _ in range(depth)))

    def forward(self, images):
        return super().forward(images) + 0 * self.blocks(images).sum()


class Named(nn.Module):
    """The same layers under other names."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 1, 1, bias=False)
        self.top = nn.Linear(64, 2)

    def forward(self, images):
        return self.top(self.stem(images).flatten(1))


class Topped(Brightness):
    def __init__(self):
        super().__init__()
        self.classifier = self.head
        del self.head

    def forward(self, images):
        return self.classifier(self.conv(images).flatten(1))


class Helped(Brightness):
    """Trained with a second head, which is not asked when it is judged."""

    def __init__(self):
        super().__init__()
        self.aux = nn.Linear(64, 2)


class Apart(Brightness):
    def __init__(self):
        super().__init__()
        self.again = nn.Conv2d(1, 1, 1, bias=False)

    def forward(self, images):
        return self.head(self.again(images).flatten(1))


class Shared(Apart):
    def __init__(self):
        super().__init__()
        self.again.weight = self.conv.weight


class Other(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two, self.three = (nn.Linear(64, 2) for _ in range(3))

    def forward(self, images):
        return self.one(images.flatten(1))
'''


@pytest.fixture
def weights(project, monkeypatch):
    """The weights that pass; the modules that they could be of are in reach."""
    project.write("more.py", NETS)
    monkeypatch.syspath_prepend(project.folder)
    for name in ("nets", "more"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return torch.load(project.folder / "model.pt", weights_only=True)


@pytest.fixture
def brightness(weights):
    import nets

    model = nets.build()
    model.load_state_dict(weights)
    return model


@pytest.fixture
def refused(project, weights):
    """Run what does not fit, and return what is said: the fact and the remedy."""

    def run(state, factory="more:build", key=None, name="model.pt", **kwargs):
        if state is not None:
            save = save_file if name.endswith(".safetensors") else torch.save
            save(state, project.folder / name)
        ran = project.run(model=model_of(factory, key, name, **kwargs))
        assert ran.status == 4, ran.out + ran.err
        assert ran.kinds == ["mismatch"], ran.errors
        return ran.errors

    return run


@pytest.fixture
def passes(project):
    """Run what the remedy made."""

    def run(state=None, factory="more:build", key=None, name="model.pt", **changes):
        if state is not None:
            torch.save(state, project.folder / name)
        model = model_of(factory, key, name, **changes.pop("kwargs", {}))
        ran = project.run(**{"model": model, **changes})
        assert ran.status == 0, ran.out + ran.err
        return ran

    return run


def model_of(factory, key, name, **kwargs):
    found = {"checkpoint": name, "factory": factory, "key": key, "kwargs": kwargs}
    return {key: value for key, value in found.items() if value}


def under(front, weights):
    return {f"{front}.{name}": value for name, value in weights.items()}


def test_another_count_of_classes(refused, passes, weights):
    said = refused(None, classes=3)

    assert "the checkpoint has 2 classes, the model has 3" in said
    assert "let the factory build 2 outputs" in said
    assert "`kwargs:` under `model:`" in said
    passes(kwargs={"classes": 2})


def test_another_count_of_channels(project, refused, passes, weights):
    project.checkpoint(channels=3)

    said = refused(None)

    assert "the model expects 1 channel, the checkpoint has 3" in said
    assert "let the factory build a first layer of 3 channels" in said
    assert "give images of as many (`channels:` of `input:`)" in said
    passes(kwargs={"channels": 3}, input={"size": [8, 8], "channels": "RGB"})


def test_another_size_of_images(project, refused, passes, weights):
    project.checkpoint(size=4)

    said = refused(None)

    assert "built for another image size" in said
    assert "check `factory` and its `kwargs`" in said
    passes(kwargs={"size": 4}, input={"size": [4, 4], "channels": "L", "resize": "stretch"})


def test_a_model_and_its_average_in_one_dictionary(refused, passes, weights):
    said = refused(under("ema_model", weights) | under("online_model", weights))

    assert "it holds the model 2 times: ema_model, online_model" in said
    key = re.search(r"`key: (\w+)`", said)[1]
    passes(key=key)


def test_a_model_at_the_top_and_its_average_below(project, refused, passes, weights):
    said = refused(weights | under("ema", weights))

    assert "it holds the model 2 times: the top, ema" in said
    passes(key=re.search(r"`key: (\w+)`", said)[1])
    state_dict = torch.load(project.folder / "model.pt", weights_only=True)
    passes(eval(re.search(r"\{name: tensor.*\)\}", said)[0], {"state_dict": state_dict}))


def test_a_model_beside_what_only_the_training_had(refused, passes, weights):
    said = refused(under("encoder", weights) | {"projector.weight": torch.ones(4, 4)})

    assert "the whole model lies under `encoder`, and other tensors beside it" in said
    passes(key=re.search(r"`key: (\w+)`", said)[1])


def test_a_second_head_that_the_factory_lacks(project, refused, passes, weights, brightness):
    helped = weights | {"aux.weight": torch.ones(2, 64), "aux.bias": torch.ones(2)}

    said = refused(helped)

    assert "it holds the whole model and 2 tensors beside it" in said
    assert "2 tensors unexpected: aux.weight, aux.bias" in said
    passes(factory="more:Helped")
    snippet = re.search(r"\{name: tensor.*\(\)\}", said)[0]
    passes(eval(snippet, {"state_dict": helped, "model": brightness}))


def test_words_of_wrappers_on_some_names(refused, passes, weights, brightness):
    some = {("module." if "head" in name else "") + name: v for name, v in weights.items()}

    said = refused(some)

    assert "some names only have a wrapper's word: module.head.weight, module.head.bias" in said
    assert "save the state_dict of one module, the wrapper's own" in said
    passes(nn.DataParallel(brightness).state_dict())


def test_an_adapter(refused, passes, weights):
    down, up = torch.rand(2, 64) / 1000, torch.rand(2, 2) / 1000
    adapter = {
        "base_model.model.head.lora_A.weight": down,
        "base_model.model.head.lora_B.weight": up,
    }

    said = refused(adapter)

    assert "it is an adapter (LoRA, as PEFT saves it)" in said
    assert "merge_and_unload()" in said  # which adds the product to the weight
    passes(weights | {"head.weight": weights["head.weight"] + up @ down})


QUANTISED = {
    "bitsandbytes": lambda state: (
        state
        | {"head.weight": torch.ones(2, 64, dtype=torch.int8), "head.SCB": torch.ones(2)}
        | {"head.weight_format": torch.tensor(0, dtype=torch.uint8)}
    ),
    "packed": lambda state: (
        {name: value for name, value in state.items() if name != "head.weight"}
        | {"head.scale": torch.ones(()), "head.zero_point": torch.tensor(0)}
        | {"head._packed_params._packed_params": (torch.ones(2, 64), None)}
    ),
    "whole numbers": lambda state: state | {"head.weight": torch.ones(2, 64, dtype=torch.int8)},
}


@pytest.mark.parametrize("how", QUANTISED)
def test_quantised_weights(how, project, refused, weights):
    said = refused(QUANTISED[how](weights))

    assert "quantised" in said
    assert "`predictions:` of each split, no `model:`" in said
    lines = [f"{2 * index},dark,0.9,0.1\n{2 * index + 1},bright,0.2,0.8" for index in range(50)]
    project.write("scores.csv", "\n".join(["id,label,dark,bright", *lines]) + "\n")
    ran = project.run(model=None, input=None, data={"test": {"predictions": "scores.csv"}})
    assert ran.status == 0, ran.err


def test_a_quantised_model_is_judged_as_onnx(project, refused, weights):
    """The weights of the head in 8 bits, with the nodes that a quantiser writes before them."""
    onnx = pytest.importorskip("onnx", reason="builds the graph")
    pytest.importorskip("onnxruntime", reason="the extra onnx runs it")
    from onnx import helper, numpy_helper

    scale = weights["head.weight"].abs().max() / 127
    eighth = (weights["head.weight"] / scale).round().to(torch.int8)
    tensors = {
        "w8": eighth.T.contiguous(),
        "scale": scale,
        "bias": weights["head.bias"],
        "zero": torch.tensor(0, dtype=torch.int8),
    }
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["flat"]),
            helper.make_node("DequantizeLinear", ["w8", "scale", "zero"], ["w"]),
            helper.make_node("Gemm", ["flat", "w", "bias"], ["y"]),
        ],
        "g",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["N", 2])],
        [numpy_helper.from_array(each.numpy(), name) for name, each in tensors.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.save(made, project.folder / "model.onnx")

    said = refused(weights | {"head.weight": eighth})

    assert "give it as ONNX (`checkpoint: model.onnx`, no factory)" in said
    assert project.run(model={"checkpoint": "model.onnx"}).status == 0


def test_a_pruned_model(refused, passes, brightness):
    prune.l1_unstructured(brightness.head, "weight", amount=1)

    said = refused(brightness.state_dict())

    assert "it was pruned and keeps the mask beside the weight (head.weight)" in said
    assert "torch.nn.utils.prune.remove(module, 'weight')" in said
    prune.remove(brightness.head, "weight")
    passes(brightness.state_dict())


def test_weight_norm_in_the_file_only(refused, passes, brightness):
    torch.nn.utils.parametrizations.weight_norm(brightness.head)

    said = refused(brightness.state_dict())

    assert "it was saved under a parametrisation, such as weight_norm, and the model has" in said
    passes(factory="more:normed")
    assert "torch.nn.utils.parametrize.remove_parametrizations" in said
    parametrize.remove_parametrizations(brightness.head, "weight")
    passes(brightness.state_dict())


@pytest.mark.parametrize("tool", ["weight_norm", "spectral_norm"])
def test_an_older_norm_in_the_file_only(tool, refused, passes, brightness):
    if tool == "spectral_norm":  # it divides the weight, and leaves the bias
        brightness.head.bias.data /= torch.linalg.matrix_norm(brightness.head.weight.data, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates them; the files stay
        getattr(nn.utils, tool)(brightness.head)
        brightness(torch.rand(1, 1, 8, 8))

        said = refused(brightness.state_dict())

        assert f"it was saved under {tool}, and the model has plain weights (head.weight)" in said
        assert f"remove_{tool}" in said
        getattr(nn.utils, f"remove_{tool}")(brightness.head)
    passes(brightness.state_dict())


def test_weight_norm_in_the_factory_only(refused, passes, weights):
    said = refused(None, factory="more:normed")

    assert "the factory applies a parametrisation, such as weight_norm, and the file has" in said
    assert "let the factory build the model without a parametrisation" in said
    passes()


def test_half_of_the_shards(project, refused, passes, weights):
    names = [f"model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    halves = [{"conv.weight": weights["conv.weight"]}, dict(list(weights.items())[1:])]
    placed = {name: file for file, half in zip(names, halves, strict=True) for name in half}
    project.write("shards/model.safetensors.index.json", json.dumps({"weight_map": placed}))
    for name, half in zip(names, halves, strict=True):
        save_file(half, project.folder / "shards" / name)

    said = refused(None, name=f"shards/{names[0]}")

    assert "it is shard 1 of 2" in said
    assert "give the folder that holds all shards and their index" in said
    passes(name="shards")


def test_shared_tensors_that_the_factory_builds_apart(project, refused, passes, weights):
    import more

    shared = more.Shared()
    shared.load_state_dict(weights | {"again.weight": weights["conv.weight"]})
    save_model(shared, str(project.folder / "x.safetensors"))
    (absent,) = shared.state_dict().keys() - load_file(project.folder / "x.safetensors").keys()

    said = refused(None, factory="more:Apart", name="x.safetensors")

    assert f"does not share them: {absent} (of " in said
    passes(factory="more:Shared", name="x.safetensors")
    passes(shared.state_dict(), factory="more:Apart")


def test_tensors_apart_that_the_factory_shares(refused, passes, weights):
    said = refused(weights | {"again.weight": 2 * weights["conv.weight"]}, factory="more:Shared")

    assert "conv.weight and again.weight are one tensor in the model" in said
    assert "let the factory build them apart" in said
    passes(weights | {"again.weight": weights["conv.weight"]}, factory="more:Apart")


def test_a_backbone(refused, passes, weights):
    said = refused({"conv.weight": weights["conv.weight"]})

    assert "it holds a backbone without the head that gives the classes" in said
    assert "give the checkpoint of the whole classifier" in said
    passes(weights)


def test_a_head_of_another_name(refused, passes, weights):
    said = refused({name.replace("head", "classifier"): v for name, v in weights.items()})

    assert "its head has another name: classifier.weight, classifier.bias for head" in said
    assert "let the factory name the head as the training did" in said
    passes(factory="more:Topped")


@pytest.mark.parametrize(("trained", "built"), [(3, 2), (1, 4)])
def test_another_depth(trained, built, refused, passes, weights):
    import more

    blocks = {n: v for n, v in more.Deep(trained).state_dict().items() if "blocks" in n}

    said = refused(weights | blocks, factory="more:Deep", depth=built)

    assert f"`blocks.` has {trained} in the checkpoint, {built} here" in said
    assert "give the depth that was trained under `kwargs:`" in said
    passes(factory="more:Deep", kwargs={"depth": trained})


def test_the_same_layers_under_other_names(refused, passes, weights):
    names = ("stem.weight", "top.weight", "top.bias")

    said = refused(dict(zip(names, weights.values(), strict=True)))

    assert "the model's shapes in the model's order under other names: stem.weight for conv" in said
    assert "name them in the factory as the checkpoint does" in said
    passes(factory="more:Named")


def test_another_architecture(refused, passes, weights):
    said = refused(None, factory="more:Other")

    assert "none of its 3 names is one of the model's" in said
    assert "made by another architecture: check `factory`" in said
    passes()


def test_an_average_without_names(project, refused, passes, weights, brightness):
    shadows = [each.detach().clone() for each in brightness.parameters()]
    saved = {"model": weights, "ema": {"decay": 0.9, "shadow_params": shadows}}

    said = refused(saved)

    assert "an average whose tensors have no names (`ema.shadow_params`) beside model" in said
    passes(key=re.search(r"`key: (\w+)`", said)[1])
    assert "copy the average into the model" in said
    with torch.no_grad():
        for mine, shadow in zip(brightness.parameters(), shadows, strict=True):
            mine.copy_(shadow)
    passes(brightness.state_dict())


def test_an_average_without_names_alone(refused, weights):
    said = refused({"decay": 0.9, "shadow_params": list(weights.values()), "num_updates": 3})

    assert "an average whose tensors have no names (`shadow_params`)" in said
    assert "`key:" not in said


def test_an_optimizer_alone(refused, passes, brightness):
    optimizer = torch.optim.Adam(brightness.parameters())
    brightness(torch.rand(2, 1, 8, 8)).sum().backward()
    before = {name: value.clone() for name, value in brightness.state_dict().items()}
    optimizer.step()
    brightness.load_state_dict(before)

    said = refused(optimizer.state_dict())

    assert "no weights: it is the state of an optimizer" in said
    assert "torch.save(model.state_dict()," in said
    passes(brightness.state_dict())


def test_the_average_of_lightning_is_what_it_saves_as_state_dict(passes, weights):
    raw = {name: torch.rand_like(value) for name, value in weights.items()}

    passes({"pytorch-lightning_version": "2.6", "state_dict": weights, "current_model_state": raw})
