"""What a module answers is read as scores: any real tensor of them, and nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from gate.errors import CheckpointError, FactoryError
from gate.measure.inference.module_replica import copy_module
from gate.measure.inference.scores import scores_of
from gate.measure.inference.torch_runner import TorchRunner
from gate.subject.guard import Guard

GUARD = Guard("model.factory", Path())
SCORES = torch.tensor([[0.5, -1.0, 2.0], [1.5, 0.0, -2.0]])


class Tagged(torch.Tensor):
    pass


class Shy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError("do not touch")


class Posing:
    @property
    def __class__(self):
        raise ValueError("what am I?")


def read(answer):
    return scores_of(answer, 2, 3, GUARD)


@pytest.mark.parametrize(
    "answer",
    [
        SCORES,
        SCORES.double(),
        SCORES.half(),
        SCORES.bfloat16(),
        SCORES.to(torch.float8_e4m3fn),
        SCORES.clone().requires_grad_(),
        SCORES.T.contiguous().T,
        SCORES.repeat(1, 2)[:, :3],
        SCORES.to_sparse(),
        SCORES.as_subclass(Tagged),
        torch.nn.Parameter(SCORES),
    ],
    ids=[
        *("float32", "float64", "float16", "bfloat16", "float8", "with gradients", "transposed"),
        *("cut", "sparse", "of another class", "a parameter"),
    ],
)
def test_real_scores_are_read_however_they_are_held(answer):
    found = read(answer)

    assert found.dtype == np.float32
    assert type(found) is np.ndarray
    assert np.array_equal(found, SCORES.numpy())


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((SCORES,), "returned tuple, not a tensor"),
        ({"logits": SCORES}, "returned dict, not a tensor"),
        (None, "returned NoneType, not a tensor"),
        (SCORES.numpy(), "returned ndarray, not a tensor"),
        (SCORES.to("meta"), "on the meta device"),
        (SCORES.to(torch.complex64), "complex numbers (torch.complex64)"),
        (SCORES[:0], "the output has the shape (0, 3)"),
        (SCORES[:, :2], "the model has 2 outputs, the data has 3 classes"),
        (SCORES.sum(), "the output has the shape ()"),
        (torch.nested.nested_tensor([SCORES], layout=torch.jagged), "a nested tensor"),
    ],
)
def test_anything_else_is_told(answer, words):
    with pytest.raises(CheckpointError) as caught:
        read(answer)

    assert words in caught.value.fact
    assert caught.value.remedy


class Pair(NamedTuple):
    logits: torch.Tensor
    features: torch.Tensor


@dataclass
class Output(dict):
    """As transformers' ModelOutput: a mapping whose keys are attributes, too."""

    logits: torch.Tensor

    def __post_init__(self):
        self["logits"] = self.logits


@pytest.mark.parametrize(
    ("answer", "select"),
    [
        ({"logits": SCORES, "hidden": None}, "logits"),
        (Output(SCORES), "logits"),
        (Pair(SCORES, SCORES[:1]), "logits"),
        (Pair(SCORES, SCORES[:1]), 0),
        ((SCORES,), 0),
        ([None, SCORES], 1),
    ],
)
def test_the_scores_are_selected_in_an_answer_of_several(answer, select):
    assert np.array_equal(scores_of(answer, 2, 3, GUARD, select), SCORES.numpy())


@pytest.mark.parametrize(
    ("answer", "select", "fact", "remedy"),
    [
        ({"logits": SCORES}, None, "returned dict, not", "{select: KEY}; the keys are logits"),
        ((SCORES, SCORES), None, "returned tuple, not", "output: {select: 0}"),
        ({"aux": SCORES}, "logits", "without 'logits'", "the keys are aux"),
        ((SCORES,), 1, "without '1'", "{select: 0}"),
        ((SCORES,), "logits", "without 'logits'", "{select: 0}"),
        (SCORES, 0, "returned a tensor", "delete output.select"),
        ({"logits": None}, "logits", "returned NoneType", "factory"),
    ],
)
def test_what_cannot_be_selected_is_told_with_what_could(answer, select, fact, remedy):
    with pytest.raises(CheckpointError) as caught:
        scores_of(answer, 2, 3, GUARD, select)

    assert fact in caught.value.fact
    assert remedy in caught.value.remedy


@pytest.mark.parametrize("answer", [SCORES[:, 0], SCORES[:, :1], SCORES[:, :1].to_sparse()])
def test_a_single_output_is_a_score_where_there_are_two_classes(answer):
    assert scores_of(answer, 2, 2, GUARD).tolist() == [[0.5], [1.5]]
    with pytest.raises(CheckpointError, match="a single output, the data has 3 classes"):
        read(answer)


@pytest.mark.parametrize(
    "made", [lambda: SCORES.as_subclass(Shy), Posing], ids=["a tensor", "an object"]
)
def test_an_answer_that_raises_when_it_is_looked_at_is_told(made):
    with pytest.raises(FactoryError) as caught:
        read(made())

    assert caught.value.fact.startswith("looking at what its forward returned raised ")


class OneTensor(torch.nn.Module):
    """Answers with one and the same tensor, as code that spares memory does."""

    def __init__(self):
        super().__init__()
        self.out = torch.empty(2, 3)

    def forward(self, images):
        return self.out.copy_(images.flatten(1)[:, :3])


def test_an_answer_is_kept_when_the_module_gives_the_next_one():
    runner = TorchRunner.start(OneTensor(), ("a", "b", "c"), "cpu")
    first, second = np.random.default_rng(0).random((2, 2, 1, 2, 2), dtype=np.float32)

    kept = runner.outputs(first)
    runner.outputs(second)

    assert np.array_equal(kept, first.reshape(2, 4)[:, :3])


@pytest.mark.parametrize(
    "copied", [lambda self, memo: self, lambda self, memo: None, lambda self, memo: [][1]]
)
def test_a_module_that_does_not_let_itself_be_copied_has_none_beside_it(copied):
    kind = type("Own", (torch.nn.Linear,), {"__deepcopy__": copied})

    assert copy_module(kind(2, 2)) is None
