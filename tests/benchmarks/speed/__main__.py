# ruff: noqa: T201 - a benchmark prints its figures
"""How fast the gate is, against what is possible and against a script.

    python tests/benchmarks/speed

Every program is a fresh process on chosen cores; they run in turn, round after round. A figure is
the median of the rounds, a ratio the median of the ratios within a round. Nothing asserts a time.
The status is 1 where the gate and the script do not give one confusion matrix.

The bound is start-up (``import torch``), the network's FLOPs at the best rate seen in the session,
decoding, and SHA-256 of the files, the last three shared by the cores. It leaves out resizing,
fingerprints, comparing splits, metrics and the report. "in turn" is the ratio to the same with the
best rate of just before and just after the gate: it tells the gate from the machine's weather. The
bar is held against both. "gate" has an empty cache of its own and fills it, "gate again" reads it;
the files lie in the cache of the kernel as far as it holds them. On a busy machine the CPU column
says more than the seconds. Linux only.

The photos' bar stands for 50,000 files, which take over an hour: ``--only photos --images 50000
--cores 2 --scripted 1``. Of 2,000, what a run does once, to start and to judge, counts more.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from statistics import median

from figures import Bar, Figure, bar_table, best_rate, figures, table
from processes import run
from turns import GATE, HERE, Rounds, environment, gate, take_turns

PARTS = ("commands", "fashion", "photos", "tenfold")


def main() -> int:
    """Measure the parts asked for, print the tables, write the JSON, and return the status."""
    said = _arguments()
    load = {"before": os.getloadavg()}
    print(f"{_machine()}; load before: {_loads(load['before'])}")
    rounds: list[Rounds] = []
    for name in ("fashion", "photos"):
        if name in said.only:
            folder = _job(name, said)
            rounds += [_watched(folder, cores, said) for cores in said.cores]
    lines: list[Figure] = []
    bars: list[Bar] = []
    if rounds:
        rate = best_rate(rounds)
        lines = [line for each in rounds for line in figures(each, rate)]
        bars += _bars_of(lines)
        print(f"\nbest rate: {rate / 1e9:.0f} GFLOP/s a core\n{table(lines)}\n")
    if "tenfold" in said.only:
        bars += _memory(said)
    if "commands" in said.only:
        bars += _commands(said)
    load["after"] = os.getloadavg()
    differing = [
        f"{each.job} on {each.threads}: {what}" for each in rounds for what in each.differing
    ]
    print(bar_table(bars))
    print(f"load after: {_loads(load['after'])}")
    if rounds:
        print("confusion matrices: " + ("; ".join(differing) or "those of the script, all equal"))
    _write(said.json, load, rounds, lines, bars, differing)
    print(f"figures: {said.json}")
    return 1 if differing else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="by default all")
    parser.add_argument("--rounds", type=int, default=5, help="fresh processes of each program")
    parser.add_argument(
        "--scripted", type=int, help="of these, the first so many have the script; by default all"
    )
    parser.add_argument("--images", type=int, default=2000, help="JPEG files")
    parser.add_argument("--cores", type=int, nargs="+", default=[1, 2], help="to run on")
    temporary = Path(tempfile.gettempdir(), "validate-model-speed")
    parser.add_argument("--folder", type=Path, default=temporary, help="keeps what is judged")
    parser.add_argument("--json", type=Path, help="where figures go; speed.json in the folder")
    said = parser.parse_args()
    said.json = said.json or said.folder / "speed.json"
    said.scripted = said.scripted or said.rounds
    return said


def _job(name: str, said: argparse.Namespace) -> Path:
    """Return the folder of a job, made once by a process of its own."""
    count = [str(said.images)] if name == "photos" else []
    folder = said.folder / "-".join([name, *count])
    if not (folder / "job.json").is_file():
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted process left
        folder.mkdir(parents=True)
        print(f"making {folder}")
        subprocess.run([sys.executable, HERE / "jobs.py", name, folder, *count], check=True)
    return folder


def _watched(folder: Path, cores: int, said: argparse.Namespace) -> Rounds:
    """Return all rounds of a job, with a line on each as it ends."""
    turns = take_turns(folder, cores, said.rounds, said.scripted)
    for number, record in enumerate(turns, start=1):
        last = ", ".join(
            f"{name} {each[-1].seconds:.1f} s"
            for name, each in record.taken.items()
            if len(each) == number
        )
        rate = f"{record.parts[-1]['rate'] / 1e9:.0f} GFLOP/s a core"
        print(
            f"{record.job} on {cores}, round {number} of {said.rounds}: {last}; {rate}", flush=True
        )
    return record


def _bars_of(lines: list[Figure]) -> list[Bar]:
    """Return the bars that the jobs are measured by."""
    bars = []
    for line in lines:
        where = f"{line.job} on {line.threads}"
        if line.program == "gate" and line.to_bound and line.in_turn and line.to_script:
            fashion = line.job == "fashion"
            most = 2.5 if fashion else 1.3
            bars.append(Bar(f"{where}: times the bound", most, line.to_bound, ""))
            bars.append(Bar(f"{where}: times the bound, in turn", most, line.in_turn, ""))
            bars.append(Bar(f"{where}: of the script's time", 0.4, 1 / line.to_script, ""))
            if fashion and line.peak:
                bars.append(Bar(f"{where}: peak memory", 1024, line.peak, "MiB"))
        if line.program == "gate again":
            bars.append(Bar(f"{where}: a second run, from the cache", 2, line.seconds, "s"))
    return bars


def _memory(said: argparse.Namespace) -> list[Bar]:
    """Return how the peak grows from 70,000 to 700,000 images, one run each."""
    peaks = {}
    for name in ("fashion", "tenfold"):
        folder = _job(name, said)
        with tempfile.TemporaryDirectory(prefix="speed-") as place:
            taken = gate(folder, Path(place, "out"), Path(place, "cache"), max(said.cores))
        peaks[name] = taken.peak
        print(f"{name}: {taken.seconds:.1f} s, {taken.cpu:.1f} CPU s, {taken.peak:.0f} MiB")
    grown = peaks["tenfold"] / peaks["fashion"]
    return [Bar("peak memory of 700,000 images, times that of 70,000", 1.1, grown, "")]


def _commands(said: argparse.Namespace) -> list[Bar]:
    """Return how long the commands take that people wait for, in turn."""
    folder = _job("fashion", said)
    with tempfile.TemporaryDirectory(prefix="speed-") as name:
        gate(folder, Path(name, "out"), Path(name, "cache"), max(said.cores))
        commands = {
            "--version": ([GATE, "--version"], 0.1),
            "policy lint baseline": ([GATE, "policy", "lint", "baseline"], 0.25),
            "judge, 70,000 images": ([GATE, "judge", Path(name, "out"), "--policy", "baseline"], 1),
        }
        seconds: dict[str, list[float]] = {each: [] for each in commands}
        for _ in range(max(5, said.rounds) + 1):  # the first warms up
            for each, (command, _) in commands.items():
                taken, _ = run(command, threads=1, settings=environment(), statuses=(0, 1, 3))
                seconds[each].append(taken.seconds)
    return [
        Bar(f"validate-model {each}", most, median(seconds[each][1:]), "s")
        for each, (_, most) in commands.items()
    ]


def _machine() -> str:
    cores = len(os.sched_getaffinity(0))
    versions = f"Python {platform.python_version()}, torch {version('torch')}"
    return f"{platform.machine()}, {cores} cores, {versions}"


def _loads(load: tuple[float, float, float]) -> str:
    return " ".join(f"{each:.2f}" for each in load)


def _write(
    file: Path,
    load: dict[str, tuple[float, float, float]],
    rounds: list[Rounds],
    lines: list[Figure],
    bars: list[Bar],
    differing: list[str],
) -> None:
    written = {
        "machine": _machine(),
        "gate": version("validate-model"),
        "load": load,
        "figures": [asdict(line) for line in lines],
        "bars": [{**asdict(bar), "met": bar.met} for bar in bars],
        "confusion matrices that differ": differing,
        "rounds": [asdict(each) for each in rounds],
    }
    file.write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
