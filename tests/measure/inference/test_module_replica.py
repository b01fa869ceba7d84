"""What a module is besides its weights, and copies that share nothing but those."""

import io
import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gate.measure.inference.module_replica import _Writing, copy_module, state_of
from gate.measure.inference.torch_runner import TorchRunner

CLASSES = ("cat", "dog")


def as_they_are():
    """Leave torch the threads that it has."""


class Plain(nn.Module):
    """Normalises and multiplies."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.head = nn.Linear(16, 2)

    def forward(self, images):
        return self.head(self.norm(images).flatten(1))


class Counting(Plain):
    """Counts its batches in an attribute."""

    batches = 0

    def forward(self, images):
        self.batches = self.batches + 1
        return super().forward(images)


class Averaging(Plain):
    """Changes a buffer, in evaluation mode too."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(1))

    def forward(self, images):
        self.seen += images.mean()
        return super().forward(images)


class Remembering(Plain):
    """Keeps what it saw in a list."""

    def __init__(self):
        super().__init__()
        self.shapes = []

    def forward(self, images):
        self.shapes.append(tuple(images.shape))
        return super().forward(images)


class Drawing(Plain):
    """Draws from a generator of its own."""

    def __init__(self):
        super().__init__()
        self.random = np.random.default_rng(0)

    def forward(self, images):
        return super().forward(images) + float(self.random.random())


class Learning(Plain):
    """Changes its weights while it is asked."""

    def forward(self, images):
        self.head.weight.mul_(1.001)
        return super().forward(images)


def with_a_lambda_hook():
    model = Plain()
    model.register_forward_hook(lambda *_: None)
    return model


def with_a_local_function():
    seen = []

    def hook(*_):
        seen.append(1)

    model = Plain()
    model.head.register_forward_pre_hook(hook)
    return model


def with_a_lock():
    model = Plain()
    model.lock = threading.Lock()
    return model


def with_a_generator():
    model = Plain()
    model.numbers = (each for each in range(9))
    return model


UNKNOWN = [with_a_lambda_hook, with_a_local_function, with_a_lock, with_a_generator]
REMEMBERING = [Counting, Averaging, Remembering, Drawing, Learning]


def images(count=16):
    return np.random.default_rng(0).random((count, 1, 4, 4), dtype=np.float32)


def started(model):
    torch.manual_seed(0)
    return TorchRunner.start(model, CLASSES, "cpu")


def asked(model):
    runner = started(model)
    runner.outputs(images())
    return runner


@pytest.mark.parametrize("kind", UNKNOWN, ids=lambda kind: kind.__name__)
def test_what_may_hold_on_to_anything_has_no_known_state(kind):
    assert state_of(kind()) is None


def test_a_state_is_the_same_until_something_changes():
    model = Plain().eval()
    before = state_of(model)

    with torch.inference_mode():
        model(torch.from_numpy(images()))

    assert before is not None
    assert state_of(model) == before


@pytest.mark.parametrize("kind", REMEMBERING, ids=lambda kind: kind.__name__)
def test_a_module_that_remembers_is_seen_to_have_changed(kind):
    model = kind().eval()
    before = state_of(model)

    with torch.inference_mode():
        model(torch.from_numpy(images()))

    assert before is not None
    assert state_of(model) != before


@pytest.mark.parametrize(
    "change",
    [
        lambda model: model.norm.running_mean.add_(1),
        lambda model: model.train(),
        lambda model: setattr(model.norm, "eps", 1e-3),
        lambda model: setattr(model, "head", nn.Linear(16, 2)),
    ],
    ids=["buffer", "mode", "constant", "layer"],
)
def test_what_a_module_holds_is_part_of_its_state(change):
    model = Plain().eval()
    before = state_of(model)

    change(model)

    assert state_of(model) != before


def test_the_values_of_parameters_are_not_written_down():
    model = nn.Linear(4000, 1000)  # 16 MB
    written = io.BytesIO()

    _Writing(written, {id(each) for each in model.parameters()}).dump(model)

    assert len(written.getbuffer()) < 10_000


def test_a_copy_shares_its_parameters_and_nothing_else():
    model = Remembering().eval()

    other = copy_module(model)

    assert [id(each) for each in other.parameters()] == [id(each) for each in model.parameters()]
    for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
        assert mine.data_ptr() != theirs.data_ptr()
        assert torch.equal(mine, theirs)
    assert other.shapes is not model.shapes


def test_a_copy_answers_the_same_bits():
    runner = asked(Plain())

    assert runner.replicate().outputs(images()).tobytes() == runner.outputs(images()).tobytes()


def test_weights_that_are_tied_are_tied_in_the_copy():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = model[0].weight

    other = copy_module(model)

    assert other[1].weight is other[0].weight is model[0].weight


def test_what_torch_does_not_copy_has_no_copy():
    model = Plain()
    model.scale = model.head.weight * 2  # not a leaf: torch refuses to copy it

    assert state_of(model) is not None
    assert copy_module(model) is None
    assert asked(model).replicate() is None
    assert asked(model).fuse_for(images(), asked(model).outputs(images()), as_they_are) is None


@pytest.mark.parametrize("kind", [*UNKNOWN, *REMEMBERING], ids=lambda kind: kind.__name__)
def test_a_module_that_may_remember_is_asked_alone_and_as_it_stands(kind):
    runner = asked(kind())

    assert runner.replicate() is None
    assert runner.fuse_for(images(), runner.outputs(images()), as_they_are) is None


def test_a_module_without_state_is_put_beside_and_fused():
    runner = asked(Plain())

    assert runner.replicate().model is not runner.model
    assert runner.fuse_for(images(), runner.outputs(images()), as_they_are) is not None


def test_the_state_is_that_before_the_first_image():
    model = Counting()
    runner = asked(model)
    again = started(model)

    assert runner.replicate() is None
    assert again.replicate() is not None  # nobody has asked this one yet


def test_off_the_cpu_a_module_is_asked_alone():
    here = asked(Plain())
    runner = replace(here, place=torch.device("meta"))

    assert runner.replicate() is None
    assert runner.fuse_for(images(), here.outputs(images()), as_they_are) is None
