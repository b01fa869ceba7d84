"""Hugging Face's imagefolder: labels in metadata.jsonl or metadata.csv."""

import json

import pytest

from gate.errors import DataError, UsageError


@pytest.fixture
def flat(tmp_path, encoded):
    """Write pictures, and a table of them, into a folder."""

    def write(labels, *, folder="test", name="metadata.jsonl", key="label"):
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        rows = []
        for row, label in enumerate(labels):
            (place / f"{row}.png").write_bytes(encoded(row))
            rows.append({"file_name": f"{row}.png", key: label})
        text = (
            "".join(json.dumps(row) + "\n" for row in rows)
            if name.endswith("jsonl")
            else f"file_name,{key}\n" + "".join(f"{','.join(map(str, r.values()))}\n" for r in rows)
        )
        (place / name).write_text(text, encoding="utf-8")
        return place

    return write


@pytest.mark.parametrize("name", ["metadata.jsonl", "metadata.csv"])
def test_the_table_says_what_the_images_show(flat, opened, name):
    place = flat(["dog", "cat", "dog"], name=name)

    data = opened(path="test", classes=("cat", "dog"))

    assert data.format == "metadata"
    assert [(each.id, each.label) for each in data.entries] == [
        ("0.png", 1), ("1.png", 0), ("2.png", 1),
    ]  # fmt: skip
    assert data.read(1).stored == (place / "1.png").read_bytes()


def test_the_table_itself_is_a_manifest(flat, opened):
    flat(["dog", "cat"])

    data = opened(path="test/metadata.jsonl")

    assert data.format == "jsonl"
    assert [each.id for each in data.entries] == ["0.png", "1.png"]


def test_the_one_folder_below_is_read(flat, opened):
    flat(["dog", "cat"], folder="data/images")

    assert len(opened(path="data").entries) == 2


def test_of_the_folders_of_splits_that_of_the_split_is_read(flat, tmp_path):
    from gate.subject.datasets import open_dataset
    from gate.subject.datasets.spec import DataSpec

    flat(["dog", "cat"], folder="data/train")
    flat(["dog", "cat", "cat"], folder="data/test")

    found = open_dataset(DataSpec(path="data").of_split("test"), base=tmp_path, classes=None)

    assert len(found.entries) == 3


def test_images_of_training_are_never_read_for_test(flat, tmp_path, says):
    from gate.subject.datasets import open_dataset
    from gate.subject.datasets.spec import DataSpec

    flat(["dog", "cat"], folder="data/train")

    with says(DataError, where="data", fact="holds train, and none is called test"):
        open_dataset(DataSpec(path="data").of_split("test"), base=tmp_path, classes=None)


def test_class_folders_count_for_more_than_a_table_without_labels(pets, opened):
    (pets / "metadata.csv").write_text("file_name,note\ncat/1.png,x\n")

    assert opened(path="pets").format == "folder"


def test_a_label_that_contradicts_its_class_folder_is_refused(pets, opened, says):
    (pets / "metadata.csv").write_text(
        "file_name,label\ncat/1.png,dog\ncat/2.png,cat\ndog/1.png,cat\ndog/2.png,dog\n"
    )

    with says(DataError, where="cat/1.png", fact="the folder 'cat', and its label is 'dog'"):
        opened(path="pets")


def test_a_label_that_agrees_with_its_class_folder_is_taken(pets, opened):
    (pets / "metadata.csv").write_text("file_name,label\ncat/1.png,cat\ndog/2.png,dog\n")

    assert [each.id for each in opened(path="pets").entries] == ["cat/1.png", "dog/2.png"]


def test_two_tables_are_refused(flat, opened, says):
    flat(["dog", "cat"])
    flat(["cat", "dog"], name="metadata.csv")

    with says(DataError, where="test", fact="metadata.jsonl and metadata.csv"):
        opened(path="test")


def test_a_file_that_two_lines_list_is_refused(flat, opened, says):
    place = flat(["dog", "cat"])
    with (place / "metadata.jsonl").open("a") as stream:
        stream.write('{"file_name": "./0.png", "label": "cat"}\n')

    with says(DataError, where="line 3", fact="'0.png' stands already in line 1"):
        opened(path="test")


def test_labels_that_are_integers_are_asked_for(flat, opened, says):
    flat([0, 1])

    with says(UsageError, where="metadata.jsonl, line 1", remedy="integers: names"):
        opened(path="test", classes=("1", "0"))


def test_a_json_document_is_told_from_json_lines(tmp_path, opened, says):
    (tmp_path / "t.json").write_text('[\n{"file_name": "a.png", "label": "cat"}]')

    with says(DataError, where="t.json", fact="one JSON document", remedy="one object a line"):
        opened(path="t.json")
