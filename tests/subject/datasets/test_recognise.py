import gzip
import json
import os
import subprocess
import sys

import jsonschema
import pytest
from pydantic import ValidationError

from gate.errors import DataError
from gate.subject.datasets.spec import DataSpec


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({}, "give one of path, images, factory or predictions"),
        ({"labels": "y"}, "give one of path"),
        ({"path": "a", "factory": "b:c"}, "give one of path and factory, not both"),
        ({"path": "a", "predictions": "b"}, "give one of path and predictions"),
        ({"images": "a"}, "images without labels"),
        ({"path": "a", "kwargs": {"n": 1}}, "kwargs belong to a factory"),
        ({"path": "a", "slices": ["x", "x"]}, "name a column twice"),
        ({"path": "a", "lable": "x"}, "Extra inputs are not permitted"),
        ({"path": 3}, "valid string"),
        ({"path": ""}, "at least 1 character"),
        (
            {"path": "a", "format": "folders"},
            "no data format is called 'folders'; did you mean 'folder'",
        ),
        ({"path": "a", "slices": "scanner"}, "valid tuple"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys, said):
    with pytest.raises(ValidationError, match=said):
        DataSpec.model_validate(keys)


def test_every_key_is_described_in_the_schema():
    schema = DataSpec.model_json_schema()

    jsonschema.Draft202012Validator.check_schema(schema)
    assert all(value.get("description") for value in schema["properties"].values())
    jsonschema.validate({"path": "a", "slices": ["b"]}, schema)


def test_the_spec_is_read_without_numpy_pillow_or_torch():
    script = (
        "import sys, json; import gate.subject.datasets.spec, gate.subject.datasets;"
        "print(json.dumps([m for m in ('numpy', 'PIL', 'torch') if m in sys.modules]))"
    )

    run = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)

    assert json.loads(run.stdout) == []


@pytest.mark.parametrize(
    ("head", "fact"),
    [
        (b"\x89PNG\r\n\x1a\n", "is one image"),
        (b"\xff\xd8\xff\xe0", "is one image"),
        (b"\x93NUMPY\x01\x00", "is one NumPy array"),
        (b"\x89HDF\r\n\x1a\n", "is a database"),
        (b"SQLite format 3\0", "is a database"),
        (b"\x7fELF\x02\x01\x01\0", "is binary"),
        (b"", "is empty"),
    ],
)
def test_content_that_is_no_dataset_is_told_what_it_is(tmp_path, opened, says, head, fact):
    (tmp_path / "x.csv").write_bytes(head)

    with says(DataError, where="x.csv", fact=fact):
        opened(path="x.csv")


@pytest.mark.parametrize(
    ("name", "head", "fact"),
    [
        ("x.npz", b"hello there\n", "is named as NPZ, and is no zip archive"),
        ("t-idx3-ubyte", b"\0\0\x0d\x03", "is named as IDX, and begins with 00 00 0d 03"),
        ("t-idx3-ubyte", b"\1\2\3\4", "is named as IDX, and begins with 01 02 03 04"),
        ("t.idx", b"", "is named as IDX, and begins with nothing"),
    ],
)
def test_content_that_is_not_what_its_name_says_is_no_table(
    name, head, fact, tmp_path, opened, says
):
    (tmp_path / name).write_bytes(head)

    with says(DataError, where=name, fact=fact):
        opened(path=name)


def test_content_counts_and_not_the_name(tmp_path, opened, says):
    (tmp_path / "x.csv").write_bytes(gzip.compress(b"image,label\n"))

    with says(DataError, where="x.csv", fact="no file of labels"):
        opened(path="x.csv")


def test_a_stated_format_is_believed(pets, opened, says):
    with says(DataError, where="pets", fact="cannot be read"):
        opened(path="pets", format="csv")


@pytest.mark.parametrize("stated", ["idx", "npz", "predictions"])
def test_a_stated_format_that_the_content_is_not_is_refused(tmp_path, opened, stated):
    (tmp_path / "x").write_text("image,label\na,b\n")
    (tmp_path / "y").write_text("image,label\na,b\n")
    keys = {"idx": {"path": "x", "labels": "y"}, "npz": {"path": "x"}}

    with pytest.raises(DataError):
        opened(format=stated, **keys.get(stated, {"predictions": "x"}))


@pytest.mark.parametrize("stated", ["factory", "predictions"])
def test_a_stated_format_with_the_key_of_another_is_refused(pets, opened, says, stated):
    with says(DataError, where="pets", fact="has no 'path'"):
        opened(path="pets", format=stated)


def test_path_and_images_at_once_are_refused_for_idx(tmp_path, opened, says):
    (tmp_path / "x").write_bytes(b"\0\0\x08\x03")

    with says(DataError, where="x", fact="both given"):
        opened(path="x", images="x", labels="x")


def test_a_path_with_control_characters_is_shown_escaped(opened):
    with pytest.raises(DataError) as caught:
        opened(path="a\x1b[31m\n/b")

    assert caught.value.where == "a\\x1b[31m\\n/b"


def test_a_path_with_a_null_byte_is_refused(opened, says):
    with says(DataError, fact="does not exist|cannot be looked up"):
        opened(path="a\0b")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path, opened, says):
    os.mkfifo(tmp_path / "test.csv")

    with says(DataError, where="test.csv", fact="neither a file nor a folder"):
        opened(path="test.csv")
