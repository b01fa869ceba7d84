"""A model that answers, one that cannot, and what it shows about itself."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from gate.errors import CheckpointError, Refusal, UsageError
from gate.evidence.records import Split, Subject
from gate.measure.assemble import Assembler
from gate.measure.data_pass.first_batch import first_batch, require_finite
from gate.measure.data_pass.predict import ForwardPass
from gate.measure.inference.torch_runner import TorchRunner, choose_device
from gate.measure.partials.model_facts import ModelFacts
from gate.measure.partials.work_units import WorkUnit
from gate.subject.datasets import open_dataset
from gate.subject.datasets.spec import DataSpec
from gate.subject.inputs import InputSpec, build_transform


class Outputs(nn.Module):
    """Answers with whatever a function makes of the images."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, images):
        return self.function(images)


def runner(model, classes=("cat", "dog")):
    return TorchRunner.start(model, classes, "cpu")


def images(count=6, channels=1, size=4):
    return np.random.default_rng(0).random((count, channels, size, size), dtype=np.float32)


def refused(model, given, classes=("cat", "dog")):
    with pytest.raises(CheckpointError) as caught:
        runner(model, classes).outputs(given)
    assert caught.value.kind == "mismatch"
    assert caught.value.remedy
    return caught.value.fact


def pictures(count):
    return np.random.default_rng(0).integers(0, 256, (count, 4, 4), dtype=np.uint8)


@pytest.fixture
def shown(tmp_path):
    """Return a function that shows a model made of a function so many images."""

    def show(function, count=6):
        pixels = pictures(count)
        labels = np.arange(count) % 2
        np.savez(tmp_path / "data.npz", images=pixels, labels=labels)
        dataset = open_dataset(DataSpec(path="data.npz"), base=tmp_path, classes=("cat", "dog"))
        transform = build_transform(InputSpec(), base=tmp_path)
        ready = runner(Outputs(function))
        first = first_batch(dataset, transform, ready)
        passing = ForwardPass(
            transform=transform, runners=(ready,), are_logits=True, batch=first.batch
        )
        facts = ModelFacts(
            subject=Subject("0" * 64, 1, "torch-zip"),
            device="cpu",
            backend=ready.backend,
            notes=(),
            nonfinite_tensors=(),
            sandbox=None,
            batch=first.batch,
            are_logits=True,
            checked_individually=first.checked_individually,
            batch_disagreements=first.batch_disagreements,
            code_sha256="",
        )
        units = [WorkUnit(Split.TEST, 0, 2), WorkUnit(Split.TEST, 2, count)]
        assembler = Assembler()
        parts = passing.parts({Split.TEST: dataset}, units, lambda done: None)
        assembler.consume(units, ((facts, part) for part in parts), {Split.TEST: dataset})
        return assembler.probe

    return show


def linear(given):
    flat = given.flatten(1)
    return torch.stack([flat.sum(1), -flat.sum(1)], dim=1)


def test_the_outputs_are_those_of_torch_in_evaluation_mode():
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.Dropout(),
        nn.Flatten(),
        nn.Linear(48, 2),
    )
    given = images()
    with torch.no_grad():
        expected = model.eval()(torch.from_numpy(given)).numpy()

    found = runner(model.train()).outputs(given)

    assert found == pytest.approx(expected, abs=1e-6)
    assert found.dtype == np.float32


def test_half_precision_outputs_are_read():
    model = Outputs(lambda given: linear(given).half())

    assert runner(model).outputs(images()).dtype == np.float32


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda given: {"logits": linear(given)}, "the model returned dict, not a tensor (N, 2)"),
        (lambda given: linear(given).repeat(1, 2), "the model has 4 outputs, the data has 2"),
        (lambda given: linear(given)[:3], "the output has the shape (3, 2), expected (N, 2)"),
        (lambda given: linear(given)[:, :, None], "the output has the shape (6, 2, 1)"),
    ],
)
def test_an_answer_of_another_shape_is_said_in_words(function, words):
    assert words in refused(Outputs(function), images())


def test_the_wrong_number_of_channels_is_said_with_both_numbers():
    model = nn.Sequential(nn.Conv2d(3, 2, 3), nn.Flatten())

    assert refused(model, images(channels=1)) == "the model expects 3 channels, the data has 1"


def test_a_layer_inside_is_called_by_its_name():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(8, 2, 3))

    assert refused(model, images()) == "layer 1 expects 8 channels, the layer before it has 4"


def test_a_head_for_another_size_is_said_with_the_size():
    model = nn.Sequential(nn.Flatten(), nn.Linear(9, 2))

    assert "layer 1 expects 9 features, images of 4 x 4 give 16" in refused(model, images())


def test_code_that_raises_is_told_in_one_line():
    def broken(given):
        raise ValueError("first line\nsecond line")

    fact = refused(Outputs(broken), images())

    assert "ValueError: first line" in fact
    assert "second" not in fact


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has what it must not have")
def test_a_device_that_is_not_there_is_wrong_usage():
    with pytest.raises(UsageError, match="this machine has no cuda"):
        choose_device("cuda")


def test_a_sound_model_shows_nothing(shown):
    probe = shown(linear)

    assert (probe.constant, probe.batch_disagreements, probe.nonfinite_tensors) == (False, 0, ())
    assert (probe.outputs, probe.checked_individually) == (6, 6)


def test_the_same_answer_to_every_image_is_constant(shown):
    assert shown(lambda given: torch.ones(len(given), 2)).constant


def test_one_other_answer_in_another_unit_is_not_constant(shown):
    def one_differs(given):
        answer = torch.ones(len(given), 2)
        answer[:, 0] += given.sum((1, 2, 3)) == last
        return answer

    last = torch.from_numpy(pictures(6)[-1] / np.float32(255)).sum()

    assert not shown(one_differs).constant


def test_answers_that_depend_on_the_batch_are_counted(shown):
    probe = shown(lambda given: linear(given - given.mean(dim=0)))

    assert probe.batch_disagreements == 6


def test_tensors_that_are_no_numbers_are_named():
    model = nn.BatchNorm1d(2)
    model.running_var[0] = float("inf")

    assert runner(model).weights().nonfinite == ("running_var",)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_an_output_that_is_no_number_ends_the_run_and_names_the_image(value):
    outputs = np.array([[0.0, 1.0], [value, 1.0]], np.float32)

    with pytest.raises(CheckpointError, match="the output for image b is NaN or infinite") as error:
        require_finite(outputs, ["a", "b"])

    assert error.value.kind == "numerically-bad"


def test_a_module_that_works_in_place_depends_on_no_batch_and_changes_no_image(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 300, 300), dtype=np.uint8)
    np.savez(tmp_path / "data.npz", images=pixels, labels=np.arange(32) % 2)
    dataset = open_dataset(DataSpec(path="data.npz"), base=tmp_path, classes=("cat", "dog"))
    transform = build_transform(InputSpec(), base=tmp_path)

    first = first_batch(dataset, transform, runner(Outputs(lambda given: linear(given.mul_(3)))))

    assert first.batch == len(first.images) == 32  # so that no copy is made to fill a batch up
    assert np.array_equal(first.images, transform.batch(pixels))
    assert (first.checked_individually, first.batch_disagreements) == (8, 0)


def test_a_split_is_there_though_the_next_one_fails(tmp_path):
    np.savez(tmp_path / "data.npz", images=pictures(6), labels=np.arange(6) % 2)
    dataset = open_dataset(DataSpec(path="data.npz"), base=tmp_path, classes=("cat", "dog"))
    transform = build_transform(InputSpec(), base=tmp_path)
    passing = ForwardPass(
        transform=transform, runners=(runner(Outputs(linear)),), are_logits=True, batch=16
    )
    datasets = {Split.TRAIN: dataset, Split.TEST: dataset}
    units = [WorkUnit(split, start, start + 3) for split in datasets for start in (0, 3)]
    facts = SimpleNamespace(
        with_difference_of=lambda other: other, differences=lambda other: (), undecided=False
    )

    def found():
        for place, part in enumerate(passing.parts(datasets, units, lambda done: None)):
            if place == 2:
                raise CheckpointError("model output", Refusal.NUMERICALLY_BAD, "is NaN", "train")
            yield facts, part

    assembler = Assembler()
    with pytest.raises(CheckpointError):
        assembler.consume(units, found(), datasets)

    assert list(assembler.splits) == [Split.TRAIN]
    assert len(assembler.splits[Split.TRAIN].rows) == 6


@pytest.mark.parametrize("lost", [0, 1], ids=["the first", "the last"])
def test_a_unit_that_nobody_measured_is_never_passed_over(tmp_path, lost):
    np.savez(tmp_path / "data.npz", images=pictures(6), labels=np.arange(6) % 2)
    dataset = open_dataset(DataSpec(path="data.npz"), base=tmp_path, classes=("cat", "dog"))
    transform = build_transform(InputSpec(), base=tmp_path)
    passing = ForwardPass(
        transform=transform, runners=(runner(Outputs(linear)),), are_logits=True, batch=16
    )
    units = [WorkUnit(Split.TEST, 0, 4), WorkUnit(Split.TEST, 4, 6)]
    facts = SimpleNamespace(
        with_difference_of=lambda other: other, differences=lambda other: (), undecided=False
    )
    parts = list(passing.parts({Split.TEST: dataset}, units, lambda done: None))
    del parts[lost]

    with pytest.raises(AssertionError, match=f"{units[lost].name} was not measured"):
        Assembler().consume(units, iter([(facts, part) for part in parts]), {Split.TEST: dataset})
