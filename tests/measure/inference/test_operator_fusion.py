"""Fused modules answer as they stand, or are not fused."""

import os
import platform
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from gate.measure.inference import operator_fusion as room
from gate.measure.inference.operator_fusion import TOLERANCE
from gate.measure.inference.torch_runner import TorchRunner
from gate.measure.partials.work_units import pad

CLASSES = ("a", "b", "c")
BATCH, SIDE = 16, 12


def convolution():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3), nn.BatchNorm2d(16), nn.Hardswish(), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Dropout(), nn.Linear(16, 3),
    )  # fmt: skip


def depthwise():
    return nn.Sequential(
        nn.Conv2d(3, 12, 1, bias=False), nn.BatchNorm2d(12), nn.ReLU6(),
        nn.Conv2d(12, 12, 3, groups=12, stride=2), nn.BatchNorm2d(12), nn.SiLU(),
        nn.Flatten(), nn.Linear(12 * 25, 3),
    )  # fmt: skip


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        first = functional.relu(self.norm(self.first(images)))
        return self.head(functional.relu(first + self.second(first)).mean(dim=(2, 3)))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, stride=4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
        self.head = nn.Linear(8, 3)

    def forward(self, images):
        return self.head(self.layer(self.patches(images).flatten(2).mT).mean(dim=1))


class Block(nn.Module):
    """As in ConvNeXt (Liu and others, 2022); the compiler does not take it."""

    def __init__(self):
        super().__init__()
        self.wide = nn.Conv2d(3, 12, 7, padding=3)
        self.each = nn.Conv2d(12, 12, 7, padding=3, groups=12)
        self.norm = nn.LayerNorm(12)
        self.up, self.down = nn.Linear(12, 48), nn.Linear(48, 12)
        self.scale = nn.Parameter(torch.full((12,), 0.1))
        self.head = nn.Linear(12, 3)

    def forward(self, images):
        images = self.wide(images)
        inner = self.norm(self.each(images).permute(0, 2, 3, 1))
        inner = self.down(functional.gelu(self.up(inner))) * self.scale
        return self.head((images + inner.permute(0, 3, 1, 2)).mean(dim=(2, 3)))


def perceptron():
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 32), nn.GELU(), nn.Linear(32, 3))


def hooked():
    model = convolution()
    model[0].register_forward_hook(doubled)
    return model


def doubled(_module, _given, answer):
    return 2 * answer


FUSED = [convolution, depthwise, Residual, Attention, Block, perceptron, hooked]


def made(kind):
    """Return a module in evaluation mode whose normalisations have seen something."""
    torch.manual_seed(0)
    model = kind()
    with torch.no_grad():
        for _ in range(3):
            model.train()(torch.randn(BATCH, 3, SIDE, SIDE) * 2 + 1)
    return model.eval()


def images(seed=0, count=BATCH):
    found = np.random.default_rng(seed).random((count, 3, SIDE, SIDE), dtype=np.float32)
    return torch.from_numpy(found).contiguous(memory_format=torch.channels_last)


def answers(module, given):
    with torch.inference_mode():
        return module(given)


def as_it_is():
    """Leave torch the threads that it has."""


def fuse(model, given):
    """Return what the module is fused to, when its answers to these images are known."""
    return room.fuse(model, given, torch.as_tensor(answers(model, given)), as_it_is)


@pytest.fixture(autouse=True)
def one_thread():
    """Let torch have one thread, as every lane has."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("kind", FUSED, ids=lambda kind: kind.__name__)
def test_fused_answers_are_those_of_the_module(kind):
    model = made(kind)
    ready = fuse(model, images())

    for seed in range(5):
        expected, found = (answers(each, images(seed) * 3 - 1) for each in (model, ready.module))
        assert (found - expected).abs().max() <= TOLERANCE * max(expected.abs().max(), 1)


@pytest.mark.parametrize("kind", FUSED, ids=lambda kind: kind.__name__)
def test_the_same_batch_gets_the_same_bits_again(kind):
    ready = fuse(made(kind), images()).module

    again = [answers(ready, images(1)).numpy().tobytes() for _ in range(5)]

    assert len(set(again)) == 1


@pytest.mark.parametrize("kind", FUSED, ids=lambda kind: kind.__name__)
def test_two_modules_that_are_fused_give_the_same_bits(kind):
    one, other = (fuse(made(kind), images(seed)).module for seed in (0, 9))

    assert answers(one, images(1)).numpy().tobytes() == answers(other, images(1)).numpy().tobytes()


@pytest.mark.parametrize("kind", FUSED, ids=lambda kind: kind.__name__)
def test_many_threads_get_the_same_bits(kind):
    ready = fuse(made(kind), images()).module
    given = [images(seed) for seed in range(4)] * 10

    with ThreadPoolExecutor(4, initializer=partial(torch.set_num_threads, 1)) as pool:
        found = list(pool.map(lambda each: answers(ready, each), given))

    for index, each in enumerate(found):
        assert torch.equal(each, answers(ready, given[index]))


def test_a_module_is_profiled_in_all_threads_and_compiled_for_those_that_are_left(monkeypatch):
    model, given, asked = made(convolution), images(), []
    known, freeze = answers(model, given), torch.jit.freeze

    class Watched:
        def __init__(self, traced):
            self.ready = freeze(traced)
            self.graph = self.ready.graph

        def __call__(self, batch):
            asked.append(torch.get_num_threads())
            return self.ready(batch)

    monkeypatch.setattr(torch.jit, "freeze", Watched)
    torch.set_num_threads(2)
    ready = room.fuse(model, given, known, lambda: torch.set_num_threads(1))

    assert ready is not None
    assert asked == [2, 1]


def groups_of(ready):
    """Return how many groups of layers the compiler made of the module that answered last."""
    answers(ready, images())
    return str(torch.jit.last_executed_optimized_graph()).count("= prim::oneDNNFusionGroup")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the compiler is made for these")
def test_layers_are_compiled_together_and_a_module_that_cannot_be_is_only_folded():
    assert groups_of(fuse(made(convolution), images()).module) > 1
    assert groups_of(fuse(made(Block), images()).module) == 0


@pytest.mark.slow
def test_where_torch_was_told_to_trace_nothing_nothing_is_fused():
    script = (
        "import torch\n"
        "from gate.measure.inference.operator_fusion import fuse\n"
        "model, images = torch.nn.Linear(2, 2).eval(), torch.rand(16, 2)\n"
        "print(fuse(model, images, model(images).detach(), lambda: None))\n"
    )
    said = [
        subprocess.run(
            [sys.executable, "-c", script], env=os.environ | {"PYTORCH_JIT": each},
            capture_output=True, text=True, check=True,
        ).stdout
        for each in "01"
    ]  # fmt: skip

    assert said[0] == "None\n"
    assert said[1].startswith("Fused(")


class Scratch(nn.Module):
    """Adds up in a buffer that it holds, and leaves it as it was."""

    def __init__(self):
        super().__init__()
        self.register_buffer("sums", torch.zeros(3))
        self.layer = nn.Linear(3 * SIDE * SIDE, 3)

    def forward(self, images):
        scores = self.layer(images.flatten(1))
        self.sums += scores.mean(dim=0)
        scores = scores - self.sums
        self.sums.zero_()
        return scores


class Fresh(Scratch):
    """Computes the same, and holds nothing that it writes to."""

    def forward(self, images):
        scores = self.layer(images.flatten(1))
        return scores - (torch.zeros(3) + scores.mean(dim=0))


def test_what_lanes_would_share_and_write_to_is_not_fused():
    assert fuse(Fresh().eval(), images()) is not None
    assert fuse(Scratch().eval(), images()) is None


def test_a_torch_without_the_compiler_folds(monkeypatch):
    def refused(_wanted):
        raise RuntimeError("Running oneDNN Graph fuser is only supported with MKLDNN builds.")

    monkeypatch.setattr(torch.jit, "enable_onednn_fusion", refused)

    ready = fuse(made(convolution), images())

    assert groups_of(ready.module) == 0
    assert "aten::batch_norm" not in str(ready.module.inlined_graph)


def test_the_compiler_takes_part_in_nothing_else():
    for kind in (convolution, Block, lambda: Scores(branch)):
        fuse(made(kind), images())

        assert not torch.jit.onednn_fusion_enabled()


class Scores(nn.Module):
    """A layer, and what a function makes of the images and its scores."""

    def __init__(self, function):
        super().__init__()
        self.layer = nn.Linear(3 * SIDE * SIDE, 3)
        self.function = function

    def forward(self, images):
        return self.function(images, self.layer(images.flatten(1)))


def branch(images, scores):
    return scores if images.mean() > 0 else -scores


def number(images, scores):
    return scores * images.max().item()


def position(images, scores):
    return scores * [1, 2, 3][scores[0].argmax()]


def comparison(images, scores):
    return scores if torch.equal(images, images.flip(0)) else -scores


def closeness(images, scores):
    return scores if torch.allclose(images, images + 1) else -scores


def emptiness(images, scores):
    return scores if images.sum().is_nonzero() else -scores


def array(images, scores):
    return scores * float(images.numpy().max())


def loop(images, scores):
    return sum(row.max() for row in images) * scores


def unheard(images, scores):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scores if images.mean() > 0 else -scores


def unheard_array(images, scores):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scores * float(images.numpy().std())


def caught(images, scores):
    try:
        return scores if images.mean() > 0 else -scores
    except Exception:
        return scores


LOOKING = [
    branch, number, position, comparison, closeness, emptiness, array, loop,
    unheard, unheard_array, caught,
]  # fmt: skip


@pytest.mark.parametrize("function", LOOKING, ids=lambda function: function.__name__)
def test_python_that_looks_at_values_is_not_frozen(function):
    assert fuse(Scores(function).eval(), images()) is None


def test_what_does_not_look_is_fused():
    assert fuse(Scores(lambda images, scores: scores * images.mean()).eval(), images()) is not None


def test_a_module_that_is_another_one_when_traced_is_not_fused():
    def wise(images, scores):
        return scores + torch.jit.is_tracing()

    assert fuse(Scores(wise).eval(), images()) is None


def test_a_module_that_draws_is_not_fused():
    def noisy(images, scores):
        return scores + torch.rand(3)

    assert fuse(Scores(noisy).eval(), images()) is None


def test_answers_further_apart_than_the_tolerance_are_no_agreement(monkeypatch):
    trace = torch.jit.trace

    def shifted(by):
        def traced(model, *given, **said):
            return trace(nn.Sequential(model, Shift(by)).eval(), *given, **said)

        monkeypatch.setattr(room._jit, "trace", traced)
        return fuse(made(perceptron), images())

    assert shifted(0.1 * TOLERANCE) is not None
    assert shifted(2 * TOLERANCE) is None


class Shift(nn.Module):
    def __init__(self, by):
        super().__init__()
        self.by = by

    def forward(self, scores):
        return scores + self.by


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_answers_that_are_no_numbers_agree_with_nothing(value):
    model = made(perceptron)
    with torch.no_grad():
        model[3].bias[1] = value

    assert fuse(model, images()) is None


def test_what_torch_cannot_trace_is_not_fused():
    model = Scores(lambda images, scores: {"scores": scores}).eval()

    assert room.fuse(model, images(), answers(model, images())["scores"], as_it_is) is None


def test_a_large_module_is_not_fused(monkeypatch):
    model = made(perceptron)
    size = sum(each.numel() for each in model.parameters())

    monkeypatch.setattr(room, "MOST_PARAMETERS", size)
    assert fuse(model, images()) is not None

    monkeypatch.setattr(room, "MOST_PARAMETERS", size - 1)
    assert fuse(model, images()) is None


@pytest.mark.parametrize("kind", [convolution, Attention, lambda: Scores(branch)])
def test_no_warning_of_torch_is_let_out(kind):
    model = made(kind)

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        fuse(model, images())

    assert [str(each.message) for each in said] == []


def test_fusing_leaves_the_module_as_it_was():
    model = made(Residual)
    before = answers(model, images(1))

    fuse(model, images())

    assert torch.equal(answers(model, images(1)), before)
    assert not model.training
    assert all(each.requires_grad for each in model.parameters())


class Told(nn.Module):
    """Says which batches it is asked itself; a trace does not."""

    def __init__(self):
        super().__init__()
        self.inner = convolution()

    def forward(self, images):
        ASKED.append(tuple(images.shape))
        return self.inner(images)


ASKED = []


def quickened(runner, given):
    return replace(runner, fused=runner.fuse_for(given, runner.outputs(given), as_it_is))


def test_a_batch_of_another_shape_is_answered_by_the_module_itself():
    plain = TorchRunner.start(made(Told), CLASSES, "cpu")
    quick = quickened(plain, images().numpy())
    assert quick.fused is not None
    ASKED.clear()

    whole = quick.outputs(images(1).numpy())
    few = quick.outputs(images(1).numpy()[:5])
    larger = quick.outputs(images(1).repeat(1, 1, 2, 2).numpy())

    assert ASKED == [(5, 3, SIDE, SIDE), (BATCH, 3, 2 * SIDE, 2 * SIDE)]
    assert whole.shape == larger.shape == (BATCH, 3)
    assert few.tobytes() == plain.outputs(images(1).numpy()[:5]).tobytes()


def test_a_short_batch_has_the_bits_of_a_whole_one():
    given = images(1).numpy()
    quick = quickened(TorchRunner.start(made(convolution), CLASSES, "cpu"), given)

    short = quick.outputs(pad(given[:3], BATCH))[:3]

    assert short.tobytes() == quick.outputs(given)[:3].tobytes()


class InPlace(nn.Module):
    """Works on the very images that it is given."""

    def __init__(self):
        super().__init__()
        self.inner = convolution()

    def forward(self, images):
        return self.inner(images.sub_(0.5).mul_(3))


def test_a_module_that_works_in_place_is_fused_and_changes_no_image_that_is_kept():
    runner = TorchRunner.start(made(InPlace), CLASSES, "cpu")
    given = np.ascontiguousarray(images().numpy().transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    outputs = runner.outputs(given.copy())
    before = given.copy()

    quick = replace(runner, fused=runner.fuse_for(given, outputs, as_it_is))

    assert quick.fused is not None
    assert np.array_equal(given, before)
    assert quick.outputs(given.copy()) == pytest.approx(outputs, abs=1e-5)


def test_a_module_that_counts_the_bytes_of_a_batch_is_not_fused():
    def counted(images, scores):
        return scores[: images.nbytes // (4 * 3 * SIDE * SIDE)]

    model = Scores(counted).eval()
    given = images()

    assert room.fuse(model, given, answers(model, given)[:2], as_it_is) is None
