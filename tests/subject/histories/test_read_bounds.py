"""A log of something else, or of an attacker, ends in words and not in hours."""

import struct

import pytest

from gate.errors import HistoryError
from gate.subject.histories import read, read_history, table
from gate.subject.histories.epochs import MOST_REWINDS


def refused(path):
    with pytest.raises(HistoryError) as caught:
        read_history(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("bound", "content", "fact"),
    [
        ("MOST_ROWS", "epoch,loss\n" + "1,2\n" * 5, "more than 4 rows"),
        ("MOST_CELLS", "epoch,loss\n" + "1,2\n" * 3, "more than 4 values"),
        ("MOST_COLUMNS", '{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}\n{"loss": 1}', "4 columns"),
    ],
)
def test_more_than_a_history_holds_is_refused(written, monkeypatch, bound, content, fact):
    monkeypatch.setattr(table, bound, 4)

    assert fact in refused(written(content))


def test_columns_times_epochs_are_bounded(written, monkeypatch):
    monkeypatch.setattr(read, "MOST_VALUES", 8)
    logged = "".join(f'{{"epoch": {epoch}, "loss": 1, "c{epoch}": 1}}\n' for epoch in range(4))

    assert "6 columns of 4 epochs" in refused(written(logged))


def test_rows_that_go_back_and_back_end_early(written):
    there_and_back = "1,2\n0,2\n" * (MOST_REWINDS + 5)

    said = refused(written("epoch,loss\n" + "2,2\n" * 10_000 + there_and_back))

    assert f"goes back {MOST_REWINDS + 1} times" in said


def test_many_objects_are_counted_before_they_are_made(written):
    assert "more than 2,000,000 objects" in refused(written("[" + "{}," * 2_000_001 + "{}]"))


def test_a_name_that_stands_twice_among_many_is_found(written):
    names = ", ".join(f'"c{each}": 1' for each in range(100_000))

    assert "'c99999' stands twice" in refused(written(f'{{{names}, "c99999": 1}}'))


def test_an_accuracy_that_a_resumed_training_replaced_is_none(written):
    history = read_history(
        written("epoch,train_loss,val_accuracy\n0,3,\n1,3,0.1\n0,2,\n1,1.5,\n2,1,\n3,1,\n")
    )

    assert history.validation_accuracy is None
    assert history.series == {"train_loss": (2.0, 1.5, 1.0, 1.0)}


def test_a_loss_that_a_resumed_training_replaced_is_missed(written):
    path = written("epoch,train_loss,val_loss\n0,3,\n1,3,2\n0,2,\n1,1.5,\n2,1,\n3,1,\n")

    assert "'val_loss' was logged only before the training was resumed" in refused(path)


@pytest.fixture
def events(tmp_path):
    """Write an event file with one scalar whose tensor is changed."""
    pytest.importorskip("tensorboard", reason="the tensorboard extra is not installed")
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    def write(change):
        path = tmp_path / "events.out.tfevents.1"
        event = Event(step=1, wall_time=1)
        value = event.summary.value.add(tag="loss")
        value.metadata.plugin_data.plugin_name = "scalars"
        value.tensor.dtype = 1
        value.tensor.float_val.append(1.0)
        change(value.tensor)
        with path.open("wb") as stream:
            writer = RecordWriter(stream)
            writer.write(Event(file_version="brain.Event:2").SerializeToString())
            writer.write(event.SerializeToString())
        return path

    return write


def test_a_scalar_of_a_large_shape_is_never_made(events):
    def enlarge(tensor):
        tensor.tensor_shape.dim.add(size=1 << 40)

    assert "scalar 'loss' is no number" in refused(events(enlarge))
    assert "is no number" not in str(read_history(events(lambda _: None)))


def test_a_long_record_is_refused_unread(tmp_path):
    path = tmp_path / "events.out.tfevents.1"
    length = (16 << 20) + 1
    version = b"\x1a\x0dbrain.Event:2"
    with path.open("wb") as stream:
        stream.write(struct.pack("<Q4x", len(version)) + version + bytes(4))
        stream.write(struct.pack("<Q4x", length) + bytes(length + 4))

    assert "a record of 16,777,217 bytes" in refused(path)
