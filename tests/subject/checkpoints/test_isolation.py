import json
import subprocess
import sys
from pathlib import Path

import pytest
from checkpoint_corpus.payloads import PAYLOADS, pickled

from gate.subject.checkpoints.isolation import Sandbox
from gate.subject.checkpoints.refusals import RefusedError

REPOSITORY = Path(__file__).parents[3]

# Tries what a payload would try, in the sandbox; prints the sandbox and what came through.
CHILD = """
import ctypes, json, os, pickle, socket, sys
sys.path.insert(0, sys.argv[1])
from gate.subject.checkpoints.isolation import enter_sandbox
target, payloads = sys.argv[2], [bytes.fromhex(each) for each in sys.argv[3:]]
sandbox = enter_sandbox(1 << 30)

def passes(action):
    try:
        action()
    except (OSError, MemoryError):
        return False
    return True

def connect():
    with socket.socket() as client:
        client.settimeout(1)
        client.connect(("127.0.0.1", int(os.environ["PORT"])))

through = {
    "read": passes(lambda: open("/proc/self/status").close()),
    "write": passes(lambda: open(target, "w").close()),
    "folder": passes(lambda: os.mkdir(target)),
    "memory": passes(lambda: bytearray(2 << 30)),
    "network": passes(connect),
}
for payload in payloads:
    try:
        pickle.loads(payload)
    except Exception:
        pass
print(json.dumps({"sandbox": dict(sandbox.held), "through": through}))
"""


@pytest.fixture(scope="module")
def in_sandbox(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict, dict, Path]:
    import socket

    folder = tmp_path_factory.mktemp("sandbox")
    names = ["os.system", "builtins.exec", "builtins.open", "runpy.run_path", "os.mkdir"]
    payloads = [pickled(PAYLOADS[name](folder / f"canary-{name}")).hex() for name in names]
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = subprocess.run(
            [sys.executable, "-I", "-c", CHILD, str(REPOSITORY), str(folder / "made"), *payloads],
            capture_output=True,
            text=True,
            timeout=60,
            env={"PORT": str(server.getsockname()[1])},
        )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["sandbox"], answer["through"], folder


def test_memory_is_limited_where_the_limits_hold(in_sandbox: tuple[dict, dict, Path]) -> None:
    sandbox, through, _ = in_sandbox

    assert sandbox["rlimits"] is True
    assert through["memory"] is False


@pytest.mark.parametrize("action", ["read", "write", "folder"])
def test_files_are_out_of_reach_where_landlock_holds(
    action: str, in_sandbox: tuple[dict, dict, Path]
) -> None:
    sandbox, through, _ = in_sandbox
    if not sandbox["landlock"]:
        pytest.skip("this kernel has no Landlock; that part is best effort")

    assert through[action] is False


def test_nobody_answers_where_the_network_is_its_own(
    in_sandbox: tuple[dict, dict, Path],
) -> None:
    sandbox, through, _ = in_sandbox
    if not (sandbox["network"] or sandbox["landlock"] >= 4):
        pytest.skip("this container forbids namespaces; that part is best effort")

    assert through["network"] is False


def test_hostile_pickles_touch_no_canary_behind_the_sandbox(
    in_sandbox: tuple[dict, dict, Path],
) -> None:
    sandbox, _, folder = in_sandbox
    if not sandbox["landlock"]:
        pytest.skip("this kernel has no Landlock; that part is best effort")

    assert list(folder.glob("canary-*[!y]")) == []
    assert not (folder / "made").exists()


def test_a_wall_that_is_required_and_down_refuses() -> None:
    sandbox = Sandbox(rlimits=True, no_new_privileges=True, network=False, landlock=0)

    sandbox.require(["rlimits", "no_new_privileges"])
    with pytest.raises(RefusedError, match="network, landlock"):
        sandbox.require(["rlimits", "network", "landlock"])
