"""Images in Parquet files, as the Hugging Face Hub stores them."""

import json
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from gate.errors import DataError, UsageError
from gate.subject.datasets import open_dataset, parquet_images
from gate.subject.datasets.spec import DataSpec

pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
parquet = pytest.importorskip("pyarrow.parquet", reason="the parquet extra is not installed")

STRUCT = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])


@pytest.fixture
def hub(tmp_path, encoded):
    """Write what datasets writes: images of bytes and a path, labels of a ClassLabel."""

    def write(labels, *, file="test.parquet", names=("cat", "dog"), column="image", images=None,
              paths=None, more=None, **options):  # fmt: skip
        rows = range(len(labels))
        stored = images or [encoded(row) for row in rows]
        paths = paths or [f"{row}.png" for row in rows]
        cells = [{"bytes": each, "path": path} for each, path in zip(stored, paths, strict=True)]
        columns = {
            column: pyarrow.array(cells, STRUCT),
            "label": pyarrow.array(labels),
            **(more or {}),
        }
        table = pyarrow.table(columns)
        if names is not None:
            label = {"names": list(names), "_type": "ClassLabel"}
            said = {"info": {"features": {column: {"_type": "Image"}, "label": label}}}
            table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        parquet.write_table(table, tmp_path / file, **options)
        return stored

    return write


def test_integers_go_through_the_names_of_the_file(hub, opened):
    stored = hub([0, 1, 1], names=("dog", "cat"))

    data = opened(path="test.parquet", classes=("cat", "cow", "dog"))

    assert [data.classes[each.label] for each in data.entries] == ["dog", "cat", "cat"]
    assert [data.read(row).stored for row in range(3)] == stored
    assert data.read(0).image.size == (8, 6)


def test_without_declared_classes_they_stand_as_the_file_names_them(hub, opened):
    hub([0, 1], names=("b10", "b2"))

    data = opened(path="test.parquet")

    assert data.classes == ("b10", "b2")
    assert not data.has_sorted_classes


def test_paths_are_the_ids_where_they_are_unique(hub, opened):
    hub([0, 1], paths=["a.png", "b.png"])

    assert [each.id for each in opened(path="test.parquet").entries] == ["a.png", "b.png"]


def test_paths_that_repeat_get_the_number_of_their_row(hub, opened):
    hub([0, 1], paths=["a.png", "a.png"])

    ids = [each.id for each in opened(path="test.parquet").entries]

    assert ids == ["row 0: a.png", "row 1: a.png"]


def test_a_column_of_ids_that_repeat_is_refused(hub, opened, says):
    hub([0, 1], more={"uid": ["a", "a"]})

    with says(DataError, where="test.parquet", fact="the id 'a' stands in two"):
        opened(path="test.parquet", id="uid")


def test_groups_slices_and_chosen_rows_are_columns(hub, opened):
    stored = hub(
        [0, 1, 0], more={"patient": ["p", "q", "p"], "site": [1, 2, 2], "part": ["a", "b", "b"]}
    )

    data = opened(path="test.parquet", group="patient", slices=["site"], where={"part": "b"})
    assert any("rows are judged, those where part: b" in each for each in data.assumed)

    assert [(each.group, each.slices) for each in data.entries] == [("q", ("2",)), ("p", ("2",))]
    assert [data.stored(row) for row in range(2)] == stored[1:]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_rows_are_found_in_any_row_group_by_many_threads(hub, opened, rows):
    stored = hub([row % 2 for row in range(20)], row_group_size=rows)
    data = opened(path="test.parquet")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(data.stored, range(20))) == stored
        assert list(threads.map(data.stored, reversed(range(20)))) == stored[::-1]


def test_the_one_column_of_images_is_found_by_its_type(hub, opened):
    hub([0, 1], column="img")

    assert len(opened(path="test.parquet").entries) == 2


def test_images_may_be_bytes_without_a_path(tmp_path, opened, encoded):
    stored = [encoded(0), encoded(1)]
    parquet.write_table(
        pyarrow.table({"image": stored, "label": ["cat", "dog"]}), tmp_path / "t.parquet"
    )

    data = opened(path="t.parquet")

    assert [data.stored(row) for row in range(2)] == stored
    assert [each.id for each in data.entries] == ["row 0", "row 1"]


# Shards.


def test_the_shards_of_a_folder_are_one_split(hub, opened):
    stored = []
    for shard in range(3):
        name = f"data/test-{shard:05}-of-00003.parquet"
        stored += hub([0, 1], file=name, paths=[f"{shard}a", f"{shard}b"])

    for path in ("data", "."):
        data = opened(path=path)
        assert [data.stored(row) for row in range(6)] == stored
        assert data.shards == (range(2), range(2, 4), range(4, 6))


def test_a_missing_shard_is_told(hub, opened, says):
    hub([0, 1], file="data/test-00000-of-00002.parquet")

    with says(DataError, where="data", fact="1 shard missing.*number 1", remedy="bring them all"):
        opened(path="data")


def test_one_shard_by_its_name_is_read_and_said_to_be_one(hub, opened):
    hub([0, 1], file="test-00000-of-00002.parquet")

    assert "one of 2 shards" in opened(path="test-00000-of-00002.parquet").assumed[0]


def test_of_several_splits_in_a_folder_that_of_the_split_is_read(hub, tmp_path, says):
    hub([0, 1], file="data/train-00000-of-00001.parquet")
    hub([0, 1, 1], file="data/test-00000-of-00001.parquet")

    found = open_dataset(DataSpec(path="data").of_split("test"), base=tmp_path, classes=None)

    assert len(found.entries) == 3
    with says(DataError, where="data", fact="none is called validation"):
        open_dataset(DataSpec(path="data").of_split("validation"), base=tmp_path, classes=None)


def test_shards_that_name_other_classes_are_refused(hub, opened, says):
    hub([0, 1], file="data/test-00000-of-00002.parquet")
    hub([0, 1], file="data/test-00001-of-00002.parquet", names=("dog", "cat"))

    with says(DataError, where="test-00001-of-00002", fact="other class names"):
        opened(path="data")


# What is wrong.


def test_names_that_disagree_with_the_model_are_refused(hub, opened, says):
    hub([0, 0], names=("cat", "dog"))

    with says(DataError, where="test.parquet", fact="'dog' is none of the model's classes"):
        opened(path="test.parquet", classes=("cat", "cow"))


def test_integers_without_names_are_asked_for(hub, opened, says):
    hub([1, 0], names=None)

    with says(UsageError, where="test.parquet, row 1", remedy="integers: positions"):
        opened(path="test.parquet", classes=("1", "0"))


def test_a_label_that_nobody_gave_is_refused(hub, opened, says):
    hub([0, -1])

    with says(DataError, where="row 2", fact="nobody labelled it"):
        opened(path="test.parquet")


def test_bytes_that_are_no_image_are_one_unreadable_image(hub, opened, unreadable, encoded):
    hub([0, 1, 1], images=[encoded(0), b"no picture", b""])
    data = opened(path="test.parquet")

    assert unreadable(data, "1.png") == "is text, not an image"
    assert unreadable(data, "2.png")
    assert data.read(0).image is not None


def test_a_row_without_bytes_is_one_unreadable_image(hub, opened, unreadable, encoded):
    hub([0, 1], images=[encoded(0), None])

    assert "holds no bytes" in unreadable(opened(path="test.parquet"), "1.png")


def test_paths_in_place_of_all_bytes_are_refused(hub, opened, says):
    hub([0, 1], images=[None, None])

    with says(DataError, where="test.parquet", fact="paths of files, and no bytes", remedy="embed"):
        opened(path="test.parquet")


def test_two_columns_of_images_are_asked_for(hub, opened, says, encoded):
    more = {"mask": pyarrow.array([{"bytes": encoded(9), "path": "m"}] * 2, STRUCT)}
    hub([0, 1], column="photo", more=more)

    with says(UsageError, where="test.parquet", fact="hold images: photo, mask", remedy="image:"):
        opened(path="test.parquet")
    assert len(opened(path="test.parquet", image="photo").entries) == 2


@pytest.mark.parametrize(
    "said", ["{", "[]", '{"info": {"features": {"label": {"_type": "ClassLabel", "names": "ab"}}}}']
)
def test_metadata_that_says_nothing_is_refused(tmp_path, encoded, opened, says, said):
    table = pyarrow.table({"image": [encoded(0), encoded(1)], "label": [0, 1]})
    parquet.write_table(
        table.replace_schema_metadata({"huggingface": said}), tmp_path / "t.parquet"
    )

    with says(DataError, where="t.parquet"):
        opened(path="t.parquet")


def test_a_row_group_that_is_too_large_is_refused(hub, opened, says, monkeypatch):
    monkeypatch.setattr(parquet_images, "LARGEST_GROUP", 1000)
    hub([row % 2 for row in range(20)])

    with says(DataError, where="test.parquet", fact="row group 0", remedy="smaller row groups"):
        opened(path="test.parquet")


def test_a_dictionary_that_says_one_image_many_times_is_refused(
    tmp_path, opened, says, monkeypatch
):
    monkeypatch.setattr(parquet_images, "LARGEST_GROUP", 1 << 22)
    monkeypatch.setattr(parquet_images, "AT_ONCE", 1 << 20)
    image = pyarrow.array([b"\x89PNG" + bytes(1 << 16)], pyarrow.binary())
    places = pyarrow.array([0] * 10_000, pyarrow.int32())
    cells = pyarrow.DictionaryArray.from_arrays(places, image)
    table = pyarrow.table({"image": cells, "label": pyarrow.array(["a", "b"] * 5_000)})
    parquet.write_table(table, tmp_path / "t.parquet", store_schema=False)
    data = opened(path="t.parquet")

    tracemalloc.start()
    with says(DataError, where="t.parquet", fact="row group 0 holds more than"):
        data.stored(0)
    assert tracemalloc.get_traced_memory()[1] < 1 << 26  # the images would be 650 MB
    tracemalloc.stop()


def test_images_packed_by_their_differences_are_refused(hub, opened, says):
    encodings = {"image.bytes": "DELTA_BYTE_ARRAY"}
    hub([0, 1], column_encoding=encodings, use_dictionary=False)

    with says(DataError, where="test.parquet", fact="DELTA_BYTE_ARRAY"):
        opened(path="test.parquet")


def test_a_file_that_changes_while_it_is_read_is_told(hub, opened, says, encoded):
    hub([0, 1])
    data = opened(path="test.parquet")
    hub([0, 1, 1], images=[encoded(row) for row in (5, 6, 7)])

    with says(DataError, where="test.parquet", fact="changed"):
        data.stored(0)
