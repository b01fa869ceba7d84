import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.archives import write_zip, zip_of
from checkpoint_corpus.models import small_cnn, state
from checkpoint_corpus.payloads import pickled, system
from safetensors.torch import save_file

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.folders import MORE

Weights = Mapping[str, torch.Tensor]


def whole(folder: Path, weights: Weights) -> None:
    save_file(dict(weights), folder / "model.safetensors")


def pickled_whole(folder: Path, weights: Weights) -> None:
    torch.save(dict(weights), folder / "pytorch_model.bin")


def _sharded(
    folder: Path, weights: Weights, suffix: str, write: Callable[[Weights, Path], object]
) -> None:
    names = list(weights)
    placed = {name: f"part-{'ab'[number % 2]}.{suffix}" for number, name in enumerate(names)}
    for file in sorted(set(placed.values())):
        write({name: weights[name] for name in names if placed[name] == file}, folder / file)
    stem = "model" if suffix == "safetensors" else "pytorch_model"
    (folder / f"{stem}.{suffix}.index.json").write_text(json.dumps({"weight_map": placed}))


def sharded(folder: Path, weights: Weights) -> None:
    _sharded(folder, weights, "safetensors", save_file)


def pickled_shards(folder: Path, weights: Weights) -> None:
    _sharded(folder, weights, "bin", lambda part, path: torch.save(dict(part), path))


LAYOUTS = {
    "model.safetensors": whole,
    "model.safetensors.index.json": sharded,
    "pytorch_model.bin": pickled_whole,
    "pytorch_model.bin.index.json": pickled_shards,
}
PAIRS = [(one, other) for one in LAYOUTS for other in LAYOUTS if one < other]


def _changed(change: Callable[[dict[str, torch.Tensor]], object]) -> dict[str, torch.Tensor]:
    weights = state()
    change(weights)
    return weights


def _refusal(folder: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(folder)
    return raised.value


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_layouts_of_the_same_tensors_are_judged_and_it_is_said(
    one: str, other: str, tmp_path: Path
) -> None:
    LAYOUTS[one](tmp_path, state())
    LAYOUTS[other](tmp_path, state())
    model = small_cnn()

    report = load_into(open_checkpoint(tmp_path), model)

    assert torch.equal(model.fc.weight, state()["fc.weight"])
    (note,) = report.notes
    assert one in note
    assert other in note


@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_layouts_that_differ_in_one_bit_are_refused_by_both_names(
    one: str, other: str, tmp_path: Path
) -> None:
    LAYOUTS[one](tmp_path, state())
    nudged = _changed(lambda weights: weights["fc.bias"].view(torch.int32)[3].bitwise_xor_(1))
    LAYOUTS[other](tmp_path, nudged)

    error = _refusal(tmp_path)

    assert error.refusal is Refusal.MISMATCH
    for words in (one, other, "fc.bias has other numbers"):
        assert words in error.fact
    assert "delete what is not deployed" in error.remedy


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weights: weights.pop("fc.bias"), "only one of them has fc.bias"),
        (lambda weights: weights.update(more=torch.ones(1)), "only one of them has more"),
        (
            lambda weights: weights.update({"fc.bias": weights["fc.bias"].double()}),
            "fc.bias of another kind or shape",
        ),
        (
            lambda weights: weights.update({"fc.bias": weights["fc.bias"][None]}),
            "fc.bias of another kind or shape",
        ),
        (
            lambda weights: weights.update({"bn1.running_mean": -weights["bn1.running_mean"]}),
            "bn1.running_mean has other numbers",
        ),
    ],
)
def test_what_differs_is_said(
    change: Callable[[dict[str, torch.Tensor]], object], words: str, tmp_path: Path
) -> None:
    whole(tmp_path, state())
    pickled_whole(tmp_path, _changed(change))

    error = _refusal(tmp_path)

    assert error.refusal is Refusal.MISMATCH
    assert words in error.fact


def test_the_last_number_of_a_large_tensor_counts(tmp_path: Path) -> None:
    large = torch.zeros(700, 800)  # more than the bytes that are compared at once
    whole(tmp_path, {"large": large})
    large[-1, -1] = 1e-30
    pickled_whole(tmp_path, {"large": large})

    assert "large has other numbers" in _refusal(tmp_path).fact


@pytest.mark.parametrize("same", [True, False])
def test_strides_do_not_matter_and_numbers_do(same: bool, tmp_path: Path) -> None:
    weights = {"a": torch.arange(600_000.0).reshape(3, 200_000), "b": torch.empty(0, 3)}
    whole(tmp_path, weights)
    turned = weights["a"].T.contiguous().T
    if not same:
        turned[2, 100_000] += 1
    pickled_whole(tmp_path, weights | {"a": turned})

    if same:
        assert len(open_checkpoint(tmp_path).tensors) == 2
    else:
        assert "a has other numbers" in _refusal(tmp_path).fact


def test_a_hostile_bin_beside_good_weights_is_refused_by_both_names(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    whole(tmp_path, state())
    write_zip(tmp_path / "pytorch_model.bin", zip_of(pickled(system(canary))))

    error = _refusal(tmp_path)

    assert error.refusal is Refusal.UNSAFE
    for words in ("model.safetensors, pytorch_model.bin", "os.system"):
        assert words in error.fact
    assert not canary.exists()


@pytest.mark.parametrize("broken", ["model.safetensors", "pytorch_model.bin"])
def test_a_layout_that_cannot_be_read_is_refused_by_both_names(broken: str, tmp_path: Path) -> None:
    whole(tmp_path, state())
    pickled_whole(tmp_path, state())
    (tmp_path / broken).write_bytes((tmp_path / broken).read_bytes()[:-20])

    error = _refusal(tmp_path)

    assert error.refusal is Refusal.CORRUPT
    assert "model.safetensors, pytorch_model.bin" in error.fact


def test_an_index_whose_shards_are_gone_is_refused_by_both_names(tmp_path: Path) -> None:
    whole(tmp_path, state())
    sharded(tmp_path, state())
    (tmp_path / "part-a.safetensors").unlink()

    error = _refusal(tmp_path)

    assert "model.safetensors, model.safetensors.index.json" in error.fact
    assert "part-a.safetensors: there is no such file" in error.fact


def test_a_layout_far_larger_than_the_other_is_not_read(tmp_path: Path) -> None:
    whole(tmp_path, state())
    with (tmp_path / "pytorch_model.bin").open("wb") as file:
        file.truncate((tmp_path / "model.safetensors").stat().st_size + MORE + 1)

    assert "pytorch_model.bin: it has 64" in _refusal(tmp_path).fact


def test_one_file_of_such_a_folder_is_just_the_file(tmp_path: Path) -> None:
    whole(tmp_path, state())
    pickled_whole(tmp_path, state(seed=7))

    checkpoint = open_checkpoint(tmp_path / "model.safetensors")

    assert checkpoint.format == "safetensors"
    assert checkpoint.notes == ()


@pytest.mark.parametrize("name", ["model.fp16.safetensors", "pytorch_model.fp16.bin"])
def test_a_variant_that_only_who_asks_for_it_gets_is_named_and_not_compared(
    name: str, tmp_path: Path
) -> None:
    whole(tmp_path, state())
    (tmp_path / name).write_bytes(b"half")

    (note,) = open_checkpoint(tmp_path).notes

    assert name in note
    assert "not read" in note


@pytest.mark.parametrize(("one", "other"), [(sharded, pickled_whole), (whole, pickled_shards)])
def test_the_digest_is_over_all_layouts(
    one: Callable[[Path, Weights], None], other: Callable[[Path, Weights], None], tmp_path: Path
) -> None:
    one(tmp_path, state())
    other(tmp_path, state())

    checkpoint = open_checkpoint(tmp_path)

    files = sorted(tmp_path.iterdir())
    lines = "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files)
    assert len(files) == 4
    assert checkpoint.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert checkpoint.size_bytes == sum(file.stat().st_size for file in files)


def test_the_weights_that_the_configuration_names_are_a_layout(tmp_path: Path) -> None:
    whole(tmp_path, state())
    save_file(state(seed=5), tmp_path / "other.safetensors")
    (tmp_path / "config.json").write_text('{"transformers_weights": "other.safetensors"}')

    error = _refusal(tmp_path)
    save_file(state(), tmp_path / "other.safetensors")

    assert "other.safetensors and model.safetensors differ" in error.fact
    assert "other.safetensors" in open_checkpoint(tmp_path).notes[0]


@pytest.mark.parametrize("named", ["../model.safetensors", "/model.safetensors", "weights.bin"])
def test_weights_that_the_configuration_names_outside_are_refused(
    named: str, tmp_path: Path
) -> None:
    whole(tmp_path, state())
    (tmp_path / "config.json").write_text(json.dumps({"transformers_weights": named}))

    assert _refusal(tmp_path).refusal is Refusal.UNSAFE


def test_an_adapter_that_loads_another_model_is_refused(tmp_path: Path) -> None:
    whole(tmp_path, state())
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "elsewhere"}')

    error = _refusal(tmp_path)

    assert error.refusal is Refusal.MISMATCH
    assert "merge_and_unload" in error.remedy
