import csv
import os
import subprocess
import sys
from importlib.resources import files
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


def test_the_evaluation_prints_recall_by_edit_and_false_alarms_by_set(photographs):
    few = ("--only", "tiles", "--size", 64, "--count", 3, "--images", 6)
    run = evaluation(*few, "--photos", photographs)

    assert run.returncode == 0, run.stderr
    assert all(edit in run.stdout for edit in EDITS)
    assert "tiles of photographs, 64 pixels: 6" in run.stdout
    assert "false alarms: 0 of 6" in run.stdout


def test_the_table_of_the_report_is_what_the_evaluation_writes(photographs, tmp_path):
    file = tmp_path / "table.csv"
    run = evaluation("--photos", photographs, "--count", 2, "--images", 4, "--write-table", file)

    assert run.returncode == 0, run.stderr
    written, shipped = (
        list(csv.reader(text.splitlines()))
        for text in (
            file.read_text("utf-8"),
            files("gate.report").joinpath("copies_found.csv").read_text("utf-8"),
        )
    )
    assert written[0] == shipped[0]
    assert [row[0] for row in written] == [row[0] for row in shipped]
    assert written[1] == ["copied as it is", "1.00", "1.00", "1.00", "1.00"]


def test_a_set_that_cannot_be_made_is_skipped_and_named(tmp_path):
    run = evaluation("--only", "photos", "--photos", tmp_path)

    assert run.returncode == 1
    assert f"skipped: photos: 0 photographs of 100 kB or more in {tmp_path}" in run.stdout


def test_a_table_into_no_folder_is_refused(tmp_path):
    run = evaluation("--write-table", tmp_path / "none" / "table.csv")

    assert run.returncode == 2
    assert "is no folder" in run.stderr


def test_a_size_too_small_to_compare_is_refused(tmp_path):
    run = evaluation("--size", 8)

    assert run.returncode == 2
    assert "below 16 pixels" in run.stderr
