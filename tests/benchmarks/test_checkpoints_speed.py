"""What vetting costs on a good state_dict of 45 MB: printed ratios, no verdict on time."""

import json
import statistics
import subprocess
import sys
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).parents[2]
ROUNDS = 7

# A process an observation: each starts with nothing loaded, and the two take turns.
OBSERVED = """
import json, sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[1])
begin = time.perf_counter()
import torch
from gate.subject.checkpoints import load_into, open_checkpoint
imported = time.perf_counter()
layers = [torch.nn.Conv2d(256, 256, 3) for _ in range(19)] + [torch.nn.Linear(256, 10)]
model = torch.nn.Sequential(*layers)
ready = time.perf_counter()
if sys.argv[2] == "bare":
    model.load_state_dict(torch.load(sys.argv[3], map_location="cpu", weights_only=True))
else:
    load_into(open_checkpoint(Path(sys.argv[3])), model)
done = time.perf_counter()
print(json.dumps([done - ready, done - ready + imported - begin]))
"""


def _observed(how: str, path: Path) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", OBSERVED, str(REPOSITORY), how, str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.benchmark
def test_the_overhead_of_vetting_a_state_dict_of_45_mb(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    layers = [torch.nn.Conv2d(256, 256, 3) for _ in range(19)] + [torch.nn.Linear(256, 10)]
    path = tmp_path / "model.pt"
    torch.save(torch.nn.Sequential(*layers).state_dict(), path)

    seen = {"bare": [], "vetted": []}
    for _ in range(ROUNDS):
        for how, observations in seen.items():
            observations.append(_observed(how, path))

    middle = {
        how: [statistics.median(each) for each in zip(*observations, strict=True)]
        for how, observations in seen.items()
    }
    with capsys.disabled():
        print(f"\n{path.stat().st_size / 1e6:.0f} MB, medians of {ROUNDS} processes in turn")  # noqa: T201 - the figures are the result
        for number, what in enumerate(("the load alone", "with the import of torch")):
            bare, vetted = middle["bare"][number], middle["vetted"][number]
            print(  # noqa: T201 - the figures are the result
                f"  {what}: bare {bare * 1e3:.0f} ms, vetted {vetted * 1e3:.0f} ms, "
                f"ratio {vetted / bare:.2f}"
            )
    assert all(len(observations) == ROUNDS for observations in seen.values())
