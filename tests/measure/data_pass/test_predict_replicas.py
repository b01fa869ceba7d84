"""Several models answer at the same time; what they say is that of one."""

import threading
import time
import weakref
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from gate.errors import CheckpointError
from gate.evidence.records import Split
from gate.measure.data_pass import predict
from gate.measure.data_pass.predict import ForwardPass
from gate.measure.inference.torch_runner import TorchRunner
from gate.measure.partials.partial_files import write_parts
from gate.measure.partials.work_units import WorkUnit, cut
from gate.subject.datasets import open_dataset
from gate.subject.datasets.files import FileDataset
from gate.subject.datasets.spec import DataSpec
from gate.subject.inputs import InputSpec, build_transform

CLASSES = ("cat", "dog")
COUNT, BATCH, ROWS = 101, 16, 40
SOON = 30.0  # seconds after which something that should happen never does
BROKEN = (3, 17, 18, *range(48, 64), 100)  # alone, neighbours, a whole batch, the last one


@pytest.fixture(scope="module", params=["array", "files"])
def data(request, tmp_path_factory):
    """Images in one array, or as files; some of the files cannot be read."""
    tmp_path = tmp_path_factory.mktemp(request.param)
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (COUNT, 8, 8), dtype=np.uint8)
    if request.param == "array":
        np.savez(tmp_path / "data.npz", images=pixels, labels=np.arange(COUNT) % 2)
        spec = DataSpec(path="data.npz")
    else:
        for index, image in enumerate(pixels):
            path = tmp_path / "data" / CLASSES[index % 2] / f"{index:03}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
        spec = DataSpec(path="data")
    dataset = open_dataset(spec, base=tmp_path, classes=CLASSES)
    if request.param == "files":
        for index in BROKEN:
            (tmp_path / "data" / dataset.entries[index].id).write_bytes(b"no picture")
    return dataset


@pytest.fixture
def parts(data, tmp_path):
    """Return a function that measures the data as two splits, in units of 40 rows."""
    datasets = {Split.TRAIN: data, Split.TEST: data}
    units = [
        WorkUnit(split, span.start, span.stop)
        for split in datasets
        for span in cut(range(len(data.entries)), ROWS)
    ]

    def measured(runners, **how):
        passing = ForwardPass(
            transform=build_transform(InputSpec(channels="L"), base=tmp_path),
            runners=tuple(runners),
            batch=BATCH,
            **{"are_logits": True, **how},
        )
        return passing.parts(datasets, units, lambda count: None)

    return measured


@pytest.fixture
def bytes_of(tmp_path):
    """Return a function that gives parts as they are written to disk, but for the time."""

    def written(parts):
        some_day = datetime(2026, 1, 1, tzinfo=UTC)
        write_parts(
            tmp_path / "parts.npz", [replace(part, measured_at=some_day) for part in parts], {}
        )
        return (tmp_path / "parts.npz").read_bytes()

    return written


def runners(count):
    """Return as many runners of one small network."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2)
    )
    first = TorchRunner.start(model, CLASSES, "cpu")
    return [first, *(first.replicate() for _ in range(count - 1))]


class Means:
    """Answers with the mean of each image; notices whether two threads ask it at once."""

    classes = CLASSES

    def __init__(self):
        self.asked = 0
        self.sizes = set()
        self.at_once = False
        self._busy = threading.Lock()

    def outputs(self, images):
        if not self._busy.acquire(blocking=False):
            self.at_once = True
            self._busy.acquire()
        try:
            self.asked += 1
            self.sizes.add(len(images))
            time.sleep(0.002)  # long enough for another to come
            settings = images.reshape(len(images), -1).mean(axis=1)
            return np.stack([settings, -settings], axis=1)
        finally:
            self._busy.release()


@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("threads", [1, 5])
def test_lanes_and_threads_change_no_byte(lanes, threads, parts, bytes_of):
    checked_individually = bytes_of(parts(runners(1)))

    assert bytes_of(parts(runners(lanes), threads=threads)) == checked_individually


@pytest.mark.parametrize("lanes", [1, 5])
@pytest.mark.parametrize("held", [1, 3 * BATCH + 1, 10_000])
def test_images_in_memory_at_once_change_no_byte(held, lanes, parts, bytes_of):
    checked_individually = bytes_of(parts(runners(1)))

    assert (
        bytes_of(parts(runners(lanes), threads=lanes, max_images_in_memory=held))
        == checked_individually
    )


@pytest.mark.parametrize("lanes", [1, 2, 3])
def test_no_runner_is_asked_by_two_threads_at_once(lanes, parts):
    asked = [Means() for _ in range(lanes)]

    list(parts(asked, threads=6))

    assert not any(each.at_once for each in asked)
    assert sum(each.asked for each in asked) >= COUNT // BATCH - 1


@pytest.mark.parametrize("lanes", [1, 3])
def test_every_batch_is_a_whole_one(lanes, parts):
    asked = [Means() for _ in range(lanes)]

    list(parts(asked, threads=lanes))

    assert set().union(*(each.sizes for each in asked)) == {BATCH}


def test_runners_answer_at_the_same_time(parts):
    together = threading.Barrier(2)

    class Waiting(Means):
        def outputs(self, images):
            if self.asked == 0:
                together.wait(SOON)
            return super().outputs(images)

    asked = [Waiting(), Waiting()]

    list(parts(asked, threads=2))  # a barrier that one thread waits at breaks, and raises

    assert all(each.asked for each in asked)


def test_the_next_split_is_read_while_the_last_images_of_one_are_answered(data, parts, monkeypatch):
    spans = 3 if data.format == "npz" else 8  # of each split: its units, or the batches of these
    read = predict.chunk_of
    taken = count(1)
    together = threading.Barrier(2)

    def chunk_of(*given, **said):
        if next(taken) in (spans, spans + 1):  # the last of the first split, the first of the next
            together.wait(SOON)  # where no other comes, it breaks, and raises
        return read(*given, **said)

    monkeypatch.setattr(predict, "chunk_of", chunk_of)

    list(parts([Means(), Means()], threads=2))

    assert next(taken) == 2 * spans + 1


@pytest.mark.parametrize("data", ["files"], indirect=True)
def test_the_next_files_are_asked_for_while_the_first_are_read(parts, monkeypatch):
    read = predict.chunk_of
    asked = []
    others_asked = threading.Event()

    def prefetch(dataset, rows):
        asked.append(rows)
        if len(asked) > 1:
            others_asked.set()

    def chunk_of(dataset, transform, rows, **said):
        assert rows in asked
        assert others_asked.wait(SOON)
        return read(dataset, transform, rows, **said)

    monkeypatch.setattr(FileDataset, "prefetch", prefetch)
    monkeypatch.setattr(predict, "chunk_of", chunk_of)

    list(parts([Means()]))

    assert sum(map(len, asked)) == 2 * COUNT  # each file once for each split


def test_every_answer_stands_at_its_image(data, parts):
    rows = [part.rows for part in parts([Means() for _ in range(3)], threads=4)]

    ids = np.concatenate([each.ids for each in rows]).tolist()
    broken = () if data.format == "npz" else BROKEN
    assembler = [index for index in range(COUNT) if index not in broken]
    assert ids == 2 * [data.entries[index].id for index in assembler]
    settings = [np.asarray(data.read(index).image, np.float32).mean() / 255 for index in assembler]
    scores = 1 / (1 + np.exp(-2 * np.array(settings)))  # softmax of m and -m
    found = np.concatenate([each.scores[:, 0] for each in rows])
    assert found == pytest.approx(np.tile(scores, 2), abs=1e-6)


def test_unreadable_images_are_named_in_their_places(data, parts):
    found = [each.id for part in parts([Means(), Means()], threads=4) for each in part.unreadable]

    broken = () if data.format == "npz" else BROKEN
    assert found == 2 * [data.entries[index].id for index in broken]


@pytest.mark.parametrize("lanes", [1, 3])
@pytest.mark.parametrize(
    ("held", "most"), [(1, BATCH), (BATCH, BATCH), (2 * BATCH, 2 * BATCH), (50, 3 * BATCH)]
)
def test_no_more_images_are_in_memory_than_may_be(held, most, lanes, parts, monkeypatch):
    lock = threading.Lock()
    live, seen = 0, [0]
    read = predict.chunk_of

    def counted(by):
        nonlocal live
        with lock:
            live += by
            seen.append(live)

    def chunk_of(*given, **said):
        chunk = read(*given, **said)
        if len(chunk.entries):
            counted(len(chunk.images))
            weakref.finalize(chunk.images, counted, -len(chunk.images))
        return chunk

    monkeypatch.setattr(predict, "chunk_of", chunk_of)

    for _ in parts([Means() for _ in range(lanes)], threads=4, max_images_in_memory=held):
        pass

    assert 0 < max(seen) <= most
    assert live == 0


@pytest.mark.parametrize("lanes", [1, 3])
def test_a_pass_that_is_given_up_leaves_no_thread(lanes, parts):
    before = set(threading.enumerate())
    found = parts([Means() for _ in range(lanes)], threads=4)

    next(found)
    found.close()

    assert set(threading.enumerate()) == before


@pytest.mark.parametrize("lanes", [1, 3])
def test_the_error_is_that_of_the_first_bad_image(lanes, data, parts):
    class Nan(Means):
        def outputs(self, images):
            outputs = super().outputs(images)
            outputs[images[:, 0, 0, 0] > 0.5] = np.nan
            return outputs

    broken = () if data.format == "npz" else BROKEN
    readable = (index for index in range(COUNT) if index not in broken)
    first = next(i for i in readable if np.asarray(data.read(i).image)[0, 0] > 127)

    with pytest.raises(CheckpointError, match=f"image {data.entries[first].id} is NaN"):
        list(parts([Nan() for _ in range(lanes)], threads=4))


def test_an_error_in_one_split_costs_nothing_of_the_one_before(parts):
    class Counted(Means):
        good = np.inf

        def outputs(self, images):
            outputs = super().outputs(images)
            return outputs if self.asked <= self.good else np.full_like(outputs, np.nan)

    assembler, broken = Counted(), Counted()
    expected = list(parts([assembler]))
    broken.good = assembler.asked // 2  # those of the first split
    found = []

    with pytest.raises(CheckpointError, match="is NaN"):
        found.extend(parts([broken]))

    assert [part.unit for part in found] == [part.unit for part in expected[: len(expected) // 2]]


def test_each_thread_is_told_how_many_threads_torch_may_use(parts):
    told = []

    list(parts(runners(2), threads=3, thread_init=lambda: told.append(threading.get_ident())))

    assert 1 <= len(told) == len(set(told)) <= 3
    assert threading.get_ident() not in told


def test_answers_that_were_to_be_probabilities_and_are_none_end_the_pass(parts):
    """The first images decide what outputs are; a mean and its opposite are no probabilities."""
    with pytest.raises(CheckpointError, match="the outputs for the first images are probabilities"):
        list(parts([Means()], are_logits=False))
