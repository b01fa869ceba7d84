from pathlib import Path

import pytest
import torch
from checkpoint_corpus.bad import CORRUPT, MISFITS, NUMERICALLY_BAD, TRICKS
from checkpoint_corpus.models import SmallCnn, state
from safetensors.torch import save_file

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.checkpoints.sealing import seal


def _refused(path: Path, model: torch.nn.Module, key: str | None = None) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        load_into(open_checkpoint(path, key=key), model)
    assert raised.value.exit_status == 4
    assert raised.value.remedy
    assert str(path).startswith(raised.value.where)
    assert str(raised.value).isprintable()
    return raised.value


@pytest.mark.parametrize("title", CORRUPT)
def test_a_corrupt_file_is_called_corrupt(title: str, tmp_path: Path, model: SmallCnn) -> None:
    error = _refused(CORRUPT[title](tmp_path), model)

    assert error.refusal is Refusal.CORRUPT


@pytest.mark.parametrize("title", TRICKS)
def test_a_tensor_that_is_not_plain_is_refused_as_unsafe(
    title: str, tmp_path: Path, model: SmallCnn
) -> None:
    error = _refused(TRICKS[title](tmp_path), model)

    assert error.refusal is Refusal.UNSAFE


@pytest.mark.parametrize("title", MISFITS)
def test_a_file_for_another_model_is_a_mismatch_in_words_an_engineer_wants(
    title: str, tmp_path: Path, model: SmallCnn
) -> None:
    misfit = MISFITS[title]

    error = _refused(misfit.make(tmp_path), model)

    assert error.refusal is Refusal.MISMATCH
    assert all(word in str(error) for word in misfit.words)
    assert error.identity.sha256 is not None


@pytest.mark.parametrize("title", NUMERICALLY_BAD)
def test_weights_that_cannot_give_sound_outputs_are_numerically_bad(
    title: str, tmp_path: Path, model: SmallCnn
) -> None:
    make, name = NUMERICALLY_BAD[title]

    error = _refused(make(tmp_path), model)

    assert error.refusal is Refusal.NUMERICALLY_BAD
    assert name in error.fact


def test_no_tensor_is_built_for_a_model_that_it_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: SmallCnn
) -> None:
    def build(spec: object) -> None:
        raise AssertionError("a tensor was built")

    monkeypatch.setattr("gate.subject.checkpoints.loading.build", build)
    torch.save(state(classes=5), tmp_path / "x.pt")

    assert _refused(tmp_path / "x.pt", model).refusal is Refusal.MISMATCH


@pytest.mark.parametrize(
    ("key", "fact"),
    [
        ("teacher", "no model under `teacher`; it holds model, ema.a, ema.b"),
        ("ema", "`ema` holds 2 models: ema.a, ema.b"),
    ],
)
def test_a_key_that_leads_nowhere_or_to_several_models_is_refused(
    key: str, fact: str, tmp_path: Path, model: SmallCnn
) -> None:
    torch.save({"model": state(), "ema": {"a": state(), "b": state()}}, tmp_path / "x.pt")

    error = _refused(tmp_path / "x.pt", model, key)

    assert error.refusal is Refusal.MISMATCH
    assert fact in error.fact


@pytest.mark.parametrize("key", [None, "ema.a"])
def test_two_models_whose_paths_look_alike_are_refused(
    key: str | None, tmp_path: Path, model: SmallCnn
) -> None:
    torch.save({"ema.a": state(), "ema": {"a": state()}}, tmp_path / "x.pt")

    error = _refused(tmp_path / "x.pt", model, key)

    assert error.refusal is Refusal.MISMATCH
    assert "two models under one path, `ema.a`" in error.fact


def test_a_key_is_not_passed_over_where_the_format_has_none(
    tmp_path: Path, model: SmallCnn
) -> None:
    save_file(state(), tmp_path / "x.safetensors")

    assert "remove `key`" in _refused(tmp_path / "x.safetensors", model, "ema").remedy


def test_another_file_than_the_pinned_one_is_refused(tmp_path: Path) -> None:
    torch.save(state(), tmp_path / "x.pt")

    with pytest.raises(CheckpointError, match="is pinned") as raised:
        open_checkpoint(tmp_path / "x.pt", sha256="0" * 64)

    assert raised.value.refusal is Refusal.MISMATCH
    assert raised.value.identity.sha256 is not None


def test_a_model_that_refuses_its_weights_is_a_mismatch_in_one_line(tmp_path: Path) -> None:
    class Picky(SmallCnn):
        def load_state_dict(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("line one\nline two")

    torch.save(state(), tmp_path / "x.pt")

    error = _refused(tmp_path / "x.pt", Picky())

    assert error.refusal is Refusal.MISMATCH
    assert r"line one\nline two" in error.fact


def test_a_file_without_rights_is_refused_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    def denied(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    torch.save(state(), tmp_path / "x.pt")
    monkeypatch.setattr(os, "open", denied)

    with pytest.raises(CheckpointError, match=r"cannot be opened \(Permission denied\)"):
        open_checkpoint(tmp_path / "x.pt")


def test_a_path_with_a_null_byte_is_refused_in_words() -> None:
    with pytest.raises(CheckpointError, match="not a path"):
        open_checkpoint(Path("a\0b.pt"))


def test_a_counter_that_was_cast_with_the_weights_is_told_how_to_cast_without(
    tmp_path: Path,
) -> None:
    class Normalised(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = torch.nn.BatchNorm2d(3)

    halved = {name: tensor.half() for name, tensor in Normalised().state_dict().items()}
    torch.save(halved, tmp_path / "x.pt")

    error = _refused(tmp_path / "x.pt", Normalised())

    assert "norm.num_batches_tracked is float16, the model has int64" in error.fact
    assert "tensor.half() if tensor.is_floating_point() else tensor" in error.remedy


def test_a_file_that_is_not_there_is_looked_for_whatever_it_is(tmp_path: Path) -> None:
    """An artefact that is deployed is sealed as a checkpoint is."""
    with pytest.raises(RefusedError) as refused:
        seal(tmp_path / "model.onnx")

    assert refused.value.remedy == "check its path: nothing is downloaded"
