# ruff: noqa: T201 - a benchmark prints its ratios
"""How long the commands take that people wait for at every commit; nothing is asserted of time."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROUNDS = 15
BARS = {"--version": 100, "policy lint baseline": 250}  # milliseconds, on an idle machine


@pytest.mark.benchmark
def test_starting_costs_this_many_times_a_bare_python(capsys, tmp_path):
    program = shutil.which("validate-model", path=str(Path(sys.executable).parent))
    assert program, "the package is installed beside this Python"
    commands = {"python -c pass": [sys.executable, "-c", "pass"]}
    commands |= {name: [program, *name.split()] for name in BARS}
    seconds = {name: [] for name in commands}
    # As on a machine where the program has run before: its bytecode is there.
    settings = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    settings["PYTHONPYCACHEPREFIX"] = str(tmp_path)

    # In turn, so that a busy moment of the machine falls on all of them; the first round warms up.
    for turn in range(ROUNDS + 1):
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True, env=settings)
            if turn:
                seconds[name].append(time.perf_counter() - started)

    medians = {name: 1000 * statistics.median(values) for name, values in seconds.items()}
    bare = medians["python -c pass"]
    with capsys.disabled():
        print(f"\npython -c pass: {bare:.0f} ms (median of {ROUNDS})")
        for name, bar in BARS.items():
            ratio = medians[name] / bare
            print(f"validate-model {name}: {medians[name]:.0f} ms, {ratio:.1f} x (bar {bar} ms)")
    assert set(medians) == set(commands)
