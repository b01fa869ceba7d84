# ruff: noqa: T201 - a benchmark prints its figures
"""Which ratio of the times of two nets can be told on this machine: identical nets, turn about.

    python tests/benchmarks/latency

Each repeat is a run of its own with 100 turns, as the check `budget` takes them. Where nothing
differs, the ratio strays from 1 by the machine alone, and the lower bound says from which limit on
such a pair would fail. A net of twice the work stands beside it. Nothing asserts a time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np

from gate.evidence.costs import SECONDS, SECONDS_VERSUS
from gate.evidence.store import load
from gate.metrics.latency import MedianRatio
from gate.run import Settings, validate

TURNS = 100
NETS = """\
import torch
from torch import nn


class Often(nn.Module):
    def __init__(self, times):
        super().__init__()
        self.first = nn.Conv2d(1, 32, 3, padding=1)
        self.body = nn.Conv2d(32, 32, 3, padding=1)
        self.head = nn.Linear(32, 2)
        self.times = times

    def forward(self, images):
        images = self.first(images)
        for _ in range(self.times):
            images = torch.relu(self.body(images))
        return self.head(images.mean(dim=(2, 3)))


def net(times):
    return Often(times)
"""
POLICY = f"""\
apiVersion: gate/v1
kind: Policy
metadata: {{name: latency, version: 1.0.0}}
rules:
  - {{check: dataset-integrity}}
  - {{check: budget, latency: {{versus: champion, turns: {TURNS}, severity: warn}}}}
"""


def main() -> None:
    """Print the ratios of identical nets, and of one with twice the work."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=12)
    repeats = parser.parse_args().repeats
    for name, times in (("identical", 6), ("twice the work", 12)):
        with tempfile.TemporaryDirectory(prefix="latency-") as folder:
            found = [_ratio(Path(folder), times) for _ in range(repeats)]
        values = [each.value for each in found]
        bounds = [each.lower(0.95) for each in found]
        print(
            f"{name}: {repeats} repeats of {TURNS} turns: ratio {min(values):.3f} to "
            f"{max(values):.3f}, median {median(values):.3f}; lower bound {min(bounds):.3f} to "
            f"{max(bounds):.3f}"
        )


def _ratio(folder: Path, times: int) -> MedianRatio:
    """Return the ratio of a net of so many layers to one of six, as a run measures it."""
    if not (folder / "gate.yaml").exists():
        _write_job(folder, times)
    settings = Settings(out=folder / "out")
    validate(folder / "gate.yaml", settings=settings)
    rows = next(iter(load(folder / "out" / "evidence.sqlite").splits.values())).rows
    [key] = {key for key, _ in rows.observations if key.startswith("latency")}
    seconds = rows.observed(key)
    asked = ~np.isnan(seconds[SECONDS])
    return MedianRatio(seconds[SECONDS][asked] / seconds[SECONDS_VERSUS][asked])


def _write_job(folder: Path, times: int) -> None:
    (folder / "nets.py").write_text(NETS)
    save = (
        "import torch, nets; torch.manual_seed(0); state = nets.net(6).state_dict(); "
        "torch.save(state, 'model.pt'); state['head.bias'] += 1; torch.save(state, 'twin.pt')"
    )
    subprocess.run([sys.executable, "-c", save], cwd=folder, check=True)
    images = np.random.default_rng(1).integers(0, 256, (2 * TURNS, 28, 28), np.uint8)
    np.savez(folder / "test.npz", images=images, labels=np.arange(len(images)) % 2)
    factory = {"factory": "nets:net"}
    document = {
        "apiVersion": "gate/v1",
        "kind": "Validation",
        "model": {"checkpoint": "model.pt", **factory, "kwargs": {"times": times}},
        "artefacts": {"champion": {"checkpoint": "twin.pt", **factory, "kwargs": {"times": 6}}},
        "classes": ["even", "odd"],
        "data": {"test": {"path": "test.npz"}},
        "input": {"size": [28, 28], "channels": "L"},
        "policy": "policy.yaml",
    }
    (folder / "policy.yaml").write_text(POLICY)
    (folder / "gate.yaml").write_text(json.dumps(document))


if __name__ == "__main__":
    main()
