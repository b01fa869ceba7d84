"""Ctrl-C in the middle of a run."""

import signal
import subprocess
import sys
import time

LAST = {"report": ".json", "judged": ".json", "evidence": ".sqlite"}  # kept under other names

SLOW = """\
import time
from pathlib import Path
import numpy as np


class Slow:
    classes = ["dark", "bright"]

    def __len__(self):
        return 1000

    def __getitem__(self, index):
        Path("started").touch()
        time.sleep(0.01)
        return np.full((8, 8), index % 200, np.uint8), index % 2


def test_set():
    return Slow()
"""
PROGRAM = [sys.executable, "-m", "gate", "run"]


def _hears_ctrl_c():
    # What a shell starts in the background is born deaf to it, and so is all that it starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_ctrl_c_ends_in_130_and_leaves_no_half_written_file(project):
    project.run(data={"test": {"path": "test.npz"}})
    project.write("slow.py", SLOW)
    project.run("--size", "nonsense", data={"test": {"factory": "slow:test_set"}})
    before = {path.name for path in project.folder.iterdir()}
    with subprocess.Popen(
        PROGRAM, cwd=project.folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_hears_ctrl_c,
    ) as process:  # fmt: skip
        while not (project.folder / "started").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert out == ""
    assert err.endswith("Interrupted; no report was written.\n")
    assert "Traceback" not in err
    left = {each.name for each in (project.folder / "gate-out").iterdir()}
    assert left == {f"{name}.previous{suffix}" for name, suffix in LAST.items()}
    after = {path.name for path in project.folder.iterdir()} - {"__pycache__"}
    assert after == before - {"__pycache__"} | {"started"}
