"""A worker: as many models as may answer at once, on as many threads as give the same bits."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from gate.errors import CheckpointError
from gate.evidence.records import Split
from gate.measure.data_pass import session
from gate.measure.partials.work_units import MAX_MODEL_REPLICAS, WorkUnit
from gate.measure.planning import plan_measurement
from gate.measure.settings import MeasureSettings
from gate.subject.gatefile import read_gatefile
from gate.subject.splits import open_splits

NETS = """\
from torch import nn


def plain():
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 2))


class Counting(nn.Sequential):
    def forward(self, images):
        self.batches = getattr(self, "batches", 0) + 1
        return super().forward(images)


def counting():
    return Counting(*plain())
"""


@pytest.fixture
def threads():
    """Leave torch as many threads as it had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def worker(tmp_path, threads):
    """Return a function that opens a worker for a model of NETS, on so many threads."""
    random = np.random.default_rng(0)
    for index in range(40):
        path = tmp_path / "test" / "ab"[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(path)
    (tmp_path / "nets.py").write_text(NETS)
    torch.manual_seed(0)
    scope = {}
    exec(NETS, scope)
    torch.save(scope["plain"]().state_dict(), tmp_path / "model.pt")

    def open_worker(model="plain", threads=2, **changes):
        document = {
            "apiVersion": "gate/v1",
            "kind": "Validation",
            "model": {"checkpoint": "model.pt", "factory": f"nets:{model}"},
            "classes": ["a", "b"],
            "input": {"channels": "L"},
            "data": {"test": {"path": "test"}},
            "policy": "baseline",
        }
        (tmp_path / "gate.yaml").write_text(json.dumps(document))
        gatefile = read_gatefile(tmp_path / "gate.yaml")
        datasets, classes = open_splits(gatefile)
        _, job = plan_measurement(gatefile, datasets, classes, MeasureSettings(device="cpu"))
        return session.open_worker(replace(job, threads=threads, **changes), datasets)

    return open_worker


@pytest.mark.parametrize("threads", [1, 2, 5, MAX_MODEL_REPLICAS, 3 * MAX_MODEL_REPLICAS])
def test_a_module_without_state_answers_in_many_lanes(threads, worker):
    with worker(threads=threads) as open_one:
        runners = open_one.passing.runners

    assert len(runners) == min(threads, MAX_MODEL_REPLICAS)
    assert len({id(each.model) for each in runners}) == len(runners)
    assert all(each.fused is runners[0].fused is not None for each in runners)


def test_a_module_that_remembers_answers_alone_and_as_it_stands(worker):
    with worker("counting", threads=4) as open_one:
        (runner,) = open_one.passing.runners

    assert runner.fused is None
    assert open_one.passing.threads == 4  # the others read meanwhile


@pytest.mark.parametrize(
    ("model", "threads", "each"),
    [
        ("plain", 1, 1),
        ("plain", 2, 1),
        ("plain", 2 * MAX_MODEL_REPLICAS, 1),
        ("counting", 4, 4),
        ("counting", 100, 16),  # of a batch of 64, each has four rows
    ],
)
def test_lanes_share_the_threads(model, threads, each, worker):
    with worker(model, threads) as open_one:
        open_one.passing.thread_init()

        assert torch.get_num_threads() == each


def test_with_no_image_that_can_be_read_nothing_is_fused(worker, tmp_path):
    for path in (tmp_path / "test").rglob("*.png"):
        path.write_bytes(b"no picture")

    with worker() as open_one:
        assert [each.fused for each in open_one.passing.runners] == [None, None]


def test_a_checkpoint_that_changed_since_the_plan_is_refused(worker, tmp_path):
    opening = worker()
    state = torch.load(tmp_path / "model.pt", weights_only=True)
    torch.save({name: value + 1 for name, value in state.items()}, tmp_path / "model.pt")

    with (
        pytest.raises(CheckpointError, match="the file changed while it was measured"),
        opening,
    ):
        pass


def test_the_parts_of_lanes_are_those_of_one_model(worker):
    found = []
    for threads in (1, 4):
        with worker(threads=threads) as open_one:
            (part,) = open_one.parts([WorkUnit(Split.TEST, 0, 40)], lambda count: None)
        found.append(part.rows.scores.tobytes())

    assert found[0] == found[1]
