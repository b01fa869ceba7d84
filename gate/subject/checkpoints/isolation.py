"""The sandbox of a worker process that parses a hostile file with a foreign parser.

Each part is best effort, because containers and other systems do not offer all of it; what held
is said, and a policy may require it. Everything is done with ctypes: no package, no privilege.
The process must still have one thread, and must have imported what it needs.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass

from gate.subject.checkpoints.refusals import unsafe

# linux/prctl.h, linux/sched.h and linux/landlock.h; the numbers are the same on every machine.
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_LANDLOCK_CREATE, _LANDLOCK_RESTRICT = 444, 446
_LANDLOCK_VERSION = 1
_OPEN_FILES = 64


@dataclass(frozen=True, slots=True)
class Sandbox:
    """What the sandbox of a process keeps off."""

    rlimits: bool  # memory; no core dump, no file of more than nothing
    no_new_privileges: bool  # no setuid program can give rights back
    network: bool  # a network of its own, with nobody in it
    landlock: int  # version of the kernel's file rules; 0: they do not hold

    @property
    def held(self) -> Mapping[str, bool | int]:
        """Return every part of the sandbox by its name, for the report."""
        return asdict(self)

    def require(self, names: Collection[str]) -> None:
        """Raise RefusedError, as unsafe, unless each named part of the sandbox holds."""
        down = [name for name in names if not self.held.get(name)]
        if down:
            raise unsafe(
                f"the policy requires {', '.join(down)}, which this machine does not offer",
                "run the gate where the kernel and the container allow it",
            )


def enter_sandbox(memory: int) -> Sandbox:
    """Shut this process in, with at most ``memory`` bytes of address space; return what held.

    Afterwards it cannot open any file, make one, run a program or reach a network; what it has
    open it keeps.
    """
    rlimits = _limit(memory)
    if sys.platform != "linux":
        return Sandbox(rlimits, no_new_privileges=False, network=False, landlock=0)
    libc = ctypes.CDLL(None, use_errno=True)
    network = _own_network(libc)
    privileges = libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    return Sandbox(rlimits, privileges, network, _landlock(libc))


def _limit(memory: int) -> bool:
    limits = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
    }
    try:
        for kind, value in limits.items():
            resource.setrlimit(kind, (value, value))
    except (ValueError, OSError):
        return False
    return True


def _own_network(libc: ctypes.CDLL) -> bool:
    """Leave the network, with a user namespace where that is allowed, as root where not."""
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWUSER | _CLONE_NEWNET, _CLONE_NEWNET)
    )


class _Ruleset(ctypes.Structure):
    """struct landlock_ruleset_attr; older kernels know only its beginning."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def _landlock(libc: ctypes.CDLL) -> int:
    """Deny every right on files, ports and other processes; return the version that holds."""
    version = libc.syscall(_LANDLOCK_CREATE, None, ctypes.c_size_t(0), _LANDLOCK_VERSION)
    if version < 1:
        return 0
    rights = 13 + (version >= 2) + (version >= 3) + (version >= 5)
    rules = _Ruleset(
        files=(1 << rights) - 1,
        network=0b11 if version >= 4 else 0,
        scoped=0b11 if version >= 6 else 0,
    )
    size = 8 + 8 * (version >= 4) + 8 * (version >= 6)
    descriptor = libc.syscall(
        _LANDLOCK_CREATE, ctypes.byref(rules), ctypes.c_size_t(size), ctypes.c_uint32(0)
    )
    if descriptor < 0:
        return 0
    held = libc.syscall(_LANDLOCK_RESTRICT, descriptor, ctypes.c_uint32(0)) == 0
    os.close(descriptor)
    return int(version) if held else 0
