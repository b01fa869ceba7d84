import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HERE = Path(__file__).parent
EDITS = {"copied as it is", "turned by 5°", "cropped to 75 %", "in a black border", "inverted"}


def evaluation(*words):
    return subprocess.run(
        [sys.executable, HERE, *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )


@pytest.fixture(scope="module")
def photographs(tmp_path_factory):
    """Four scenes of noise that is smooth enough for a photograph, and a variant of the first."""
    folder = tmp_path_factory.mktemp("photographs")
    for seed, name in enumerate(["shore", "wood", "town", "hill", "shore-dark"]):
        rng = np.random.default_rng(seed % 4)
        coarse = Image.fromarray(rng.integers(0, 256, (40, 60, 3), np.uint8))
        coarse.resize((600, 400), Image.Resampling.BICUBIC).save(folder / f"{name}.png")
    return folder


@pytest.fixture(scope="module")
def evaluated(photographs, tmp_path_factory):
    """What the command says and writes of a few tiles of them."""
    file = tmp_path_factory.mktemp("table") / "table.json"
    few = ("--only", "tiles", "--size", 64, "--count", 3, "--images", 6)
    run = evaluation(*few, "--photos", photographs, "--write", file)
    assert run.returncode == 0, run.stderr
    return run.stdout, json.loads(file.read_text("utf-8"))


def test_the_evaluation_prints_recall_by_edit_and_false_alarms_by_set(evaluated):
    said, _ = evaluated

    assert all(edit in said for edit in EDITS)
    assert "tiles of photographs, 64 pixels: 6" in said
    assert "false alarms: 0 of 6" in said


def test_the_evaluation_writes_what_was_found_of_how_many(evaluated):
    _, table = evaluated

    assert set(table["sizes"]) == {"64"}
    assert set(table["sizes"]["64"]) >= EDITS
    assert table["sizes"]["64"]["copied as it is"] == [3, 3]
    assert table["false_alarms"] == {"tiles of photographs, 64 pixels": [0, 6]}
    assert table["pictures"] == {"tiles of photographs, 64 pixels": 6}


def test_a_set_that_cannot_be_made_is_skipped_and_named(tmp_path):
    run = evaluation("--only", "photos", "--photos", tmp_path)

    assert run.returncode == 1
    assert f"skipped: photos: 0 photographs of 100 kB or more in {tmp_path}" in run.stdout


def test_a_size_too_small_to_compare_is_refused(tmp_path):
    run = evaluation("--size", 8)

    assert run.returncode == 2
    assert "below 16 pixels" in run.stderr
