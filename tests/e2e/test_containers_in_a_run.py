"""Data as others store it, judged without a line of adapter, and what labels could be taken for."""

import io
import json

import numpy as np
import pytest
from PIL import Image

NAMES = ["dark", "middle", "light"]


@pytest.fixture
def three(project):
    """A model of three classes that is right on every image."""
    project.checkpoint(classes=3)
    kwargs = {"classes": 3, "channels": 1, "size": 8}
    model = {**project.gatefile["model"], "checkpoint": "model.pt", "kwargs": kwargs}
    project.gatefile |= {"model": model, "policy": "smoke", "classes": NAMES, "data": {}}
    return project


def encoded(pixels):
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def accuracy(project):
    measured = project.report()["metrics"]
    (found,) = (
        each["value"]
        for each in measured
        if each["name"] == "accuracy" and each["split"] == "test" and each["slice"] is None
    )
    return found


def hub(project, name, pixels, labels, *, names):
    """Write a Parquet file as datasets does; ``names`` are those of its ClassLabel."""
    pyarrow = pytest.importorskip("pyarrow", reason="the parquet extra is not installed")
    from pyarrow import parquet

    cells = [{"bytes": encoded(each), "path": f"{row}.png"} for row, each in enumerate(pixels)]
    kind = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    said = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
    table = pyarrow.table({"image": pyarrow.array(cells, kind), "label": labels})
    table = table.replace_schema_metadata({"huggingface": json.dumps(said)})
    path = project.folder / name
    path.parent.mkdir(exist_ok=True)
    parquet.write_table(table, path, row_group_size=7)


@pytest.mark.parametrize("order", [["1", "2", "0"], ["0", "2", "1"]])
def test_labels_that_would_be_read_as_other_classes_do_not_pass_smoke(three, order):
    three.npz("test.npz", 10, classes=3)

    ran = three.run(classes=order, data={"test": {"path": "test.npz"}})

    assert ran.status == 2
    assert "integers: positions" in ran.err
    assert three.report() is None


def test_the_line_that_is_asked_for_ends_in_a_verdict(three):
    three.npz("test.npz", 10, classes=3)
    data = {"test": {"path": "test.npz", "integers": "positions"}}

    assert three.run(classes=["1", "2", "0"], data=data).status == 0
    assert accuracy(three) == 1


def test_parquet_of_the_hub_is_judged_by_its_own_names(three):
    pixels, labels = three.images(10, classes=3)
    hub(three, "test.parquet", pixels, 2 - labels, names=NAMES[::-1])

    assert three.run(data={"test": {"path": "test.parquet"}}).status == 0
    assert accuracy(three) == 1


def test_shards_of_parquet_give_one_digest_however_they_are_measured(three):
    pixels, labels = three.images(10, classes=3)
    for shard in range(2):
        part = slice(shard, None, 2)
        name = f"data/test-{shard:05}-of-00002.parquet"
        hub(three, name, pixels[part], labels[part], names=NAMES)
    data = {"test": {"path": "data"}}

    alone = three.run(data=data)
    again = three.command("run", "gate.yaml")
    three.command("shard", "--index", "0", "--of", "2")
    three.command("shard", "--index", "1", "--of", "2")
    merged = three.command("merge")

    assert alone.status == again.status == merged.status == 0
    assert alone.digest == again.digest == merged.digest


def test_a_classlabel_that_the_model_does_not_know_is_no_verdict(three):
    pixels, labels = three.images(10, classes=3)
    hub(three, "test.parquet", pixels, labels, names=["dark", "middle", "bright"])

    ran = three.run(data={"test": {"path": "test.parquet"}})

    assert ran.status == 4
    assert "'bright' is none of the model's classes: dark, middle, light" in " ".join(
        ran.out.split()
    )


def test_one_npz_holds_every_split(three):
    arrays = {}
    for split, shade in (("train", 3), ("val", 4), ("test", 5)):
        arrays[f"{split}_images"], labels = three.images(10, shade, classes=3)
        arrays[f"{split}_labels"] = labels[:, None].astype(np.uint8)
    np.savez_compressed(three.folder / "all.npz", **arrays)
    split = {"path": "all.npz"}

    ran = three.run(data={"train": split, "validation": split, "test": split})

    assert ran.status == 0
    assert {name: each["images"] for name, each in ran.report["data"].items()} == {
        "train": 30, "validation": 30, "test": 30,
    }  # fmt: skip


def test_rows_of_one_class_are_no_split(three):
    three.folders("im", 10, classes=NAMES)
    lines = ["image;label;split"]
    lines += [f"im/{name}/{row + 10 * at:03}.png;{name};{'test' if at else 'train'}"
              for at, name in enumerate(NAMES[:2]) for row in range(10)]  # fmt: skip
    three.write("all.csv", "\n".join(lines))

    ran = three.run(data={"test": {"path": "all.csv", "where": {"split": "test"}}})

    assert ran.status == 4
    assert "all images are of one class" in " ".join(ran.out.split())


def test_class_folders_without_an_order_are_asked_for_with_all_else(three):
    for name in map(str, range(1, 13)):
        three.write(f"test/{name}/a.png", encoded(np.zeros((8, 8), np.uint8)))

    ran = three.run(classes=None, model={"checkpoint": "model.pt"}, data={"test": {"path": "test"}})

    assert ran.status == 2
    assert "nothing says how the model is built" in ran.err
    assert '"1", "10", "11", "12", "2"' in ran.err
