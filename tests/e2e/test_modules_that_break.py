"""Whatever a module of the user's does when it is touched, the run ends in words and in 4."""

import json

import pytest

BROKEN = """\
import os
import sys

import torch
from torch import nn

from nets import Brightness


class Untellable(Exception):
    def __str__(self):
        raise ValueError("nor this")


class Final(BaseException):
    pass


class StateRaises(Brightness):
    def state_dict(self, *args, **kwargs):
        raise NotImplementedError("no state")


class StateIsNone(Brightness):
    def state_dict(self, *args, **kwargs):
        return None


class StateIsText(Brightness):
    def state_dict(self, *args, **kwargs):
        return {"conv.weight": "text"}


class StateHasNumbersForNames(Brightness):
    def state_dict(self, *args, **kwargs):
        return {7: torch.zeros(1)}


class EvalRaises(Brightness):
    def eval(self):
        raise RuntimeError("always in training")


class TrainExits(Brightness):
    def train(self, mode=True):
        sys.exit(0)


class ToRaises(Brightness):
    def to(self, *args, **kwargs):
        raise RuntimeError("stays here")


class PreHookRaises(Brightness):
    def __init__(self):
        super().__init__()
        self._register_load_state_dict_pre_hook(self.hook)

    def hook(self, state, prefix, *rest):
        assert prefix + "conv.bias" in state, "this model needs conv.bias"


class PostHookRaises(Brightness):
    def __init__(self):
        super().__init__()
        self.register_load_state_dict_post_hook(lambda module, keys: [][1])


class LoadExits(Brightness):
    def load_state_dict(self, *args, **kwargs):
        sys.exit(0)


class OnMeta(Brightness):
    def __init__(self):
        super().__init__()
        self.to("meta")


class BufferOnMeta(Brightness):
    def __init__(self):
        super().__init__()
        self.register_buffer("spare", torch.empty(3, device="meta"), persistent=False)


class ParametersRaise(Brightness):
    def named_parameters(self, *args, **kwargs):
        raise LookupError("no parameters")


class ForwardExits(Brightness):
    def forward(self, images):
        sys.exit(0)


class ForwardInterrupts(Brightness):
    def forward(self, images):
        raise KeyboardInterrupt


class ForwardLeaves(Brightness):
    def forward(self, images):
        os._exit(9)


class ForwardIsFinal(Brightness):
    def forward(self, images):
        raise Final("nobody catches me")


class ForwardCannotTell(Brightness):
    def forward(self, images):
        raise Untellable


class ForwardRecurses(Brightness):
    def forward(self, images):
        return self.forward(images)


class ForwardWantsMemory(Brightness):
    def forward(self, images):
        raise MemoryError


class ForwardGroups(Brightness):
    def forward(self, images):
        raise ExceptionGroup("several", [ValueError("the first"), TypeError("the second")])


class ForwardYields(Brightness):
    def forward(self, images):
        yield super().forward(images)


class Sparse(Brightness):
    def forward(self, images):
        return super().forward(images)[:, :1].repeat(1, 3).to_sparse()


class Complex(Brightness):
    def forward(self, images):
        return super().forward(images).to(torch.complex64)


class OutOnMeta(Brightness):
    def forward(self, images):
        return super().forward(images).to("meta")


class ZeroRows(Brightness):
    def forward(self, images):
        return super().forward(images)[:0]


class NotANumber(Brightness):
    def forward(self, images):
        return super().forward(images) * float("nan")


class Shy(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        raise RuntimeError("do not touch")


class AnswerRaises(Brightness):
    def forward(self, images):
        return super().forward(images).as_subclass(Shy)


class LayersRaise(Brightness):
    asked = False

    def forward(self, images):
        self.asked = True
        raise ValueError("first")

    def named_modules(self, *args, **kwargs):
        if self.asked:
            raise ValueError("second")
        return super().named_modules(*args, **kwargs)


class Lazy(Brightness):
    def __init__(self):
        super().__init__()
        self.rest = nn.LazyLinear(3)


class Posing:
    @property
    def __class__(self):
        raise ValueError("what am I?")


class Odd(type):
    def __getattr__(cls, name):
        raise ValueError(name)


class Static(metaclass=Odd):
    pass


def leaves():
    os._exit(9)


def generates():
    yield Brightness()
"""

# A factory, the kind of the error, and what the reader is told.
WAYS = {
    "StateRaises": ("factory", "its state_dict() raised NotImplementedError: no state"),
    "StateIsNone": ("factory", "its state_dict() raised TypeError"),
    "StateIsText": ("mismatch", "more than tensors in its state_dict: conv.weight"),
    "StateHasNumbersForNames": ("mismatch", "names that are no text"),
    "EvalRaises": ("factory", "its eval() raised RuntimeError: always in training (broken.py:"),
    "TrainExits": ("factory", "its eval() raised SystemExit: 0"),
    "ToRaises": ("factory", "its move to cpu raised RuntimeError: stays here"),
    "PreHookRaises": ("mismatch", "AssertionError: this model needs conv.bias (broken.py:"),
    "PostHookRaises": ("mismatch", "did not take its weights (IndexError"),
    "LoadExits": ("mismatch", "did not take its weights (SystemExit: 0"),
    "OnMeta": ("factory", "3 tensors without values after its weights were loaded: conv.weight"),
    "BufferOnMeta": ("factory", "1 tensor without values after its weights were loaded: spare"),
    "ParametersRaise": ("factory", "looking at its parameters raised LookupError: no parameters"),
    "ForwardExits": ("factory", "its forward raised SystemExit: 0 (broken.py:"),
    "ForwardInterrupts": ("factory", "its forward raised KeyboardInterrupt (broken.py:"),
    "ForwardLeaves": ("factory", "its forward raised SystemExit: os._exit(9) (broken.py:"),
    "ForwardIsFinal": ("factory", "its forward raised Final: nobody catches me"),
    "ForwardCannotTell": ("mismatch", "Untellable: its text cannot be written, broken.py:"),
    "ForwardRecurses": ("mismatch", "RecursionError: maximum recursion depth exceeded"),
    "ForwardWantsMemory": ("mismatch", "MemoryError: no message"),
    "ForwardGroups": ("mismatch", "ExceptionGroup: several (2 sub-exceptions)"),
    "ForwardYields": ("mismatch", "the model returned generator, not a tensor"),
    "Sparse": ("mismatch", "the model has 3 outputs, the data has 2 classes"),
    "Complex": ("mismatch", "the model returned complex numbers (torch.complex64)"),
    "OutOnMeta": ("mismatch", "on the meta device, which holds no values"),
    "ZeroRows": ("mismatch", "the output has the shape (0, 2)"),
    "NotANumber": ("numerically-bad", "is NaN or infinite"),
    "AnswerRaises": ("factory", "looking at what its forward returned raised RuntimeError: do not"),
    "LayersRaise": ("mismatch", "ValueError: first, broken.py:"),
    "Lazy": ("mismatch", "2 tensors missing: rest.weight, rest.bias"),
    "Posing": ("factory", "looking at what it returned raised ValueError: what am I?"),
    "Static.build": ("factory", "looking for 'build' raised ValueError: build (broken.py:"),
    "leaves": ("factory", "raised SystemExit: os._exit(9) (broken.py:"),
    "generates": ("factory", "returned generator, not a torch.nn.Module"),
}


@pytest.fixture
def broken(project):
    """Return the project, and a function that writes the gate file with one of the factories."""
    project.write("broken.py", BROKEN)
    project.npz("test.npz", 4, seed=2)

    def model(factory):
        return {"checkpoint": "model.pt", "factory": f"broken:{factory}"}

    project.broken = model
    project.gatefile["data"] = {"test": {"path": "test.npz"}}
    return project


def assert_told(ran, kind, words):
    """Assert that a run ended in 4 with a place, a fact and a remedy, and no traceback."""
    assert ran.status == 4, ran.err + ran.out
    assert ran.report["verdict"] == "error"
    (error,) = ran.report["errors"]
    assert error["kind"] == kind
    assert words in error["message"]
    assert error["where"]
    assert error["remedy"]
    assert "Traceback" not in ran.out + ran.err


@pytest.mark.parametrize("factory", WAYS)
def test_a_module_that_breaks_is_told_of_in_words(broken, factory):
    assert_told(broken.run("--no-cache", model=broken.broken(factory)), *WAYS[factory])


HONEST = '''\
import torch
from torch import nn

from nets import Brightness


class TrainGivesNothing(Brightness):
    def train(self, mode=True):
        super().train(mode)


class ToGivesNothing(Brightness):
    def to(self, *args, **kwargs):
        super().to(*args, **kwargs)


class SameTensorEveryTime(Brightness):
    def __init__(self):
        super().__init__()
        self.answers = {}

    def forward(self, images):
        out = self.answers.setdefault(len(images), torch.empty(len(images), 2))
        return out.copy_(super().forward(images))


class SparseAnswers(Brightness):
    def forward(self, images):
        return super().forward(images).to_sparse()


class DoubleTransposed(Brightness):
    def forward(self, images):
        return super().forward(images).double().T.contiguous().T


class WithGradients(Brightness):
    def forward(self, images):
        with torch.inference_mode(False), torch.enable_grad():
            return super().forward(images.clone()) * torch.ones(1, requires_grad=True)


class SparseBuffer(Brightness):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.ones(2, 2, 2, 2).to_sparse(), persistent=False)


class OwnLoading(Brightness):
    """Takes its weights over from the checkpoint, as modules built on the meta device do."""

    def __init__(self):
        super().__init__()
        self.to("meta")

    def load_state_dict(self, state, strict=True, assign=False):
        return super().load_state_dict(state, strict=strict, assign=True)


class Lazy(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.LazyConv2d(1, 1, bias=False)
        self.head = nn.LazyLinear(2)

    forward = Brightness.forward
'''


@pytest.mark.parametrize(
    "factory",
    [
        "TrainGivesNothing",
        "ToGivesNothing",
        "SameTensorEveryTime",
        "SparseAnswers",
        "DoubleTransposed",
        "WithGradients",
        "SparseBuffer",
        "OwnLoading",
        "Lazy",
    ],
)
def test_a_module_that_is_only_unusual_is_judged_like_a_plain_one(project, factory):
    project.write("honest.py", HONEST)
    project.npz("test.npz", 50, seed=2, wrong=5)
    project.gatefile["data"] = {"test": {"path": "test.npz"}}

    ran = project.run(
        "--no-cache", model={"checkpoint": "model.pt", "factory": f"honest:{factory}"}
    )

    plain = project.run("--no-cache")
    assert ran.report["errors"] == []
    assert len(plain.report["metrics"]) > 5
    for metric, other in zip(ran.report["metrics"], plain.report["metrics"], strict=True):
        # torch's fused form of a plain module rounds otherwise.
        assert metric["value"] == pytest.approx(other["value"], rel=1e-5)
    assert ran.status == plain.status


@pytest.mark.slow
@pytest.mark.parametrize("means", [(), ("--workers", "2")], ids=["apart", "workers"])
@pytest.mark.parametrize("factory", ["TrainExits", "ForwardExits", "ForwardInterrupts", "OnMeta"])
def test_it_is_told_by_every_process_that_measures(broken, factory, means):
    broken.write_gatefile(model=broken.broken(factory))

    assert_told(broken.process("run", "--no-cache", *means), *WAYS[factory])


@pytest.mark.slow
def test_a_worker_that_its_model_ends_is_told_of(broken):
    broken.write_gatefile(model=broken.broken("ForwardLeaves"))

    ran = broken.process("run", "--no-cache", "--workers", "2")

    assert_told(ran, "subject", "a worker process died, perhaps for want of memory, or the user's")


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["ForwardExits", "StateRaises", "ForwardInterrupts"])
def test_a_shard_of_it_ends_in_words(broken, factory):
    broken.write_gatefile(model=broken.broken(factory))

    ran = broken.process("shard", "--no-cache", "--index", "0", "--of", "1")

    _, words = WAYS[factory]
    assert ran.status == 4
    assert words in ran.err
    assert "Traceback" not in ran.out + ran.err


SETS = """\
import os
import sys

import numpy as np


class Set:
    classes = ["dark", "bright"]

    def __len__(self):
        print("its length is asked for")
        return 4

    def __getitem__(self, index):
        return np.full((8, 8), 40 + 170 * (index % 2), np.uint8), index % 2


class LengthExits(Set):
    def __len__(self):
        sys.exit(0)


class LengthLeaves(Set):
    def __len__(self):
        os._exit(9)


class ItemExits(Set):
    def __getitem__(self, index):
        sys.exit(0)


def leaves():
    os._exit(9)
"""


@pytest.mark.parametrize(
    ("factory", "words"),
    [
        ("LengthExits", "its Dataset raised SystemExit: 0 (sets.py:"),
        ("LengthLeaves", "its Dataset raised SystemExit: os._exit(9) (sets.py:"),
        ("ItemExits", "its Dataset raised SystemExit: 0 (sets.py:"),
        ("leaves", "raised SystemExit: os._exit(9) (sets.py:"),
    ],
)
def test_a_dataset_that_ends_the_program_is_told_of(project, factory, words):
    project.write("sets.py", SETS)

    ran = project.run("--no-cache", data={"test": {"factory": f"sets:{factory}"}})

    assert_told(ran, "factory", words)


def test_what_a_dataset_prints_stays_out_of_the_document(project):
    project.write("sets.py", SETS)

    ran = project.run("--no-cache", "--format", "json", data={"test": {"factory": "sets:Set"}})

    assert json.loads(ran.out)
    assert "its length is asked for" in ran.err


LOUD = """\
import os

from sets import Set


class Loud(Set):
    def __len__(self):
        os.write(1, b"of compiled code")
        os.system("echo of a process")
        return 4


class Shut(Set):
    def __len__(self):
        os.close(1)
        return 4
"""


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["Loud", "Shut"])
def test_what_is_written_past_python_stays_out_of_the_document_too(project, factory):
    project.write("sets.py", SETS)
    project.write("loud.py", LOUD)
    project.write_gatefile(data={"test": {"factory": f"loud:{factory}"}})

    ran = project.process("run", "--no-cache", "--format", "json")

    assert json.loads(ran.out)["verdict"] == ran.report["verdict"]
    assert ("of a process" in ran.err) is (factory == "Loud")


HOARDING = """\
from nets import Brightness


class Hoards(Brightness):
    held = []

    def forward(self, images):
        try:
            while True:
                self.held.append(open("/dev/null"))
        except OSError:
            return super().forward(images)
"""


@pytest.mark.slow
def test_a_module_that_takes_what_there_is_to_open_is_told_of(project):
    project.write("hoarding.py", HOARDING)
    project.npz("test.npz", 4, seed=2)
    model = {"checkpoint": "model.pt", "factory": "hoarding:Hoards"}
    project.write_gatefile(data={"test": {"path": "test.npz"}}, model=model)

    ran = project.process("run", "--no-cache")

    assert_told(ran, "subject", "has no room, or no way to go on (OSError: [Errno 24] Too many")
    assert ran.report["errors"][0]["retriable"]


LEAVING = """\
import atexit
import os
import threading
import time

from sets import Set


class AtTheEnd(Set):
    def __len__(self):
        atexit.register(os._exit, 0)
        return 4


class GoesOn(Set):
    def __len__(self):
        threading.Thread(target=time.sleep, args=(300,)).start()
        return 4
"""


@pytest.mark.slow
@pytest.mark.parametrize("factory", ["AtTheEnd", "GoesOn"])
def test_what_a_dataset_leaves_behind_does_not_choose_the_status(project, factory):
    project.write("sets.py", SETS)
    project.write("leaving.py", LEAVING)
    project.write_gatefile(data={"test": {"factory": f"leaving:{factory}"}})

    ran = project.process("run", "--no-cache", timeout=120)

    assert ran.report["verdict"] == "inconclusive"  # by a few images
    assert ran.status == 3
