# ruff: noqa: T201 - a benchmark prints its figures
"""What it costs to ask again: k views against 1 + k passes of the sample and drawing them alone.

    python tests/benchmarks/views

Each program is a fresh process on one core, and they run in turn, round after round; what is told
is CPU time, which a busy machine changes less than the clock. A pass of the sample is a fourth of
what a run on five times as many images costs more than one on the sample: without start-up. The
bar: what views add to a run is at most 1.05 times (1 + k) passes and the drawing. The images fill
whole batches: the last batch of a pass is as large as the others, which counts where they are few.
Nothing asserts a time.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "speed"))
from processes import run  # noqa: E402 -- it lies there

GATE = Path(sys.executable).with_name("validate-model")
NETS = """\
from torch import nn


def net(channels):
    layers, width = [], channels
    for wider in (32, 64, 64):
        layers += [nn.Conv2d(width, wider, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
        width = wider
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 2))
"""
HEAD = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
rules:
  - {check: dataset-integrity}
"""
# Of the shipped policy behaviour: regions, codecs and weather.
REGIONS = "  - {check: region-evidence, severity: warn, images: 2000}\n"
VIEWS = ("jpeg:90", "lsb:1", "noise:1", "blur:1", "brighten:1", "darken:1", "contrast:1", "shift:1")
OTHERS = (
    f"  - {{check: stability, views: {json.dumps(VIEWS)}, max_drop: 0.9, severity: warn, "
    "images: 2000}\n"
)
_TIMES = 5  # as many images as the sample: what they cost more is four passes of it
KINDS = {"small": (1, 28, 28, "png"), "photos": (3, 225, 301, "jpg")}


def main() -> None:
    """Print the ratio of each kind of images, as the median of the rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--images", type=int, nargs=2, default=(1024, 96), help="of each kind")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--alone", nargs=2, help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.alone:
        print(_drawing(Path(said.alone[0]), said.alone[1]))
        return
    for kind, images in zip(KINDS, said.images, strict=True):
        if kind in said.only:
            with tempfile.TemporaryDirectory(prefix="views-") as folder:
                _measure(kind, images, said.rounds, Path(folder))


def _measure(kind: str, images: int, rounds: int, folder: Path) -> None:
    _write_job(kind, images, folder)
    sides = {"regions": (REGIONS, 2 * 14), "all": (REGIONS + OTHERS, 2 * 14 + len(VIEWS))}
    ratios: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds):
        plain, more = (_cpu(folder, data, HEAD) for data in ("sample", "more"))
        a_pass = (more - plain) / (_TIMES - 1)
        for name, (rules, views) in sides.items():
            drawing = _alone(folder, name)
            added = _cpu(folder, "sample", HEAD + rules) - plain
            bar = (1 + views) * (a_pass) + drawing
            ratios[name].append(added / bar)
            print(
                f"{kind}, round {number + 1}, {name}: {views} views added {added:.2f} CPU s; a "
                f"pass {a_pass:.2f}, drawing {drawing:.2f}: {added / bar:.3f} of the bar",
                flush=True,
            )
    for name, each in ratios.items():
        print(f"{kind}, {name}: median {median(each):.3f} (bar 1.05)")


def _cpu(folder: Path, data: str, policy: str) -> float:
    """Return the CPU seconds of a run on some images, by a policy."""
    (folder / "policy.yaml").write_text(policy)
    command = [GATE, "run", folder / f"{data}.yaml", "--out", folder / "out", "--no-cache"]
    return run(command, threads=1, settings=_settings(), statuses=(0, 1, 3))[0].cpu


def _alone(folder: Path, which: str) -> float:
    command = [sys.executable, HERE, "--alone", folder / "sample", which]
    return float(run(command, threads=1, settings=_settings())[1])


def _settings() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def _drawing(folder: Path, which: str) -> float:
    """Return the CPU seconds that it takes to draw the views of all images, and nothing else."""
    from gate.views.drawing import draw
    from gate.views.names import outer_cells, parse_view
    from gate.views.pixels import Surroundings

    regions = ("frame:0.2", *(f"cell:4:{cell}" for cell in outer_cells(4)), "tint")
    names = [f"swap:{region}:{donor}" for region in regions for donor in ("same", "other")]
    views = [parse_view(each) for each in (*names, *(VIEWS if which == "all" else ()))]
    pixels = [np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.*"))]
    began = time.process_time()
    for place, image in enumerate(pixels):
        around = Surroundings((128,), image.shape[:2], pixels[place - 1])
        for view in views:
            draw(view, image, f"{place:064x}", around)
    return time.process_time() - began


def _write_job(kind: str, images: int, folder: Path) -> None:
    """Write a net, a sample and five times as many images, each with its gate file."""
    channels, height, width, ending = KINDS[kind]
    (folder / "nets.py").write_text(NETS)
    save = (
        "import torch, nets; torch.manual_seed(0); "
        f"torch.save(nets.net({channels}).state_dict(), 'model.pt')"
    )
    subprocess.run([sys.executable, "-c", save], cwd=folder, check=True)
    draws = np.random.default_rng(1)
    for index in range(_TIMES * images):
        coarse = draws.integers(0, 256, (8, 8, channels), np.uint8).squeeze()
        picture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        for data in ("sample", "more") if index < images else ("more",):
            path = folder / data / ("even", "odd")[index % 2] / f"{index:05}.{ending}"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)
    size = [28, 28] if kind == "small" else [224, 224]
    for data in ("sample", "more"):
        document = {
            "apiVersion": "gate/v1",
            "kind": "Validation",
            "model": {
                "checkpoint": "model.pt", "factory": "nets:net", "kwargs": {"channels": channels},
            },
            "classes": ["even", "odd"],
            "data": {"test": {"path": data}},
            "input": {
                "size": size, "resize": "stretch", "channels": "L" if channels == 1 else "RGB",
            },
            "policy": "policy.yaml",
        }  # fmt: skip
        (folder / f"{data}.yaml").write_text(json.dumps(document))


if __name__ == "__main__":
    main()
