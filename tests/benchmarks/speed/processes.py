"""A program run to its end as a fresh process on chosen cores, and what it took."""

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial


@dataclass(frozen=True, slots=True)
class Taken:
    """What one process took, with the processes that it started."""

    seconds: float
    cpu: float  # seconds
    peak: float  # MiB, of the largest of its processes: DataLoader workers are not added up


def run(
    command: Sequence[str | os.PathLike[str]],
    *,
    threads: int,
    settings: Mapping[str, str],
    statuses: tuple[int, ...] = (0,),
) -> tuple[Taken, str]:
    """Return what ``command`` took on so many cores, and its standard output.

    Raises RuntimeError with the end of what it said, where it ends with another status.
    """
    cores = sorted(os.sched_getaffinity(0))[:threads]
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=said,
            stdin=subprocess.DEVNULL,
            env=settings,
            preexec_fn=partial(os.sched_setaffinity, 0, cores),
        )
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        said.seek(0)
        if process.returncode not in statuses:
            words = said.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{command} ended with {process.returncode}:\n{words}")
        peak = used.ru_maxrss / 1024
        return Taken(seconds, used.ru_utime + used.ru_stime, peak), out.read().decode()
