"""A format of another package: opened where it is named, held to what every dataset promises."""

import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from gate.errors import DataError, FactoryError, GateError, UsageError
from gate.measure.partials.work_units import stretch_of
from gate.subject.datasets import open_dataset
from gate.subject.datasets.formats.registry import format_named
from gate.subject.datasets.records import UnreadableImage
from gate.subject.datasets.spec import DataSpec

# Grey squares, one a line: "name class level". What a test breaks stands in its READER.
CODE = """\
import os
import sys
import threading
import time

import numpy as np
from PIL import Image

from gate.errors import DataError
from gate.subject.datasets.formats import DataFormat
from gate.subject.datasets.pictures import sample_of
from gate.subject.datasets.records import BaseDataset, Entry, Sample, UnreadableImage


class Squares(BaseDataset):
    def __init__(self, spec, base, classes):
        lines = [line.split() for line in (base / spec.path).read_text().splitlines()]
        self.classes = classes or tuple(sorted({line[1] for line in lines}))
        self.levels = [int(line[2]) for line in lines]
        self.entries = [Entry(line[0], self.classes.index(line[1])) for line in lines]
        self.size = spec.options.get("size", 8)

    def read(self, index):
        pixels = np.full((self.size, self.size), self.levels[index], np.uint8)
        return sample_of(pixels, self.entries[index].label)


READER

FORMAT = DataFormat(
    name="squares",
    keys=frozenset({"path", "group", "group_pattern", "slices", "options"}),
    open=OPENER,
)
"""
POINTS = "[validate_model.formats]\nsquares = their_squares:FORMAT\n"
LINES = "p1/a dark 10\np1/b dark 20\np2/c light 200\np3/d light 210\n"
CLASSES = ("dark", "light")


def written(code, reader=""):
    """Return the code of the package with a reader that is the honest one but for some lines."""
    methods = "".join(f"    {line}\n" for line in reader.splitlines())
    mine = f"class Mine(Squares):\n{methods}" if reader else "Mine = Squares\n"
    return code.replace("READER", mine).replace("OPENER", "Mine")


@pytest.fixture
def squares(add_package, tmp_path):
    """Install the format, its reader changed or not, and return a function that opens its data."""
    (tmp_path / "test.squares").write_text(LINES)

    def installed(reader="", code=CODE):
        add_package("their-squares", POINTS, written(code, reader))

        def opened(classes=CLASSES, **keys):
            spec = DataSpec(**{"path": "test.squares", "format": "squares", **keys})
            return open_dataset(spec, base=tmp_path, classes=classes)

        return opened

    return installed


def test_entries_and_read_are_all_that_a_reader_needs(squares):
    data = squares()()

    assert [entry.id for entry in data.entries] == ["p1/a", "p1/b", "p2/c", "p3/d"]
    assert [entry.label for entry in data.entries] == [0, 0, 1, 1]
    assert (data.path, data.format, data.classes) == ("test.squares", "squares", CLASSES)
    assert np.array_equal(np.asarray(data.read(2).image), np.full((8, 8), 200))
    assert data.read(2).label == 1
    assert data.shards == (range(4),)
    assert data.read_many(range(4)) is data.stored(0) is data.sources() is None
    assert data.hidden() == data.slice_columns == ()
    assert data.assumed == ("test.squares was read by plugin squares of their-squares 1.2",)
    assert stretch_of(data, 64) == 64


def test_a_reader_without_our_base_class_is_held_to_the_same(squares):
    alone = CODE.replace("(BaseDataset)", "")

    data = squares(code=alone)()

    assert data.read(0).label == 0
    assert data.hidden() == data.slice_columns == ()
    data.prefetch(range(4))


def test_classes_of_the_reader_count_where_none_are_declared(squares):
    assert squares()(classes=None).classes == CLASSES


def test_a_reader_is_told_its_options(squares):
    data = squares()(options={"size": 5})

    assert data.read(0).image.size == (5, 5)
    assert data.assumed[0].endswith('their-squares 1.2, told {"size": 5}')


def test_groups_are_found_in_the_names(squares):
    data = squares()(group_pattern=r"(p\d+)/")

    assert [entry.group for entry in data.entries] == ["p1", "p1", "p2", "p3"]
    assert data.group_column == "group_pattern"


def test_groups_and_slices_of_the_reader_are_compared_as_people_mean_them(squares):
    reader = """\
group_column = "patient"
slice_columns = ("site",)
def __init__(self, *given):
    super().__init__(*given)
    self.entries = [each._replace(group=" P1 ", slices=("x ",)) for each in self.entries]
"""
    data = squares(reader)()

    assert {(entry.group, entry.slices) for entry in data.entries} == {("P1", ("x",))}
    assert (data.group_column, data.slice_columns) == ("patient", ("site",))


def test_what_is_read_at_once_shards_and_files_are_the_readers(squares):
    reader = """\
shards = (range(2), range(2, 4))
preferred_stretch = 128
def read_many(self, rows):
    return np.stack([np.full((8, 8), self.levels[row], np.uint8) for row in rows])
def sources(self):
    return ["a", "b"]
def hidden(self):
    return ("c",)
def prefetch(self, rows):
    self.asked = rows
"""
    data = squares(reader)()

    assert data.shards == (range(2), range(2, 4))
    assert stretch_of(data, 64) == 128
    assert data.read_many(range(1, 3))[:, 0, 0].tolist() == [20, 200]
    assert [str(each) for each in data.sources()] == ["a", "b"]
    assert data.hidden() == ("c",)
    data.prefetch(range(2))
    assert data.reader.asked == range(2)


def test_package_version_and_options_decide_the_plan(squares):
    data = squares()(options={"size": 5})

    assert data.plan_facts == {
        "package": "their-squares",
        "version": "1.2",
        "options": {"size": 5},
    }


def test_one_thread_at_a_time_is_in_a_reader_that_does_not_say_it_is_safe(squares):
    reader = """\
def read(self, index):
    self.inside = getattr(self, "inside", 0) + 1
    time.sleep(0.01)
    self.most, self.inside = max(getattr(self, "most", 0), self.inside), self.inside - 1
    return super().read(index)
"""
    data = squares(reader)()

    with ThreadPoolExecutor(4) as threads:
        assert [each.label for each in threads.map(data.read, range(4))] == [0, 0, 1, 1]
    assert data.reader.most == 1


def test_threads_meet_in_a_reader_that_says_it_is_safe(squares):
    reader = """\
is_thread_safe = True
def __init__(self, *given):
    super().__init__(*given)
    self.all_are_here = threading.Barrier(4)
def read(self, index):
    self.all_are_here.wait(60)
    return super().read(index)
"""
    data = squares(reader)()

    with ThreadPoolExecutor(4) as threads:
        assert [each.label for each in threads.map(data.read, range(4))] == [0, 0, 1, 1]


def test_a_plugin_is_not_imported_before_it_is_named(squares):
    opened = squares()

    DataSpec(path="test.squares", format="squares")  # a gate file is checked without it
    assert "their_squares" not in sys.modules
    opened()
    assert "their_squares" in sys.modules


def test_data_of_a_plugin_is_never_recognised(squares, tmp_path):
    squares()

    with pytest.raises(DataError):
        open_dataset(DataSpec(path="test.squares"), base=tmp_path, classes=CLASSES)
    assert "their_squares" not in sys.modules


def test_a_plugin_that_takes_a_shipped_name_is_refused_and_not_imported(add_package, tmp_path):
    points = POINTS + "folder = their_squares:FORMAT\n"
    add_package("their-squares", points, written(CODE))

    with pytest.raises(ValidationError, match="takes a name that validate-model ships: folder"):
        DataSpec(path="x", format="squares")
    with pytest.raises(UsageError, match="takes a name that validate-model ships: folder"):
        format_named("squares")
    assert format_named("folder").open.__module__ == "gate.subject.datasets.formats.folder"
    assert "their_squares" not in sys.modules


def test_a_misspelt_plugin_is_told_with_its_name(squares):
    squares()

    with pytest.raises(ValidationError, match="did you mean 'squares'"):
        DataSpec(path="x", format="sqares")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("FORMAT = 7", "names int, not a DataFormat"),
        ("import nothing_at_all", "cannot be loaded: ModuleNotFoundError"),
        (CODE.replace('name="squares"', 'name="cubes"'), "calls its format 'cubes'"),
        (CODE.replace('"options"', '"side"'), "takes keys that no split has: side"),
        (CODE.replace("OPENER", "7"), "its open is no function"),
    ],
)
def test_what_is_no_format_is_a_fault_of_the_call(code, said, squares):
    opened = squares(code=code)

    with pytest.raises(UsageError, match=said) as raised:
        opened()
    assert "their-squares 1.2" in raised.value.where


@pytest.mark.parametrize("ends", ["raise SystemExit(0)", "import os; os._exit(0)"])
def test_an_import_that_ends_the_process_does_not(ends, squares):
    opened = squares(code=f"{ends}\n")

    with pytest.raises(UsageError, match=r"their-squares 1.2: cannot be loaded: SystemExit"):
        opened()


def test_data_nobody_measured_is_no_format(add_package, tmp_path):
    code = written(CODE.replace('"squares"', '"made-up"'))
    add_package("their-squares", POINTS.replace("squares =", "made-up ="), code)

    with pytest.raises(UsageError, match="as data is that nobody measured"):
        open_dataset(DataSpec(path="x", format="made-up"), base=tmp_path, classes=CLASSES)


def test_a_path_that_is_not_there_is_told_before_the_reader_is_asked(squares):
    with pytest.raises(DataError, match=r"did you mean 'test.squares'"):
        squares()(path="tset.squares")


def test_a_key_that_the_format_does_not_take_is_refused(squares):
    with pytest.raises(DataError, match="is of the format squares, which has no 'label'"):
        squares()(label="y")


def test_options_are_of_plugins_alone(pets, opened):
    with pytest.raises(DataError, match="is of the format folder, which has no 'options'"):
        opened(path="pets", options={"size": 3})


def test_a_format_that_needs_a_path_says_so(squares):
    with pytest.raises(DataError, match="nothing says where it lies"):
        squares()(path=None)


def test_a_format_may_need_no_path(squares):
    code = CODE.replace(
        "    open=OPENER",
        "    paths=frozenset(),\n    open=lambda s, b, c: OPENER(At(s), b, c)",
    ).replace(
        "class Squares",
        'class At:\n    path = "test.squares"\n    def __init__(self, spec):\n'
        "        self.options = spec.options\n\n\nclass Squares",
    )

    data = squares(code=code)(path=None)

    assert (data.path, len(data.entries)) == ("squares", 4)


INIT = "def __init__(self, *given):\n    "
ENTRIES = f"{INIT}super().__init__(*given)\n    self.entries = "
CLASSES_ARE = f"{INIT}super().__init__(*given)\n    self.classes = "


@pytest.mark.parametrize(
    ("reader", "said"),
    [
        (f"{ENTRIES}[]", "holds no images"),
        (f"{ENTRIES}7", "listing its entries raised TypeError"),
        (f"{ENTRIES}[('a', 0)]", "entry 0: is tuple of 2, not an Entry"),
        (f"{ENTRIES}[Entry(3, 0)]", "entry 0: its id is int, not a name"),
        (f"{ENTRIES}[Entry(chr(8203), 0)]", "its id is str, not a name"),
        (f"{ENTRIES}[Entry('a', 0), Entry('a', 1)]", "entry 1: its id 'a' is also that of entry 0"),
        (f"{ENTRIES}[Entry('a', 0), Entry(' a', 1)]", "its id 'a' is also that of entry 0"),
        (f"{ENTRIES}[Entry('a', 2)]", "is none of the 2 classes"),
        (f"{ENTRIES}[Entry('a', -1)]", "is none of the 2 classes"),
        (f"{ENTRIES}[Entry('a', True)]", "is none of the 2 classes"),
        (f"{ENTRIES}[Entry('a', 0, 'p')]", "one that no group_column names"),
        (f"{ENTRIES}[Entry('a', 0, None, ('x',))]", "there are 0 slice_columns"),
        (f"{CLASSES_ARE}('light', 'dark')", "orders the"),
        (f"{CLASSES_ARE}('a', 'a')", "names a class twice"),
        ("group_column = 7", "its group_column is int"),
        ("assumed = 7", "its assumed are int, not a tuple of texts"),
        ("shards = (range(2),)", "do not follow each other from 0 to 4"),
        ("shards = (range(2), range(1, 4))", "do not follow each other from 0 to 4"),
        ("preferred_stretch = 0", "its preferred_stretch is int"),
        (
            f"{INIT}raise OSError('torn tape')",
            "opening it raised OSError: torn",
        ),
        (f"{INIT}sys.exit(0)", "opening it raised SystemExit"),
        (f"{INIT}os._exit(0)", "opening it raised SystemExit"),
        (
            "def __init__(self, *given):\n    raise DataError('line 3', 'is torn')",
            "line 3: is torn",
        ),
    ],
)
def test_what_a_reader_lists_wrongly_is_told_with_its_package(reader, said, squares):
    opened = squares(reader)

    with pytest.raises(GateError, match=said) as raised:
        opened()
    assert raised.value.exit_status == 4
    assert "plugin squares of their-squares 1.2" in raised.value.where


def test_a_reader_of_no_known_classes_asks_for_them(squares):
    with pytest.raises(DataError, match=r"their-squares 1.2.*declare classes"):
        squares(f"{INIT}super().__init__(*given)\n    del self.classes")(classes=None)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("7", "its read gave int, not a Sample with bytes"),
        ("Sample('text', Image.new('L', (8, 8)), None, 0)", "not a Sample with bytes"),
        ("Sample(b'x', 'no picture', None, 0)", "the image is str"),
        ("Sample(b'x', None, None, 0)", "the image is NoneType"),
        ("Sample(b'x', np.zeros((8, 8), np.float64), None, 0)", "the image is ndarray of shape"),
        ("Sample(b'x', Image.new('L', (8, 8)), None, 1)", "its read gave the label int, not 0"),
        ("Sample(b'x', Image.new('L', (8, 8)), None, 'dark')", "the label str, not 0"),
        ("Sample(b'x', Image.new('L', (8, 8)), np.zeros((1, 8, 8)), 0)", "an image and a tensor"),
        ("sys.exit(0)", "its read raised SystemExit"),
        ("os._exit(0)", "its read raised SystemExit"),
    ],
)
def test_what_a_reader_reads_wrongly_is_told_with_package_and_image(given, said, squares):
    data = squares(f"def read(self, index):\n    return {given}")()

    with pytest.raises(GateError, match=said) as raised:
        data.read(0)
    assert raised.value.exit_status == 4
    assert "plugin squares of their-squares 1.2, test.squares, 'p1/a'" in raised.value.where or (
        "SystemExit" in raised.value.fact
    )


def test_an_exception_of_one_image_leaves_the_next_one_readable(squares):
    reader = """\
def read(self, index):
    return super().read(index) if index else {}["first"]
"""
    data = squares(reader)()

    with pytest.raises(UnreadableImage, match=r"squares of their-squares 1.2 raised KeyError"):
        data.read(0)
    assert data.read(1).label == 0


def test_a_reader_says_itself_that_an_image_is_unreadable(squares):
    data = squares("def read(self, index):\n    raise UnreadableImage('is torn')")()

    with pytest.raises(UnreadableImage) as raised:
        data.read(0)
    assert raised.value.reason == "is torn"


@pytest.mark.parametrize(
    "given",
    [
        "None",
        "7",
        "np.zeros((len(rows) + 1, 8, 8), np.uint8)",
        "np.zeros((len(rows), 8, 8))",
        "np.zeros((len(rows), 8, 8, 4), np.uint8)",
        "np.zeros((len(rows), 8), np.uint8)",
    ],
)
def test_rows_that_are_no_images_of_so_many_are_refused(given, squares):
    data = squares(f"preferred_stretch = 128\ndef read_many(self, rows):\n    return {given}")()

    with pytest.raises(FactoryError, match=r"its read_many gave .* for 4 rows"):
        data.read_many(range(4))


def test_labels_that_only_reading_tells_are_read(squares):
    reader = """\
def __init__(self, *given):
    super().__init__(*given)
    self.entries = [each._replace(label=None) for each in self.entries]
def read(self, index):
    return Sample(b"x", Image.new("L", (8, 8)), None, 1)
"""
    data = squares(reader)()

    assert {entry.label for entry in data.entries} == {None}
    assert data.read(0).label == 1


def test_pictures_of_a_readers_own_class_are_pillows_again(squares):
    reader = """\
def read(self, index):
    class Odd(Image.Image):
        pass
    odd = Image.new("L", (8, 8))
    odd.__class__ = Odd
    return Sample(b"x", odd, None, 0)
"""
    assert type(squares(reader)().read(0).image) is Image.Image
