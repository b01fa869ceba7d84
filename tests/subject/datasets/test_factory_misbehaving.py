"""A user's Dataset whose methods and items raise, lie, or end the program: always in words."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gate.errors import DataError, FactoryError
from gate.subject.datasets.factory import MOST_ITEMS
from gate.subject.datasets.records import UnreadableImage

HEAD = """\
import os
import sys

import numpy as np
import torch
from PIL import Image

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


class Final(BaseException):
    pass


class Set:
    classes = ["cat", "dog"]

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return ITEM(), 0


def ITEM():
    return PIXELS


def build():
    return Set()


"""


@pytest.fixture
def dataset(tmp_path, opened):
    """Open a Dataset that is like any other but for a few lines."""

    def open_it(lines):
        (tmp_path / "sets.py").write_text(HEAD + lines)
        return opened(factory="sets:build")

    return open_it


NOT_OPENED = {
    "no length": (
        "def length(self):\n    raise LookupError('no index')\nSet.__len__ = length\n",
        "its Dataset raised LookupError: no index (sets.py:",
    ),
    "a length that exits": (
        "Set.__len__ = lambda self: sys.exit(0)\n",
        "its Dataset raised SystemExit: 0 (sets.py:",
    ),
    "a length that leaves": (
        "Set.__len__ = lambda self: os._exit(9)\n",
        "its Dataset raised SystemExit: os._exit(9) (sets.py:",
    ),
    "a length that is a text": (
        "Set.__len__ = lambda self: 'two'\n",
        "its Dataset raised TypeError: 'str' object cannot be interpreted as an integer",
    ),
    "a negative length": (
        "Set.__len__ = lambda self: -1\n",
        "its Dataset raised ValueError: __len__() should return >= 0",
    ),
    "attributes that raise": (
        "def get(self, name):\n    raise ValueError(name)\nSet.__getattr__ = get\n",
        "looking at its Dataset raised ValueError: dataset (sets.py:",
    ),
    "classes that raise": (
        "Set.classes = property(lambda self: [][1])\n",
        "looking for the classes of its Dataset raised IndexError: list index out of range",
    ),
    "a class that raises": (
        "class Posing(Set):\n    __class__ = property(lambda self: 1 / 0)\nbuild = Posing\n",
        "looking at its Dataset raised ZeroDivisionError",
    ),
    "an import that is final": ("raise Final('at once')\n", "importing sets raised Final: at once"),
    "an import that leaves": ("os._exit(9)\n", "importing sets raised SystemExit: os._exit(9)"),
}


@pytest.mark.parametrize("title", NOT_OPENED)
def test_one_that_cannot_be_opened_is_told_of(title, dataset):
    lines, words = NOT_OPENED[title]

    with pytest.raises(FactoryError) as caught:
        dataset(lines)

    assert words in caught.value.fact
    assert caught.value.remedy


def test_more_items_than_there_can_be_are_not_listed(dataset):
    with pytest.raises(DataError, match=f"more than the {MOST_ITEMS:,} that are read"):
        dataset("Set.__len__ = lambda self: 2 ** 40\n")


UNREADABLE = {
    "an item that raises": ("def ITEM():\n    raise OSError('gone')\n", "OSError: gone (sets.py:"),
    "an error without a text": (
        (
            "class Mute(Exception):\n    def __str__(self):\n        raise ValueError\n"
            "def ITEM():\n    raise Mute\n"
        ),
        "Mute: its text cannot be written",
    ),
    "one that recurses": ("def ITEM():\n    return ITEM()\n", "RecursionError"),
    "a group of errors": (
        "def ITEM():\n    raise ExceptionGroup('two', [OSError('one'), OSError('other')])\n",
        "ExceptionGroup: two (2 sub-exceptions), the first OSError: one",
    ),
    "a file that is cut off": (
        (
            "import io\ndef ITEM():\n    file = io.BytesIO()\n"
            "    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))"
            ".save(file, 'png')\n"
            "    return Image.open(io.BytesIO(file.getvalue()[:3000]))\n"
        ),
        "its image cannot be decoded (",
    ),
}


@pytest.mark.parametrize("title", UNREADABLE)
def test_an_item_that_raises_is_unreadable_and_the_next_may_not_be(title, dataset):
    lines, words = UNREADABLE[title]
    data = dataset(lines)

    with pytest.raises(UnreadableImage) as caught:
        data.read(0)

    assert words in caught.value.reason


@pytest.mark.parametrize("error", ["ConnectionRefusedError(111, 'no')", "OSError(28, 'full')"])
def test_an_item_of_a_store_that_is_away_stops_the_run_which_may_heal(error, dataset):
    data = dataset(f"def ITEM():\n    raise {error}\n")

    with pytest.raises(FactoryError) as caught:
        data.read(0)

    assert caught.value.retriable
    assert caught.value.remedy == "run again when it is there"


def test_a_factory_that_goes_to_another_folder_takes_nobody_along(dataset, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    dataset("os.chdir('/')\nSet.__len__ = lambda self: os.chdir('/') or 2\n")

    assert Path.cwd() == tmp_path


STOPPED = {
    "an exit": ("def ITEM():\n    sys.exit('bye')\n", "its Dataset raised SystemExit: bye"),
    "an interruption": (
        "def ITEM():\n    raise KeyboardInterrupt\n",
        "its Dataset raised KeyboardInterrupt",
    ),
    "the end of the process": ("def ITEM():\n    os._exit(9)\n", "SystemExit: os._exit(9)"),
    "a final error": ("def ITEM():\n    raise Final\n", "its Dataset raised Final (sets.py:"),
    "a label that raises": (
        (
            "class Label:\n    def __index__(self):\n        raise ValueError('no')\n"
            "Set.__getitem__ = lambda self, index: (PIXELS, Label())\n"
        ),
        "the label is Label",
    ),
    "a pair that raises": (
        (
            "class Pair(tuple):\n    def __len__(self):\n        raise ValueError('no pair')\n"
            "Set.__getitem__ = lambda self, index: Pair((PIXELS, 0))\n"
        ),
        "what its Dataset gave raised ValueError: no pair",
    ),
    "an object that only looks like an array": (
        "class Array:\n    dtype = 'x'\n    shape = property(lambda self: 1 / 0)\nITEM = Array\n",
        "the image is Array",
    ),
    "a tensor that raises": (
        (
            "class Shy(torch.Tensor):\n    @classmethod\n"
            "    def __torch_function__(cls, *given, **named):\n        raise RuntimeError('no')\n"
            "def ITEM():\n    return torch.ones(3, 4, 5).as_subclass(Shy)\n"
        ),
        "what its Dataset gave raised RuntimeError: no",
    ),
    "a sparse picture": (
        "def ITEM():\n    return torch.ones(3, 4, 5, dtype=torch.uint8).to_sparse()\n",
        "what its Dataset gave raised",
    ),
    "a tensor without values": (
        "def ITEM():\n    return torch.ones(3, 4, 5, device='meta')\n",
        "what its Dataset gave raised",
    ),
    "complex numbers": (
        "def ITEM():\n    return torch.ones(3, 4, 5, dtype=torch.complex64)\n",
        "the image is Tensor of shape (3, 4, 5) and type torch.complex64",
    ),
    "a tensor of nothing": ("def ITEM():\n    return torch.ones(3, 0, 5)\n", "the image is Tensor"),
    "a picture of nothing": (
        "def ITEM():\n    return Image.new('L', (0, 3))\n",
        "the image has no pixels",
    ),
}


@pytest.mark.parametrize("title", STOPPED)
def test_an_item_that_no_other_will_be_better_than_ends_the_run(title, dataset):
    lines, words = STOPPED[title]
    data = dataset(lines)

    with pytest.raises(FactoryError) as caught:
        data.read(0)

    assert words in caught.value.fact
    assert caught.value.remedy


HONEST = {
    "a class of pictures of the user's": (
        "class Picture(Image.Image):\n    def convert(self, *given):\n        raise ValueError\n"
        "def ITEM():\n    made = Image.fromarray(PIXELS)\n    made.__class__ = Picture\n"
        "    return made\n"
    ),
    "an array that lies about its shape": (
        "class Liar(np.ndarray):\n    shape = property(lambda self: (1, 1, 3))\n"
        "def ITEM():\n    return PIXELS.view(Liar)\n"
    ),
    "a file that was opened and not read": (
        "import io\ndef ITEM():\n    file = io.BytesIO()\n"
        "    Image.fromarray(PIXELS).save(file, 'png')\n    return Image.open(file)\n"
    ),
    "a tensor that is not contiguous": (
        "def ITEM():\n    return torch.from_numpy(PIXELS).permute(2, 0, 1)\n"
    ),
}


@pytest.mark.parametrize("title", HONEST)
def test_a_picture_of_another_kind_is_the_same_picture(title, dataset):
    image = dataset(HONEST[title]).read(1).image

    assert type(image).__module__.startswith("PIL.")
    assert np.array_equal(np.asarray(image.convert("RGB")), np.asarray(Image.fromarray(PIXELS)))


PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


def test_a_tensor_with_gradients_and_a_class_of_its_own_is_its_values(dataset):
    data = dataset(
        "class Tagged(torch.Tensor):\n    pass\n"
        "def ITEM():\n    return torch.ones(3, 4, 5).as_subclass(Tagged).requires_grad_()\n"
    )

    tensor = data.read(0).tensor

    assert type(tensor) is torch.Tensor
    assert torch.equal(tensor, torch.ones(3, 4, 5))


def test_what_it_prints_goes_to_standard_error(dataset, capsys):
    dataset("def length(self):\n    print('counting')\n    return 2\nSet.__len__ = length\n")

    assert capsys.readouterr() == ("", "counting\n")


def test_how_numpy_takes_errors_is_for_its_own_numbers(dataset):
    before = np.geterr()

    dataset("np.seterr(all='raise')\n")

    assert np.geterr() == before
