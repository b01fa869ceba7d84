"""Memory does not grow with the pixels: ten times the images take a few hundred bytes each."""

import subprocess
import sys

import numpy as np
import pytest

# Says at its end how much memory it held at most, and how much the process that measured for it.
# Of a process that was started by a large one, getrusage tells the size of that one; of a process
# that was forked, its own.
PROGRAM = """\
import resource
import sys
from pathlib import Path
from gate.cli import main
main(["run", *sys.argv[1:]])
status = Path("/proc/self/status").read_text()
judged = int(status.rpartition("VmHWM:")[2].split()[0])
measured = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(judged, measured, file=sys.stderr)
"""
FEW, MANY = 70_000, 700_000
GROWTH = 650  # bytes an image: rows, scores of ten classes, fingerprints, and what is made of them
PEAK = 1 << 30
NETS = """\
from torch import nn


def build():
    return nn.Sequential(nn.Conv2d(1, 8, 3, stride=2), nn.ReLU(), nn.Flatten(),
                         nn.Linear(8 * 13 * 13, 10))
"""


def write(folder, count):
    """Write an IDX of ``count`` pictures of 28 x 28 pixels, 549 MB for the larger one."""
    random = np.random.default_rng(count)
    with (folder / f"{count}-images-idx3-ubyte").open("wb") as file:
        file.write(b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (count, 28, 28)))
        for _ in range(0, count, 10_000):
            coarse = random.integers(0, 256, (10_000, 7, 7), np.uint8)
            file.write(coarse.repeat(4, axis=1).repeat(4, axis=2).tobytes())
    labels = random.integers(0, 10, count, np.uint8).tobytes()
    head = b"\0\0\x08\x01" + count.to_bytes(4, "big")
    (folder / f"{count}-labels-idx1-ubyte").write_bytes(head + labels)


def peak_of(project, count, *arguments):
    """Return the most bytes of memory that the processes of a run on so many images held."""
    project.write_gatefile(data={"test": {"path": f"{count}-images-idx3-ubyte"}})
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=project.folder, text=True, capture_output=True, timeout=800, check=True,
    )  # fmt: skip
    assert project.report()["data"]["test"]["images"] == count
    judging, measuring = (int(each) << 10 for each in ran.stderr.splitlines()[-1].split())
    return judging + measuring


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_ten_times_the_images_take_little_more_memory(project):
    import torch

    project.write("nets.py", NETS)
    scope = {}
    exec(NETS, scope)
    torch.save(scope["build"]().state_dict(), project.folder / "model.pt")
    project.gatefile |= {"input": {"channels": "L"}, "classes": [str(each) for each in range(10)]}
    for count in (FEW, MANY):
        write(project.folder, count)

    few, many = peak_of(project, FEW), peak_of(project, MANY)
    kept = peak_of(project, MANY)

    growth = (many - few) / (MANY - FEW)
    said = (
        f"{few >> 20} MiB for 70,000 images, {many >> 20} for 700,000, {kept >> 20} from the cache"
    )
    print(f"\n{said}; {growth:.0f} bytes an image")  # noqa: T201 -- the figures are what it is for
    assert few < PEAK
    assert growth < GROWTH
    assert (kept - few) / (MANY - FEW) < GROWTH
