"""Mutated files: no crash, no hang, and nothing read that differs from what torch reads."""

import contextlib
import io
import pickle
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from checkpoint_corpus.archives import members_of, write_zip
from checkpoint_corpus.good import GOOD
from checkpoint_corpus.models import small_cnn
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError
from safetensors.torch import load as load_safetensors

from gate.errors import CheckpointError
from gate.subject.checkpoints import Checkpoint, load_into, open_checkpoint
from gate.subject.checkpoints.loading import build

SEEDS = [
    "zip",
    "zip with metadata",
    "legacy",
    "pickle protocol 5",
    "Lightning",
    "optimiser, scheduler and random state beside",
    "transposed and sliced tensors",
    "legacy, tensors that share a storage",
    "tensors with attributes",
    "numpy scalars beside",
    "safetensors",
    "an exported program, for its weights",
]

QUIET = settings(deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow])

# What a mutation does at a place: change a bit, write a telling byte, cut, repeat, or widen.
TELLING = [b"\x00", b"\xff", b"\x7f", b"c", b"R", b"b", b"Q", b"(", b"t", b"u", b".", b"0", b"2"]
places = st.floats(0, 1, exclude_max=True)
# One small change inside leaves a file that often still reads; several rarely do.
small = st.tuples(places, st.sampled_from(["flip", "write"]), st.integers(0, 255))
large = st.tuples(places, st.sampled_from(["cut", "repeat", "insert"]), st.integers(0, 255))
mutations = st.lists(small, min_size=1, max_size=2) | st.lists(
    small | large, min_size=1, max_size=4
)
cases = st.tuples(st.sampled_from(SEEDS), st.booleans(), mutations)


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("seeds")
    made = {}
    for number, title in enumerate(SEEDS):
        folder = root / str(number)
        folder.mkdir()
        made[title] = GOOD[title].make(folder)
    return made


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mutated") / "x.pt"


def _mutated(data: bytes, changes: list[tuple[float, str, int]]) -> bytes:
    for place, kind, number in changes:
        at = int(place * len(data))
        match kind:
            case "flip":
                data = data[:at] + bytes([data[at] ^ (1 << number % 8)]) + data[at + 1 :]
            case "write":
                data = data[:at] + TELLING[number % len(TELLING)] + data[at + 1 :]
            case "cut":
                data = data[:at] + data[at + 1 + number :] or b"\x00"
            case "repeat":
                data = data[: at + number] + data[at:]
            case _:
                data = data[:at] + TELLING[number % len(TELLING)] + data[at:]
    return data


def _write(
    seed: Path, target: Path, *, inside: bool, changes: list[tuple[float, str, int]]
) -> None:
    """Mutate the file, or its pickle or table inside a zip archive that stays sound."""
    data = seed.read_bytes()
    if not inside or not data.startswith(b"PK"):
        target.write_bytes(_mutated(data, changes))
        return
    members = members_of(seed)
    wanted = ("data.pkl", "weights_config.json")
    name = next(name for name in members if name.endswith(wanted))
    write_zip(target, members | {name: _mutated(members[name], changes)})


def _oracle(checkpoint: Checkpoint) -> dict[str, torch.Tensor] | None:
    """Return the same weights as their own library reads them, or None where it does not."""
    data = checkpoint.path.read_bytes()
    if checkpoint.format == "pt2-weights":
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about protocols; they are read all the same
            if checkpoint.format == "safetensors":
                return load_safetensors(data)
            found = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, ValueError, TypeError, KeyError):
        return None
    except (AttributeError, IndexError, EOFError, OSError, SafetensorError, AssertionError):
        return None
    weights = _under(checkpoint.key, found)
    return {name: each for name, each in weights.items() if isinstance(each, torch.Tensor)}


def _under(key: str | None, found: dict[str, Any]) -> dict[str, Any]:
    """Return what lies at a path with dots; a mutated name may have dots of its own."""
    if not key:
        return found
    name = next(name for name in found if key == name or key.startswith(f"{name}."))
    return _under(key[len(name) + 1 :], found[name])


def _judge(path: Path) -> None:
    with contextlib.suppress(CheckpointError):
        checkpoint = open_checkpoint(path)
        _compare({spec.name: build(spec) for spec in checkpoint.tensors}, _oracle(checkpoint))
        load_into(checkpoint, small_cnn())


def _compare(built: dict[str, torch.Tensor], oracle: dict[str, torch.Tensor] | None) -> None:
    if oracle is None:
        return
    assert built.keys() == oracle.keys()
    for name, tensor in built.items():
        theirs = oracle[name].detach()
        assert (tensor.dtype, tensor.shape) == (theirs.dtype, theirs.shape)
        flat = (each.contiguous().flatten().view(torch.uint8) for each in (tensor, theirs))
        assert torch.equal(*flat)


@settings(QUIET, max_examples=300)
@given(case=cases)
@example(case=("Lightning", True, [(0.0625, "write", 179)]))  # a dot inside the name of the weights
def test_a_mutated_file_is_refused_or_read_as_torch_reads_it(
    case: tuple[str, bool, list[tuple[float, str, int]]], seeds: dict[str, Path], workbench: Path
) -> None:
    title, inside, changes = case
    _write(seeds[title], workbench, inside=inside, changes=changes)

    _judge(workbench)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(QUIET, max_examples=10_000)
@given(case=cases)
def test_ten_thousand_mutated_files_are_refused_or_read_as_torch_reads_them(
    case: tuple[str, bool, list[tuple[float, str, int]]], seeds: dict[str, Path], workbench: Path
) -> None:
    title, inside, changes = case
    _write(seeds[title], workbench, inside=inside, changes=changes)

    _judge(workbench)


@settings(QUIET, max_examples=300)
@given(data=st.binary(max_size=600), start=st.sampled_from([b"", b"PK\x03\x04", b"\x80\x02"]))
def test_any_bytes_end_in_a_class_of_ours(data: bytes, start: bytes, workbench: Path) -> None:
    workbench.write_bytes(start + data)

    with pytest.raises(CheckpointError):
        open_checkpoint(workbench)


def test_one_byte_of_any_value_ends_in_a_class_of_ours(workbench: Path) -> None:
    for byte in range(256):
        workbench.write_bytes(bytes([byte]))

        with pytest.raises(CheckpointError):
            open_checkpoint(workbench)
