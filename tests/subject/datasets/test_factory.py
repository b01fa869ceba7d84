import threading

import numpy as np
import pytest
import torch
from PIL import Image

from gate.errors import DataError, FactoryError
from gate.subject.datasets.records import Entry

PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)


@pytest.fixture
def written(tmp_path):
    """Write user code beside the gate file; returns the factory's name."""

    def write(body):
        (tmp_path / "sets.py").write_text(
            "import numpy as np\nimport torch\nfrom PIL import Image\n"
            "from torch.utils.data import Dataset\n\n"
            "PIXELS = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)\n" + body
        )
        return "sets:build"

    return write


def of_items(*items, classes="None"):
    return (
        "class Set(Dataset):\n"
        f"    classes = {classes}\n"
        f"    items = [{', '.join(items)}]\n"
        "    def __len__(self):\n        return len(self.items)\n"
        "    def __getitem__(self, index):\n"
        "        item = self.items[index]\n"
        "        return item() if callable(item) else item\n"
        "def build(**kwargs):\n    return Set()\n"
    )


PAIR = ("(PIXELS, 0)", "(PIXELS, 1)")
TWO = ("cat", "dog")


def test_a_users_dataset_is_read(written, opened):
    data = opened(factory=written(of_items(*PAIR)), classes=TWO)

    assert (data.format, data.classes) == ("factory", TWO)
    assert list(data.entries) == [Entry("0", None), Entry("1", None)]
    assert data.read(1).label == 1
    assert np.array_equal(np.asarray(data.read(1).image), PIXELS)


def test_the_arguments_of_the_gate_file_are_given(written, opened):
    factory = written(
        "def build(*, count):\n    return torch.utils.data.TensorDataset(\n"
        "        torch.zeros(count, 1, 2, 2), torch.arange(count))\n"
    )

    assert len(opened(factory=factory, kwargs={"count": 2}, classes=TWO).entries) == 2


@pytest.mark.parametrize(
    "image",
    [
        "PIXELS",
        "Image.fromarray(PIXELS)",
        "torch.from_numpy(PIXELS.transpose(2, 0, 1).copy())",
    ],
)
def test_one_picture_in_any_kind_gives_the_same_pixels_and_bytes(written, opened, image):
    data = opened(factory=written(of_items(f"({image}, 0)")), classes=TWO)

    sample = data.read(0)

    assert np.array_equal(np.asarray(sample.image), PIXELS)
    assert sample.stored == b"RGB |u1 (4, 5, 3)\n" + PIXELS.tobytes()
    assert sample.tensor is None


@pytest.mark.parametrize("image", ["PIXELS[..., 0]", "PIXELS[..., :1]"])
def test_one_channel_is_grey(written, opened, image):
    data = opened(factory=written(of_items(f"({image}, 0)")), classes=TWO)

    assert data.read(0).image.mode == "L"


def test_a_float_tensor_is_kept_as_it_is(written, opened):
    factory = written(of_items("(torch.full((3, 2, 2), 0.25, dtype=torch.float64), 0)"))

    sample = opened(factory=factory, classes=TWO).read(0)

    assert sample.image is None
    assert sample.tensor.dtype == torch.float32
    assert torch.equal(sample.tensor, torch.full((3, 2, 2), 0.25))


def test_equal_bytes_of_another_shape_are_told_apart(written, opened):
    items = ("(torch.zeros(1, 2, 8), 0)", "(torch.zeros(1, 4, 4), 0)")
    data = opened(factory=written(of_items(*items)), classes=TWO)

    assert data.read(0).stored != data.read(1).stored


@pytest.mark.parametrize(
    "label", ["1", "np.int64(1)", "np.array(1)", "torch.tensor(1)", "True", "'dog'"]
)
def test_a_label_may_be_any_kind_of_integer_or_a_name(written, opened, label):
    data = opened(factory=written(of_items(f"(PIXELS, {label})")), classes=TWO)

    assert data.read(0).label == 1


@pytest.mark.parametrize("label", ["2", "-1", "torch.tensor(7)", "'horse'"])
def test_a_label_outside_the_classes_is_refused(written, opened, says, label):
    data = opened(factory=written(of_items(f"(PIXELS, {label})")), classes=TWO)

    with says(DataError, where="item 0", fact="the label .* classes"):
        data.read(0)


@pytest.mark.parametrize("label", ["1.0", "None", "[0, 1]", "torch.tensor([0, 1])", "np.eye(2)[0]"])
def test_a_label_that_is_no_index_is_refused(written, opened, says, label):
    data = opened(factory=written(of_items(f"(PIXELS, {label})")), classes=TWO)

    with says(FactoryError, where="item 0", fact="the label is", remedy="index of one class"):
        data.read(0)


@pytest.mark.parametrize(
    ("item", "fact"),
    [
        ("PIXELS", "is ndarray of shape"),
        ("(PIXELS, 0, 'id')", "is tuple of 3"),
        ("{'image': PIXELS, 'label': 0}", "is dict, not"),
        ("(PIXELS / 255, 0)", "the image is ndarray of shape .* float64"),
        ("(PIXELS.transpose(2, 0, 1), 0)", "the image is ndarray of shape"),
        ("(torch.zeros(4, 5), 0)", "the image is Tensor of shape"),
        ("(torch.zeros(3, 4, 5, dtype=torch.int64), 0)", "torch.int64"),
        ("('cat.png', 0)", "the image is str"),
        ("(PIXELS[:0], 0)", "the image is ndarray of shape .0, 5, 3"),
    ],
)
def test_items_of_another_kind_are_refused(written, opened, says, item, fact):
    data = opened(factory=written(of_items(item)), classes=TWO)

    with says(FactoryError, where="data.factory .*, item 0", fact=fact, remedy="return"):
        data.read(0)


def test_an_item_that_raises_is_unreadable_with_the_users_line(written, opened, unreadable):
    factory = written(of_items("(PIXELS, 0)", "lambda: 1 / 0"))
    data = opened(factory=factory, classes=TWO)

    reason = unreadable(data, "1")

    assert reason == "the Dataset raised ZeroDivisionError: division by zero (sets.py:9)"
    assert data.read(0).label == 0


def test_a_tensor_with_nan_is_unreadable(written, opened, unreadable):
    data = opened(factory=written(of_items("(torch.full((1, 2, 2), np.nan), 0)")), classes=TWO)

    assert unreadable(data, "0") == "its tensor holds NaN or infinity"


@pytest.mark.parametrize(
    ("returned", "fact", "remedy"),
    [
        ("None", "returned NoneType", "torch.utils.data.Dataset"),
        ("{}", "returned dict", "torch.utils.data.Dataset"),
        ("'data'", "returned str", "torch.utils.data.Dataset"),
        ("iter([])", "returned list_iterator", "torch.utils.data.Dataset"),
        ("torch.utils.data.DataLoader([1])", "returned DataLoader", "without a DataLoader"),
    ],
)
def test_what_is_no_dataset_is_refused(written, opened, says, returned, fact, remedy):
    factory = written(f"def build():\n    return {returned}\n")

    with says(FactoryError, where="data.factory", fact=fact, remedy=remedy):
        opened(factory=factory, classes=TWO)


def test_a_stream_without_length_is_refused(written, opened, says):
    factory = written(
        "class Stream(torch.utils.data.IterableDataset):\n"
        "    def __iter__(self):\n        return iter([])\n"
        "def build():\n    return Stream()\n"
    )

    with says(FactoryError, fact="returned Stream, not a Dataset with a length"):
        opened(factory=factory, classes=TWO)


def test_a_length_that_raises_is_told(written, opened, says):
    factory = written(
        "class Set(Dataset):\n    def __len__(self):\n        raise OSError('no disk')\n"
        "    def __getitem__(self, index):\n        return None\n"
        "def build():\n    return Set()\n"
    )

    with says(FactoryError, fact=r"raised OSError: no disk \(sets.py:9\) when asked"):
        opened(factory=factory, classes=TWO)


def test_an_empty_dataset_is_refused(written, opened, says):
    with says(DataError, fact="is empty"):
        opened(factory=written(of_items()), classes=TWO)


def test_a_factory_that_raises_is_told_with_its_line(written, opened, says):
    factory = written("def build(root):\n    raise FileNotFoundError(root)\n")

    with says(FactoryError, where="data.factory", fact=r"raised FileNotFoundError: x \(sets.py:8"):
        opened(factory=factory, kwargs={"root": "x"}, classes=TWO)


def test_classes_come_from_the_dataset_where_none_are_declared(written, opened):
    data = opened(factory=written(of_items(*PAIR, classes="['a', 'b']")))

    assert data.classes == ("a", "b")


def test_without_any_classes_the_gate_file_must_declare_them(written, opened, says):
    with says(DataError, where="data.factory", fact="not name its classes", remedy="classes"):
        opened(factory=written(of_items(*PAIR)))


def test_the_same_classes_in_another_order_are_refused(written, opened, says):
    factory = written(of_items(*PAIR, classes="['dog', 'cat']"))

    with says(DataError, fact="orders the classes dog, cat, the gate file cat, dog"):
        opened(factory=factory, classes=TWO)


def test_classes_of_other_names_are_taken_by_position_and_this_is_said(written, opened):
    data = opened(factory=written(of_items(*PAIR, classes="['n01', 'n02']")), classes=TWO)

    assert data.classes == TWO
    assert data.assumed[0] == (
        "labels of the Dataset are positions in classes; it calls them n01, n02"
    )


def test_that_tensors_are_taken_as_they_are_is_said(written, opened):
    data = opened(factory=written(of_items(*PAIR)), classes=TWO)

    [said] = data.assumed
    assert said == (
        "where data.factory 'sets:build' returns float tensors, they are the model's input: "
        "`input:` is for images"
    )


def test_one_thread_at_a_time_is_in_the_users_code(written, opened):
    factory = written(
        "import time\ninside = []\nseen = []\n"
        "class Set(Dataset):\n    def __len__(self):\n        return 8\n"
        "    def __getitem__(self, index):\n"
        "        inside.append(index)\n        time.sleep(0.002)\n"
        "        seen.append(len(inside))\n        inside.remove(index)\n"
        "        return PIXELS, 0\n"
        "    def most(self):\n        return max(seen)\n"
        "def build():\n    return Set()\n"
    )
    data = opened(factory=factory, classes=TWO)
    threads = [threading.Thread(target=data.read, args=(index,)) for index in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert data.dataset.most() == 1


def test_a_picture_of_another_mode_keeps_it(written, opened):
    data = opened(factory=written(of_items("(Image.new('CMYK', (2, 3)), 0)")), classes=TWO)

    assert data.read(0).image.mode == "CMYK"
    assert isinstance(data.read(0).image, Image.Image)


def test_class_names_are_compared_without_what_nobody_sees(written, opened):
    factory = written(of_items('(PIXELS, "ca\\u200bt")', classes='["cat ", "dog"]'))

    data = opened(factory=factory, classes=("cat", "dog"))

    assert data.read(0).label == 0


def test_a_dataset_that_names_a_class_twice_is_refused(written, opened, says):
    factory = written(of_items("(PIXELS, 0)", classes='["cat", "ca\\u200bt"]'))

    with says(DataError, where="sets:build", fact="the class 'cat' twice", remedy="of its own"):
        opened(factory=factory)
