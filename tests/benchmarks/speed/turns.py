"""The programs of one job, each a fresh process, one after the other, round by round."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processes import Taken, run

HERE = Path(__file__).parent
GATE = Path(sys.executable).with_name("validate-model")
JUDGED = (0, 1, 3)  # the gate's exit statuses of pass, fail and inconclusive


@dataclass(slots=True)
class Rounds:
    """What one job took on so many cores, a list of rounds for each program."""

    job: str
    threads: int
    images: int
    flops: int  # of one image
    taken: dict[str, list[Taken]] = field(default_factory=dict)
    # Of the bound, by limit.py before and after the gate.
    parts: list[dict[str, float]] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)  # matrices that are not the script's

    def add(self, program: str, taken: Taken) -> None:
        """Add what ``program`` took in this round."""
        self.taken.setdefault(program, []).append(taken)


def environment(**more: str) -> dict[str, str]:
    """Return the settings of a machine where the programs have run before, and ``more``."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(Path(tempfile.gettempdir(), "speed-bytecode"))} | more


def has_cache() -> bool:
    """Return whether this gate keeps what it measured."""
    _, words = run([GATE, "run", "--help"], threads=1, settings=environment())
    return "--no-cache" in words


def take_turns(folder: Path, threads: int, rounds: int, scripted: int) -> Iterator[Rounds]:
    """Yield the same record after every round; the first round also compares the answers.

    The script, which takes longest, has its turn in the first ``scripted`` rounds, at least one.
    """
    job = json.loads((folder / "job.json").read_text())
    record = Rounds(folder.name, threads, job["images"], job["flops"])
    cached = has_cache()
    for number in range(rounds):
        with tempfile.TemporaryDirectory(prefix="speed-") as name:
            place = Path(name)
            _one_round(folder, place, record, cached=cached)
            if number < max(1, scripted):
                _script(folder, place, record)
            if number == 0:
                record.differing += _differing(place)
        yield record


def gate(folder: Path, out: Path, cache: Path, threads: int) -> Taken:
    """Return what the gate takes on the job in ``folder``; its report is left in ``out``."""
    command = [GATE, "run", folder / "gate.yaml", "--device", "cpu", "--out", out]
    settings = environment(VALIDATE_MODEL_CACHE=str(cache))
    return run(command, threads=threads, settings=settings, statuses=JUDGED)[0]


def _one_round(folder: Path, place: Path, record: Rounds, *, cached: bool) -> None:
    threads = record.threads
    start = [sys.executable, "-c", "import torch"]
    record.add("start-up", run(start, threads=threads, settings=environment())[0])
    before = _limit(folder)
    # The folder of the cache is new in each round: nothing is known of these images yet.
    record.add("gate", gate(folder, place / "gate", place / "cache", threads))
    record.parts.append(_stricter(before, _limit(folder)))
    if cached:
        record.add("gate again", gate(folder, place / "gate again", place / "cache", threads))


def _script(folder: Path, place: Path, record: Rounds) -> None:
    """Let the script judge the same, after the gate."""
    command = [sys.executable, HERE / "script.py", folder, place / "script.json"]
    record.add("script", run(command, threads=record.threads, settings=environment())[0])


def _limit(folder: Path) -> dict[str, float]:
    """Return the parts of the bound, as the machine is now."""
    _, said = run([sys.executable, HERE / "limit.py", folder], threads=1, settings=environment())
    parts: dict[str, float] = json.loads(said)
    return parts


def _stricter(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    """Return the parts as the faster of two moments shows them."""
    best = {"rate": max}  # the others are seconds
    return {name: best.get(name, min)(one[name], other[name]) for name in one}


def _differing(place: Path) -> list[str]:
    """Return where the gate's confusion matrices are not those of the script."""
    script = json.loads((place / "script.json").read_text())
    reports = {
        file.parent.name: json.loads(file.read_text()) for file in place.glob("*/report.json")
    }
    return [
        f"{program}, {split}"
        for program, report in sorted(reports.items())
        for split in ("train", "test")
        if report["confusion"][split]["counts"] != script[split]["confusion"]
    ]
