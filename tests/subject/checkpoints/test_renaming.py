"""Lazy, parametrised, tied and hooked modules: torch's own strict load says what is taken."""

import warnings
from collections import OrderedDict

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from gate.errors import CheckpointError, FactoryError
from gate.subject.checkpoints import load_into, open_checkpoint


class Scaled(nn.Module):
    def forward(self, weight):
        return weight * 2


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(12, 12)
        self.other = nn.Linear(12, 12)
        self.other.weight = self.one.weight

    def forward(self, images):
        return self.other(self.one(images.flatten(1)))


class WithBuffer(nn.Module):
    def __init__(self, buffer):
        super().__init__()
        self.head = nn.Linear(12, 3)
        self.register_buffer("extra", buffer)

    def forward(self, images):
        return self.head(images.flatten(1)) + self.extra.to(torch.complex64).abs().sum()


class WithExtraState(WithBuffer):
    def __init__(self):
        super().__init__(torch.ones(1))
        self.steps = torch.zeros(2)

    def get_extra_state(self):
        return self.steps

    def set_extra_state(self, state):
        self.steps = state.clone()


class Renaming(WithBuffer):
    """Takes the name that a tensor had in an older release."""

    def _load_from_state_dict(self, state, prefix, *rest):
        if f"{prefix}old" in state:
            state[f"{prefix}extra"] = state.pop(f"{prefix}old")
        super()._load_from_state_dict(state, prefix, *rest)


def convolution():
    return nn.Sequential(nn.Conv2d(3, 4, 2), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 3))


def lazy():
    return nn.Sequential(nn.LazyConv2d(4, 2), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(3))


def normed(norm):
    return lambda: nn.Sequential(nn.Flatten(), norm(nn.Linear(12, 3)))


def scaled():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    parametrize.register_parametrization(model[1], "weight", Scaled())
    return model


def hooked():
    model = convolution()
    model.register_load_state_dict_pre_hook(lambda *given: None)
    model.register_load_state_dict_post_hook(lambda module, keys: None)
    return model


def own_state():
    return convolution().state_dict()


def older(state):
    """Return a state as weight_norm wrote it before it was a parametrisation."""
    names = {"original0": "weight_g", "original1": "weight_v"}
    return {
        f"1.{names[name.rpartition('.')[2]]}" if "original" in name else name: value
        for name, value in state.items()
    }


def made(factory, seed):
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lazy modules are called experimental
        return factory().eval()


def saved_by(factory):
    return lambda: made(factory, 0).state_dict()


WITH = {
    "float8": lambda: WithBuffer(torch.ones(3).to(torch.float8_e4m3fn)),
    "float8_e5m2": lambda: WithBuffer(torch.ones(3).to(torch.float8_e5m2)),
    "complex": lambda: WithBuffer(torch.ones(3, dtype=torch.complex64)),
}
TAKEN = {
    "lazy": (lazy, own_state),
    "lazy without counters": (
        lazy,
        lambda: {name: each for name, each in own_state().items() if "num_batches" not in name},
    ),
    "lazy in half": (
        lazy,
        lambda: {
            name: each.half() if each.is_floating_point() else each
            for name, each in own_state().items()
        },
    ),
    "weight_norm": [normed(parametrizations.weight_norm)] * 2,
    "weight_norm of an older file": (
        normed(parametrizations.weight_norm),
        lambda: older(saved_by(normed(parametrizations.weight_norm))()),
    ),
    "spectral_norm": [normed(parametrizations.spectral_norm)] * 2,
    "orthogonal": [normed(parametrizations.orthogonal)] * 2,
    "a parametrisation of the user's": [scaled] * 2,
    "tied weights": [Tied] * 2,
    "load hooks": (hooked, own_state),
    "extra state in a tensor": [WithExtraState] * 2,
    "a tensor renamed while it is loaded": (
        lambda: Renaming(torch.zeros(3)),
        lambda: {
            name.replace("extra", "old"): each
            for name, each in WithBuffer(torch.ones(3)).state_dict().items()
        },
    ),
    **{f"a buffer of {name}": [factory] * 2 for name, factory in WITH.items()},
}


def state_of_case(source):
    given = source()
    return given.eval().state_dict() if isinstance(given, nn.Module) else given


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("title", TAKEN)
def test_what_torch_takes_gives_the_answers_that_it_gives(title, tmp_path):
    factory, source = TAKEN[title]
    torch.manual_seed(0)
    state = state_of_case(source)
    torch.save(state, tmp_path / "x.pt")
    ours, theirs = made(factory, 1), made(factory, 1)
    theirs.load_state_dict(OrderedDict(state), strict=True)

    load_into(open_checkpoint(tmp_path / "x.pt"), ours)

    images = torch.rand(5, 3, 2, 2)
    with torch.no_grad():
        expected = theirs(images)
        assert torch.equal(ours(images), expected)
    assert expected.std() > 0


def with_one(name, value):
    return lambda: {**own_state(), name: value}


REFUSED = {
    "lazy, and a tensor is missing": (
        lazy,
        lambda: {name: each for name, each in own_state().items() if name != "3.bias"},
        "1 tensor missing: 3.bias",
    ),
    "lazy, and a shape is not in the file": (
        lazy,
        with_one("3.weight", torch.ones(1, 1).expand(3, 4)),
        "3.weight has the shape [3, 4] over 1 element",
    ),
    "lazy, and numbers of another kind": (
        lazy,
        with_one("3.weight", torch.ones(3, 4, dtype=torch.int8)),
        "numbers of another kind: 3.weight is int8, the model has float32",
    ),
    "an older file in complex numbers": (
        normed(parametrizations.weight_norm),
        lambda: {
            name: each.to(torch.complex64) if name.endswith("_v") else each
            for name, each in older(saved_by(normed(parametrizations.weight_norm))()).items()
        },
        "2 tensors missing",
    ),
    "a sparse buffer": (
        lambda: WithBuffer(torch.eye(3).to_sparse()),
        lambda: WithBuffer(torch.eye(3)).state_dict(),
        "sparse or nested tensors in its state_dict: extra",
    ),
    "a buffer of 8 bits, and 32 in the file": (
        WITH["float8"],
        lambda: WithBuffer(torch.ones(3)).state_dict(),
        "extra is float32, the model has float8_e4m3fn",
    ),
    "NaN in 8 bits": (
        WITH["float8"],
        lambda: WithBuffer(torch.full((3,), float("nan")).to(torch.float8_e4m3fn)).state_dict(),
        "NaN or infinity in extra",
    ),
    "NaN in complex numbers": (
        WITH["complex"],
        lambda: WithBuffer(torch.full((3,), complex(0, float("nan")))).state_dict(),
        "NaN or infinity in extra",
    ),
}


@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
@pytest.mark.parametrize("title", REFUSED)
def test_what_does_not_fit_is_refused_in_words(title, tmp_path):
    factory, source, words = REFUSED[title]
    torch.save(source(), tmp_path / "x.pt")

    with pytest.raises(CheckpointError) as caught:
        load_into(open_checkpoint(tmp_path / "x.pt"), made(factory, 1))

    assert words in caught.value.fact
    assert caught.value.remedy


def test_a_remedy_for_a_sparse_buffer_is_true(tmp_path):
    def dense():
        model = WithBuffer(None)
        model.register_buffer("extra", torch.eye(3).to_sparse(), persistent=False)
        return model

    torch.save(dense().state_dict(), tmp_path / "x.pt")

    assert load_into(open_checkpoint(tmp_path / "x.pt"), dense()).tensors == 2


def test_a_module_on_the_meta_device_has_no_values(tmp_path):
    torch.save(own_state(), tmp_path / "x.pt")

    with pytest.raises(FactoryError) as caught:
        load_into(open_checkpoint(tmp_path / "x.pt"), convolution().to("meta"))

    assert "tensors without values" in caught.value.fact
    assert "build it on the CPU" in caught.value.remedy


def test_a_hook_is_rehearsed_without_the_values_of_the_file(tmp_path):
    """The file is for another model: not a number of it may reach the hook."""
    devices = set()

    def hook(state, *rest):
        devices.update(each.device.type for each in state.values())

    model = convolution()
    model._register_load_state_dict_pre_hook(hook)
    torch.save({"elsewhere": torch.ones(9)}, tmp_path / "x.pt")
    before = {name: each.clone() for name, each in model.state_dict().items()}

    with pytest.raises(CheckpointError, match="none of its 1 name is one of the model's"):
        load_into(open_checkpoint(tmp_path / "x.pt"), model)

    assert devices == {"meta"}
    for name, each in model.state_dict().items():
        assert torch.equal(each, before[name])


def test_a_file_of_more_than_the_model_holds_is_not_rehearsed(tmp_path):
    asked = []
    model = convolution()
    model._register_load_state_dict_pre_hook(lambda *given: asked.append(given))
    torch.save({"elsewhere": torch.ones(1 << 19)}, tmp_path / "x.pt")

    with pytest.raises(CheckpointError):
        load_into(open_checkpoint(tmp_path / "x.pt"), model)

    assert asked == []
