"""Thousands of changed checkpoints of every family: words of ours or a load, and nothing else.

A child judges a thousand; it ends by an alarm where a file takes ten seconds, and has two
gibibytes more than it began with. A failure names seed and number, which make the same file again.
"""

from pathlib import Path

import pytest
from checkpoint_corpus.good import GOOD
from checkpoint_corpus.mutants import deflated
from fuzzing import judge_in_children

MUTANTS = Path(__file__).parent / "checkpoint_corpus" / "mutants.py"
FAMILIES = {
    "zip": "zip",
    "legacy": "legacy",
    "protocol-5": "pickle protocol 5",
    "training": "optimiser, scheduler and random state beside",
    "lightning": "Lightning",
    "shared": "legacy, tensors that share a storage",
    "safetensors": "safetensors",
    "exported": "an exported program, for its weights",
    "sharded": "sharded safetensors",
    "sharded-bin": "sharded .bin files",
}


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the good files under ``seeds``; an ONNX graph is made by hand."""
    folder = tmp_path_factory.mktemp("fuzz")
    seeds = folder / "seeds"
    seeds.mkdir()
    for name, title in FAMILIES.items():
        made = folder / name
        made.mkdir()
        GOOD[title].make(made).rename(seeds / name)
    deflated(seeds / "zip", seeds / "zip-deflated")
    deflated(seeds / "exported", seeds / "exported-deflated")
    (seeds / "onnx").write_bytes(b"\x08\x08\x12\x07pytorch" + bytes(range(256)) * 4)
    return folder


def test_some_hundred_mutants_end_in_words_of_ours_or_load(bench: Path) -> None:
    ends = judge_in_children(MUTANTS, bench, cases=300, seed=7)

    assert ends.total() == 300
    assert {"loaded", "corrupt", "refused-unsafe", "mismatch"} <= ends.keys()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_mutants_end_in_words_of_ours_or_load(bench: Path) -> None:
    ends = judge_in_children(MUTANTS, bench, cases=10_000, seed=1)

    assert ends.total() == 10_000
    assert ends["loaded"] > 100


def test_a_mutant_is_made_again_from_its_seed_and_number(bench: Path, tmp_path: Path) -> None:
    import random

    from checkpoint_corpus.mutants import prepare, write

    seeds, _ = prepare(bench)
    for each in ("first", "second"):
        write(tmp_path / each, {"zip": seeds["zip"]}, random.Random("1/2"))

    assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()
