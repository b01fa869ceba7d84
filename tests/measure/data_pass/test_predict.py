"""One pass over a split: in order, every image once, the same however it is cut."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gate.errors import CheckpointError, DataError
from gate.evidence.records import Split
from gate.measure.data_pass import predict
from gate.measure.data_pass.first_batch import first_batch
from gate.measure.data_pass.predict import ForwardPass
from gate.measure.data_pass.read_images import chunk_of
from gate.measure.inference.torch_runner import TorchRunner
from gate.measure.partials.partial import join
from gate.measure.partials.work_units import WorkUnit, cut
from gate.measure.saved_predictions import measure_table
from gate.subject.datasets import open_dataset
from gate.subject.datasets.spec import DataSpec
from gate.subject.inputs import InputSpec, build_transform

CLASSES = ("cat", "dog")


@pytest.fixture
def pictures(tmp_path):
    """A folder of 30 pictures, in an order that is not that of their names on the disk."""
    for index in reversed(range(30)):
        path = tmp_path / "pictures" / CLASSES[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 256, (4, 4), dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    return tmp_path


def linear(softmax=False):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 2), *([nn.Softmax(dim=1)] if softmax else []))


@pytest.fixture
def measured(pictures):
    """Return a function that measures the folder with a model, in units of so many rows."""

    def measure(model=None, advance=lambda count: None, rows=30, batch=16, held=None):
        dataset = open_dataset(DataSpec(path="pictures"), base=pictures, classes=CLASSES)
        transform = build_transform(InputSpec(channels="L"), base=pictures)
        runner = TorchRunner.start(model or linear(), CLASSES, "cpu")
        first = first_batch(dataset, transform, runner)
        passing = ForwardPass(
            transform=transform,
            runners=(runner,),
            are_logits=first.are_logits,
            batch=batch,
            max_images_in_memory=held,
        )
        units = [
            WorkUnit(Split.TEST, span.start, span.stop)
            for span in cut(range(len(dataset.entries)), rows)
        ]
        parts = list(passing.parts({Split.TEST: dataset}, units, advance))
        return join(dataset, Split.TEST, parts)

    return measure


def columns(split):
    rows = split.rows
    return [rows.ids.tolist(), rows.labels.tolist(), rows.predictions.tolist()]


def test_the_rows_are_in_the_order_of_the_data(measured):
    split = measured()

    assert split.rows.ids.tolist() == sorted(split.rows.ids.tolist())
    assert split.rows.labels.tolist() == [0] * 15 + [1] * 15
    assert split.images == len(split.rows) == 30


@pytest.mark.parametrize("rows", [1, 7, 29, 30])
def test_the_size_of_a_unit_changes_nothing(rows, measured):
    assembler = measured()

    cut = measured(rows=rows)

    assert columns(cut) == columns(assembler)
    assert cut.rows.confidence == pytest.approx(assembler.rows.confidence, abs=1e-6)
    assert cut.manifest_sha256 == assembler.manifest_sha256


@pytest.mark.parametrize("held", [1, 5, 1000])
def test_how_many_images_are_held_changes_no_bit(held, measured):
    assert measured(held=held).rows.scores.tobytes() == measured().rows.scores.tobytes()


def test_progress_counts_every_image_once(measured):
    counts = []

    measured(advance=counts.append, batch=7)

    assert counts == [7, 7, 7, 7, 2]


def test_outputs_that_are_probabilities_are_not_softened_again(measured):
    split = measured(linear(softmax=True))
    logits = measured()

    assert split.rows.confidence == pytest.approx(logits.rows.confidence, abs=1e-6)


def test_scores_over_the_budget_are_not_kept(measured, monkeypatch):
    monkeypatch.setattr(predict, "SCORE_BYTES", 30 * 2 * 4 - 1)

    split = measured()

    assert split.rows.scores is None
    assert len(split.rows.confidence) == 30


def test_an_unreadable_picture_is_named_and_counted(measured, pictures):
    (pictures / "pictures" / "cat" / "00.png").write_bytes(b"")

    split = measured()

    assert [image.id for image in split.unreadable] == ["cat/00.png"]
    assert (split.images, len(split.rows)) == (30, 29)


def test_no_readable_picture_at_all_is_an_error(measured, pictures):
    for path in (pictures / "pictures").rglob("*.png"):
        path.write_bytes(b"")

    with pytest.raises(DataError, match="none of the 30 images of test can be used"):
        measured()


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "cat" / "00.png").rename(folder / "dog" / "00.png"),
        lambda folder: (folder / "cat" / "00.png").rename(folder / "cat" / "0.png"),
        lambda folder: (folder / "cat" / "00.png").unlink(),
        lambda folder: (folder / "cat" / "00.png").write_bytes(
            (folder / "dog" / "01.png").read_bytes()
        ),
    ],
    ids=["label", "name", "removed", "bytes"],
)
def test_the_digest_covers_names_labels_and_bytes(change, measured, pictures):
    before = measured()
    change(pictures / "pictures")

    after = measured()

    assert after.manifest_sha256 != before.manifest_sha256


def test_an_error_of_the_model_ends_the_reading_too(measured):
    class Broken(nn.Module):
        def forward(self, images):
            raise ValueError("no")

    before = threading.active_count()
    with pytest.raises(CheckpointError, match="the model cannot take images"):
        measured(Broken())

    assert threading.active_count() <= before + 1


def test_a_table_of_predictions_has_rows_and_no_pictures(tmp_path):
    (tmp_path / "scores.csv").write_text(
        "id,label,patient,cat,dog\na,cat,p1,0.9,0.1\nb,dog,p2,0.6,0.4\n"
    )
    spec = DataSpec(predictions="scores.csv", group="patient")
    table = open_dataset(spec, base=tmp_path, classes=CLASSES)

    split = measure_table(Split.TEST, table)

    assert split.rows.predictions.tolist() == [0, 0]
    assert split.rows.true_rank.tolist() == [0, 1]
    assert split.rows.groups.tolist() == ["p1", "p2"]
    assert split.fingerprints is None


def test_the_digest_of_a_table_covers_the_scores_and_not_the_order(tmp_path):
    rows = ["a,cat,0.9,0.1", "b,dog,0.6,0.4"]

    def digest(lines):
        (tmp_path / "scores.csv").write_text("\n".join(["id,label,cat,dog", *lines]) + "\n")
        table = open_dataset(DataSpec(predictions="scores.csv"), base=tmp_path, classes=CLASSES)
        return measure_table(Split.TEST, table).manifest_sha256

    assert digest(rows) == digest(rows[::-1])
    assert digest(rows) != digest([rows[0], "b,dog,0.5,0.5"])


@pytest.mark.parametrize(("channels", "preprocessing_notes"), [("RGB", 7), ("L", 0)])
def test_the_rows_of_an_array_are_all_converted_or_none_is(channels, preprocessing_notes, tmp_path):
    grey = np.arange(7 * 16, dtype=np.uint8).reshape(7, 4, 4)
    np.savez(tmp_path / "data.npz", images=grey, labels=np.arange(7) % 2)
    dataset = open_dataset(DataSpec(path="data.npz"), base=tmp_path, classes=CLASSES)
    transform = build_transform(InputSpec(channels=channels), base=tmp_path)

    read = [chunk_of(dataset, transform, span) for span in cut(range(7), 3)]

    assert (
        sum(chunk.preprocessing_notes["converted from L to RGB"] for chunk in read)
        == preprocessing_notes
    )
    assert sum(chunk.preprocessing_notes.total() for chunk in read) == preprocessing_notes
