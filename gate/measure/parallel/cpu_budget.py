"""A process asks how many cores it may use, and tells libraries so before they start."""

import contextlib
import ctypes
import math
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # of control groups, version 2: "quota period"
_OLD_QUOTA = Path("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")  # version 1, in two files
_OLD_PERIOD = Path("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
_MMAP_THRESHOLD, _TRIM_THRESHOLD, _ARENA_MAX = -3, -1, -8  # glibc's names for mallopt
_LARGE = 2 << 20  # bytes; smaller blocks are used again a moment later
_SPARE = 16 << 20  # bytes of those that are held for it
_ALWAYS_FROM_THE_HEAP = 1 << 30
_NEVER_TRIM = (1 << 31) - 1


def usable_cores() -> int:
    """Return the cores that affinity and the container's quota leave to this process, at least 1.

    The machine may have many more; a pool of that size would only wait for itself.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS or Windows
        cores = os.cpu_count() or 1
    quota = _quota()
    return max(1, cores if quota is None else min(cores, math.ceil(quota)))


def _quota() -> float | None:
    """Return the cores that the control group allows; None where it sets no limit."""
    with contextlib.suppress(OSError, ValueError):
        quota, period = _QUOTA.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with contextlib.suppress(OSError, ValueError):
        allowed = int(_OLD_QUOTA.read_text())
        return None if allowed < 0 else allowed / int(_OLD_PERIOD.read_text())
    return None


def quiet_libraries() -> None:
    """Tell the libraries below not to spin; call it before numpy or torch is imported.

    OpenMP's threads spin while they wait for each other, and on a machine that others use too they
    burn the cores that they wait for: twice the time, measured. Asleep they cost nothing. numpy's
    OpenBLAS shares even a product of 64 rows among all cores, which doubles its cost. Whoever has
    set these variables keeps them.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def prepare_process() -> None:
    """Tell the libraries and the C library how to behave; call it before torch is imported.

    glibc returns every large block to the kernel, and takes a page fault for each of its pages the
    next time: a batch of activations, over and over. Other C libraries are left as they are.
    """
    quiet_libraries()
    keeps_all = {_MMAP_THRESHOLD: _ALWAYS_FROM_THE_HEAP, _TRIM_THRESHOLD: _NEVER_TRIM}
    _tell_malloc({**keeps_all, _ARENA_MAX: 1})  # those of other threads are always returned


def limit_malloc_cache() -> None:
    """Tell the C library to return large blocks at once: another process needs the memory.

    Left alone, glibc keeps blocks of up to 32 MiB that were returned, and more in each thread; told
    only that, it would return the small ones too, and take a page fault for each of their pages.
    """
    _tell_malloc({_MMAP_THRESHOLD: _LARGE, _TRIM_THRESHOLD: _SPARE, _ARENA_MAX: 1})


def trim_heap() -> None:
    """Have the C library return the memory that a long search has left in small pieces."""
    if sys.platform.startswith("linux"):
        with contextlib.suppress(OSError, AttributeError):  # musl has no malloc_trim
            ctypes.CDLL(None).malloc_trim(0)


def _tell_malloc(settings: Mapping[int, int]) -> None:
    if not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):  # musl has no mallopt
        library = ctypes.CDLL(None)
        for name, value in settings.items():
            library.mallopt(name, value)
