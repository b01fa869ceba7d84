"""All archives of one checkpoint share a budget: shards, sample inputs, graphs and tables."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.archives import members_of, write_zip
from checkpoint_corpus.models import small_cnn
from checkpoint_corpus.mutants import deflated

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import open_checkpoint
from gate.subject.checkpoints.budgets import FREE_BYTES, MAX_ELEMENTS, STEPS_OF_A_MEMBER, Budget
from gate.subject.checkpoints.layouts import MOST_REPEATS
from gate.subject.checkpoints.program_graphs import check_graph
from gate.subject.checkpoints.refusals import RefusedError
from gate.subject.checkpoints.zips import MAX_MEMBERS, read_directory


def _refused(path: Path) -> CheckpointError:
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    return raised.value


def _zeros(path: Path, name: str, size: int) -> Path:
    """Write a deflated checkpoint of ``size`` bytes of zeros."""
    torch.save({name: torch.zeros(size // 4)}, path.with_suffix(".stored"))
    return deflated(path.with_suffix(".stored"), path)


def test_the_shards_of_a_folder_share_what_may_be_unpacked() -> None:
    budget = Budget(packed=3 << 10)

    budget.unpack(FREE_BYTES // 2, "")
    budget.unpack(FREE_BYTES // 2, "")
    with pytest.raises(RefusedError, match="more than is unpacked"):
        budget.unpack(FREE_BYTES // 2, "")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    path = tmp_path_factory.mktemp("program") / "good.pt2"
    model = small_cnn()
    torch.export.save(torch.export.export(model, (torch.zeros(2, 1, 16, 16),)), path)
    return members_of(path)


def _with(folder: Path, members: dict[str, bytes], **more: bytes) -> Path:
    top = next(iter(members)).partition("/")[0]
    added = {f"{top}/{name.replace('__', '/')}": content for name, content in more.items()}
    return write_zip(folder / "x.pt2", members | added)


def test_sample_inputs_unpack_to_no_more_than_one_file_does(
    program: dict[str, bytes], tmp_path: Path
) -> None:
    sample = _zeros(tmp_path / "sample.pt", "x", FREE_BYTES - (1 << 20)).read_bytes()
    samples = {f"data__sample_inputs__m{each}.pt": sample for each in range(20)}

    refused = _refused(_with(tmp_path, program, **samples))

    assert refused.refusal is Refusal.UNSAFE
    assert "than is unpacked" in refused.fact


def test_archives_share_the_members_that_are_listed() -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for each in range(10):
            archive.writestr(f"a/{each}", b"")
    budget = Budget(steps=15 * STEPS_OF_A_MEMBER)

    read_directory(memoryview(buffer.getvalue()), budget)
    with pytest.raises(RefusedError, match="too many members"):
        read_directory(memoryview(buffer.getvalue()), budget)


def test_an_archive_with_as_many_members_as_are_read_fits_a_budget() -> None:
    Budget().list_members(MAX_MEMBERS)


def test_graphs_and_tables_share_the_values_that_are_read(
    program: dict[str, bytes], tmp_path: Path
) -> None:
    many = b'{"a":[' + b"[]," * (MAX_ELEMENTS // 4) + b"[]]}"
    graphs = {f"models__m{each}.json": many for each in range(3)}

    assert "elements" in _refused(_with(tmp_path, program, **graphs)).fact


def test_guards_share_the_characters_that_are_parsed() -> None:
    graph = json.dumps({"guards_code": ["Max(1,1)"] * 10}).encode()

    check_graph("models/m.json", memoryview(graph), Budget(elements=110))
    with pytest.raises(RefusedError, match="elements"):
        check_graph("models/m.json", memoryview(graph), Budget(elements=90))


def _layouts(folder: Path, tensors: dict[str, torch.Tensor]) -> Path:
    torch.save(tensors, folder / "pytorch_model.bin")
    torch.save(tensors, folder / "part.bin")
    placed = dict.fromkeys(tensors, "part.bin")
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": placed}))
    return folder


def test_layouts_that_repeat_their_bytes_without_end_are_not_compared(tmp_path: Path) -> None:
    shared = torch.zeros(1 << 18)
    tensors = {f"w{each}": shared.view(512, 512).T for each in range(200)}

    assert "repeat its bytes" in _refused(_layouts(tmp_path, tensors)).fact


def test_layouts_with_tied_layers_are_compared(tmp_path: Path) -> None:
    shared = torch.rand(1 << 12)
    tensors = {f"w{each}": shared.view(64, 64).T for each in range(MOST_REPEATS)}

    assert len(open_checkpoint(_layouts(tmp_path, tensors)).tensors) == MOST_REPEATS
