"""The user's module in onnxruntime: used where it agrees with torch, declined in words if not."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from gate.errors import CheckpointError, MissingExtraError
from gate.measure.inference.first_images import FirstBatch
from gate.measure.inference.onnx_export import TOLERANCE, ExportedRunner, fastest
from gate.measure.inference.torch_runner import TorchRunner

pytest.importorskip("onnx", reason="the extra onnx writes the export")
pytest.importorskip("onnxruntime", reason="the extra onnx runs it")


class Scores(nn.Module):
    """Answers with what a function makes of the first three pixels, and may lie when exported."""

    def __init__(self, function, exported=None):
        super().__init__()
        self.function, self.exported = function, exported or function

    def forward(self, images):
        chosen = self.exported if torch.onnx.is_in_onnx_export() else self.function
        return chosen(images.flatten(1)[:, :3])


def images(count=20, size=8):
    return np.random.default_rng(count).random((count, 1, size, size), dtype=np.float32)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(), nn.Linear(128, 3)),
    ).eval()


def chosen(model, *, given=None, are_logits=True, threads=1):
    """Return who answers for a model, and the runner that torch has of it."""
    given = images() if given is None else given
    runner = TorchRunner.start(model, ("a", "b", "c"), "cpu")
    first = FirstBatch(
        batch=len(given),
        are_logits=are_logits,
        checked_individually=0,
        batch_disagreements=0,
        images=given,
        outputs=runner.outputs(given) if len(given) else np.empty((0, 3), np.float32),
    )
    return fastest(runner, first, threads), runner


def declined(*arguments, **more):
    """Return why torch gives the numbers, and by how much they differed."""
    found, runner = chosen(*arguments, **more)
    assert found.runner is runner
    (note,) = found.notes
    start = "the numbers are torch's and not onnxruntime's: "
    assert note.startswith(start)
    assert "\n" not in note
    return note.removeprefix(start), found.max_abs_difference


def test_a_network_is_answered_by_onnxruntime_and_the_note_says_how_far_it_agrees():
    found, _ = chosen(network())

    assert isinstance(found.runner, ExportedRunner)
    assert found.runner.backend.startswith("onnxruntime ")
    assert f"agree with torch's within {TOLERANCE} on the first 20 images" in found.notes[0]
    assert 0 <= found.max_abs_difference < 1e-5


@pytest.mark.parametrize("count", [1, 13, 64])
def test_its_answers_are_torchs_for_batches_of_any_size(count):
    found, runner = chosen(network())

    assert found.runner.outputs(images(count)) == pytest.approx(
        runner.outputs(images(count)), abs=1e-5
    )


def test_its_answers_do_not_depend_on_the_number_of_threads():
    one, _ = chosen(network(), threads=1)
    two, _ = chosen(network(), threads=2)

    assert np.array_equal(one.runner.outputs(images(64)), two.runner.outputs(images(64)))


def test_what_is_known_of_the_weights_is_what_the_module_showed():
    found, runner = chosen(network())

    assert found.runner.weights() == runner.weights()
    assert found.runner.weights().parameters > 0


def branching(pixels):
    return pixels if pixels.mean() > 0 else -pixels


def counting(pixels):
    return pixels * pixels.max().item()


@pytest.mark.parametrize("function", [branching, counting])
def test_code_that_takes_values_out_of_tensors_is_not_frozen_into_a_graph(function):
    line = function.__code__.co_firstlineno + 1

    reason, _ = declined(Scores(function))

    assert reason == (
        f"line {line} of test_onnx_export.py handles values in Python, which an export would freeze"
    )


def comparing(pixels):
    return pixels if torch.equal(pixels, pixels.flip(0)) else -pixels


def choosing(pixels):
    return pixels * [1, 2, 3][pixels.flatten()[:3].argmax()]


@pytest.mark.parametrize("function", [comparing, choosing])
def test_what_torch_does_not_warn_of_is_not_frozen_either(function):
    reason, _ = declined(Scores(function))

    assert reason == "its code handles values in Python, which an export would freeze"


def test_an_operator_that_onnx_lacks_is_named_in_one_line_and_nothing_is_printed(capsys):
    reason, _ = declined(Scores(lambda pixels: torch.fft.fft(pixels).abs()))

    assert reason.startswith("torch cannot export the model (UnsupportedOperatorError: ")
    assert "aten::fft_fft" in reason
    assert capsys.readouterr() == ("", "")


def test_code_that_raises_when_exported_is_told_in_its_first_line():
    def raising(pixels):
        raise ValueError("not \x1b[31mhere\nmore")

    reason, _ = declined(Scores(lambda pixels: pixels, raising))

    assert reason == r"torch cannot export the model (ValueError: not \x1b[31mhere)"


def test_scores_that_differ_are_torchs_and_the_difference_is_kept():
    reason, max_abs_difference = declined(
        Scores(lambda pixels: pixels, lambda pixels: pixels * 1.1)
    )

    assert reason == f"on the first 20 images their scores differ by more than {TOLERANCE}"
    assert max_abs_difference > TOLERANCE


def test_scores_that_are_no_numbers_do_not_agree():
    reason, max_abs_difference = declined(
        Scores(lambda pixels: pixels, lambda pixels: pixels * float("nan"))
    )

    assert "differ by more than" in reason
    assert max_abs_difference is None


def leaning(lead):
    """Return a function whose first class has half of that lead over the second."""

    def probabilities(pixels):
        nothing = pixels[:, 0] * 0
        return torch.stack([nothing + 0.5 + lead / 2, nothing + 0.5 - lead / 2, nothing], dim=1)

    return probabilities


def test_another_class_is_no_agreement_where_torch_leads_by_more_than_the_tolerance():
    lead = 1.4 * TOLERANCE
    reason, max_abs_difference = declined(
        Scores(leaning(lead), leaning(-lead / 10)), are_logits=False
    )

    assert max_abs_difference < TOLERANCE
    assert reason == "they name another class for one of the first images"


def test_another_class_is_agreement_where_torch_is_torn_between_two():
    lead = 0.4 * TOLERANCE

    found, _ = chosen(Scores(leaning(lead), leaning(-lead)), are_logits=False)

    assert isinstance(found.runner, ExportedRunner)


def test_a_graph_for_one_size_of_batch_is_declined():
    reason, _ = declined(Scores(lambda pixels: pixels, lambda pixels: pixels.reshape(2, 3)))

    assert "onnxruntime cannot take images of shape" in reason


def test_a_graph_that_is_right_for_full_batches_alone_is_declined():
    reason, _ = declined(Scores(lambda pixels: pixels, lambda pixels: pixels.repeat(10, 1)[:20]))

    assert reason == "for 1 image its output has the shape (10, 3)"


def test_a_graph_that_drops_images_is_declined():
    reason, _ = declined(Scores(lambda pixels: pixels, lambda pixels: pixels[:2]))

    assert reason == "for 20 images its output has the shape (2, 3)"


def test_a_model_on_another_device_stays_there():
    _, runner = chosen(network())
    elsewhere = replace(runner, place=torch.device("cuda"))

    found = fastest(elsewhere, FirstBatch(1, True, 0, 0, images(1), np.zeros((1, 3))), 1)

    assert found.runner is elsewhere
    assert "the model is on cuda, the export runs on the CPU" in found.notes[0]


def test_without_an_image_nothing_can_be_compared():
    assert declined(network(), given=images(0))[0] == "there is no image to compare them on"


def test_images_that_onnxruntime_cannot_take_end_the_pass_in_words():
    found, _ = chosen(network())

    with pytest.raises(CheckpointError, match="onnxruntime cannot take images of shape") as caught:
        found.runner.outputs(images(size=9))

    assert caught.value.remedy == "measure with --backend torch"


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_a_package_that_is_not_installed_is_asked_for_by_its_extra(missing, monkeypatch):
    from gate.measure.inference.runtime_versions import runtimes_of

    monkeypatch.setitem(__import__("sys").modules, missing, None)

    with pytest.raises(MissingExtraError) as caught:
        runtimes_of("onnxruntime", {})

    assert "'.[onnx]'" in caught.value.remedy
