import hashlib
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.good import GOOD
from checkpoint_corpus.models import SmallCnn, small_cnn, state
from safetensors.torch import load_file, save_file

from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.loading import build


@pytest.mark.parametrize("title", GOOD)
def test_a_good_file_gives_the_weights_that_were_saved(
    title: str, tmp_path: Path, model: SmallCnn
) -> None:
    family = GOOD[title]

    load_into(open_checkpoint(family.make(tmp_path), key=family.key), model)

    for name, expected in state().items():
        if name == "bn1.num_batches_tracked":
            continue
        tolerance = 0.0 if family.exact else 0.01
        torch.testing.assert_close(
            model.state_dict()[name], expected, rtol=tolerance, atol=tolerance
        )


@pytest.mark.parametrize("title", [title for title, family in GOOD.items() if family.stock])
def test_every_tensor_is_what_torch_reads_bit_for_bit(title: str, tmp_path: Path) -> None:
    family = GOOD[title]
    path = family.make(tmp_path)

    checkpoint = open_checkpoint(path, key=family.key)

    oracle = torch.load(path, map_location="cpu", weights_only=True)
    for part in checkpoint.key.split(".") if checkpoint.key else []:
        oracle = oracle[part]
    assert [spec.name for spec in checkpoint.tensors] == list(oracle)
    for spec in checkpoint.tensors:
        built = build(spec)
        assert built.dtype == oracle[spec.name].dtype
        assert type(built) is torch.Tensor
        assert torch.equal(built, oracle[spec.name].detach())


@pytest.mark.parametrize(
    "dtype",
    [
        "float64",
        "float16",
        "bfloat16",
        "int32",
        "int16",
        "uint8",
        "bool",
        "complex64",
        "complex128",
        "uint16",
    ],
)
def test_numbers_of_every_kind_are_read_as_torch_reads_them(dtype: str, tmp_path: Path) -> None:
    saved = {
        "weight": torch.ones(2),
        "x": torch.arange(6.0).reshape(2, 3).to(getattr(torch, dtype)),
    }
    torch.save(saved, tmp_path / "x.pt")

    built = build(open_checkpoint(tmp_path / "x.pt").tensors[1])

    oracle = torch.load(tmp_path / "x.pt", weights_only=True)["x"]
    assert built.dtype == oracle.dtype == getattr(torch, dtype)
    assert torch.equal(built.view(torch.uint8), oracle.view(torch.uint8))


def test_safetensors_are_read_as_their_own_library_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    save_file(state() | {"half": torch.rand(3).half(), "none": torch.zeros(0, 2)}, path)

    built = {spec.name: build(spec) for spec in open_checkpoint(path).tensors}

    oracle = load_file(path)
    assert built.keys() == oracle.keys()
    assert all(torch.equal(built[name], oracle[name]) for name in oracle)


def test_the_model_owns_its_weights_after_the_load(tmp_path: Path, model: SmallCnn) -> None:
    torch.save(state(), tmp_path / "x.pt")
    checkpoint = open_checkpoint(tmp_path / "x.pt")
    load_into(checkpoint, model)

    checkpoint.tensors[0].data[:] = bytes(checkpoint.tensors[0].data.nbytes)

    assert torch.equal(model.conv1.weight, state()["conv1.weight"])


def test_the_bytes_judged_are_those_that_were_hashed(tmp_path: Path, model: SmallCnn) -> None:
    path = tmp_path / "x.pt"
    torch.save(state(), path)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    checkpoint = open_checkpoint(path)

    torch.save(state(seed=9), path)  # somebody changes the file between vetting and loading
    load_into(checkpoint, model)

    assert checkpoint.sha256 == before
    assert torch.equal(model.fc.weight, state()["fc.weight"])


def test_the_digest_of_a_folder_is_that_of_its_sha256sum_lines(tmp_path: Path) -> None:
    checkpoint = open_checkpoint(GOOD["sharded safetensors"].make(tmp_path))

    files = sorted(tmp_path.iterdir())
    lines = "".join(f"{hashlib.sha256(f.read_bytes()).hexdigest()}  {f.name}\n" for f in files)
    assert checkpoint.sha256 == hashlib.sha256(lines.encode()).hexdigest()
    assert checkpoint.size_bytes == sum(file.stat().st_size for file in files)
    assert checkpoint.format == "huggingface"


def test_what_was_done_to_make_it_fit_is_reported(tmp_path: Path, model: SmallCnn) -> None:
    weights = {f"module.{n}": v.half() if v.is_floating_point() else v for n, v in state().items()}
    del weights["module.bn1.num_batches_tracked"]
    torch.save({"model_state_dict": weights}, tmp_path / "x.pt")

    report = load_into(open_checkpoint(tmp_path / "x.pt"), model)

    assert report.key == "model_state_dict"
    assert report.prefix == "module."
    assert report.casts == ("10 tensors from float16 to float32",)
    assert report.parameters == sum(each.numel() for each in small_cnn().parameters())
    assert report.notes == (
        "the prefix `module.` was taken off every name",
        "1 batch counter not in the file; they do not change predictions",
    )


def test_weights_that_are_registered_as_buffers_are_counted_as_parameters(tmp_path: Path) -> None:
    """The statistics of a norm are not: the model above has some."""
    hidden = small_cnn()
    for module in hidden.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            delattr(module, name)
            module.register_buffer(name, weight.detach())
    torch.save(hidden.state_dict(), tmp_path / "x.pt")

    report = load_into(open_checkpoint(tmp_path / "x.pt"), hidden)

    assert report.parameters == sum(each.numel() for each in small_cnn().parameters())


def test_a_model_that_has_the_prefix_itself_keeps_it(tmp_path: Path) -> None:
    wrapped = torch.nn.ModuleDict({"model": small_cnn()})
    torch.save({f"model.{name}": value for name, value in state().items()}, tmp_path / "x.pt")

    report = load_into(open_checkpoint(tmp_path / "x.pt"), wrapped)

    assert report.prefix == ""


def test_a_pinned_digest_lets_the_pinned_file_in(tmp_path: Path) -> None:
    path = tmp_path / "x.pt"
    torch.save(state(), path)
    pin = hashlib.sha256(path.read_bytes()).hexdigest()

    assert open_checkpoint(path, sha256=pin.upper()).sha256 == pin
