import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkpoint_corpus.hostile import HOSTILE

from gate.errors import CheckpointError, Refusal
from gate.subject.checkpoints import inspect, open_checkpoint

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]

# Loads every file with the loader that it is made for, as somebody without care would.
CARELESS = """
import json, sys, time, warnings
from pathlib import Path
sys.path.insert(0, sys.argv[1])
warnings.simplefilter("ignore")
import torch, torch.distributed.checkpoint
import checkpoint_corpus.hostile

def careless(path, loader):
    if loader == "export":
        sys.path.insert(0, str(Path(path).parent))
        torch.export.load(path).module()(torch.zeros(1, 1, 16, 16))
    elif loader == "jit":
        torch.jit.load(path)(torch.zeros(1))
    elif loader == "dcp":
        torch.distributed.checkpoint.load({"x": torch.zeros(1)}, checkpoint_id=path)
    else:
        path = Path(path) / "pytorch_model.bin" if Path(path).is_dir() else path
        with open(path, "rb") as file:
            torch.load(file, weights_only=False)

cases = json.load(sys.stdin)
for path, canary, loader in cases:
    try:
        careless(path, loader)
    except BaseException:  # a distributed load raises one
        pass
deadline = time.monotonic() + 20
while time.monotonic() < deadline and not all(Path(canary).exists() for _, canary, _ in cases):
    time.sleep(0.05)
"""

# Inspects every file as a CI job would, in a process that has imported nothing of ours before.
CAREFUL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from gate.subject.checkpoints import inspect
print(json.dumps([str(inspect(path).refusal) for path in json.load(sys.stdin)]))
"""

DAMAGED_TOO = {"zip with zeroed checksums"}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[Path, Path]]]:
    root = tmp_path_factory.mktemp("hostile")
    made = {}
    for number, (title, family) in enumerate(HOSTILE.items()):
        folder = root / str(number)
        folder.mkdir()
        canary = root / f"canary-{number}"
        made[title] = (family.make(folder, canary), canary)
    return made


def _fresh(code: str, argument: Path, given: object, **how: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-P", "-c", code, str(argument)],
        input=json.dumps(given),
        text=True,
        capture_output=True,
        timeout=240,
        **how,
    )


@pytest.mark.slow  # some fifty processes
def test_every_payload_fires_under_a_careless_load(tmp_path: Path) -> None:
    cases = []
    for number, family in enumerate(each for each in HOSTILE.values() if each.fires):
        folder = tmp_path / str(number)
        folder.mkdir()
        canary = tmp_path / f"canary-{number}"
        cases.append((str(family.make(folder, canary)), str(canary), family.fires))

    _fresh(CARELESS, HERE, cases, cwd=tmp_path)

    titles = [title for title, family in HOSTILE.items() if family.fires]
    silent = [
        title for title, case in zip(titles, cases, strict=True) if not os.path.lexists(case[1])
    ]
    assert silent == []


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_file_runs_nothing_and_is_refused(
    title: str, corpus: dict[str, tuple[Path, Path]]
) -> None:
    path, canary = corpus[title]
    expected = Refusal.CORRUPT if title in DAMAGED_TOO else Refusal.UNSAFE

    inspection = inspect(path)
    with pytest.raises(CheckpointError) as raised:
        open_checkpoint(path)
    assert raised.value.refusal is expected
    assert inspection.refusal is not None
    assert raised.value.remedy
    assert "weights_only" not in str(raised.value)

    assert not os.path.lexists(canary)


@pytest.mark.parametrize("forced", [False, True])
def test_neither_the_folder_nor_the_environment_lets_a_hostile_file_run(
    forced: bool, corpus: dict[str, tuple[Path, Path]], tmp_path: Path
) -> None:
    hijacked = tmp_path / "hijacked"
    for name in ("torch", "json", "yaml", "numpy", "struct", "safetensors", "zlib"):
        (tmp_path / f"{name}.py").write_text(f"open({str(hijacked)!r}, 'w').close()")
    environment = dict(os.environ)
    if forced:
        environment["TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"] = "1"
    paths = [str(path) for path, _ in corpus.values()]

    done = _fresh(CAREFUL, REPOSITORY, paths, cwd=tmp_path, env=environment)

    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    refusals = dict(zip(corpus, json.loads(done.stdout), strict=True))
    assert {title for title, refusal in refusals.items() if refusal == "None"} == set()
    assert not hijacked.exists()
    assert not [title for title, (_, canary) in corpus.items() if os.path.lexists(canary)]


def test_a_refusal_names_what_would_have_run(corpus: dict[str, tuple[Path, Path]]) -> None:
    refusal = inspect(corpus["zip: builtins.map"][0]).refusal

    assert refusal is not None
    assert "builtins.map, os.system" in refusal.fact


@pytest.mark.parametrize(
    ("title", "command"),
    [
        ("a pickled module", 'torch.save(model.state_dict(), "weights.pt")'),
        ("TorchScript that writes a file", "torch.jit.load('MODEL.pt').state_dict()"),
        (".pt2 through a pickled weight", "torch.export.load('MODEL.pt2').state_dict"),
        ("a distributed checkpoint", "dcp_to_torch FOLDER weights.pt"),
        ("the tar of torch 0.1", 'torch.save(model.state_dict(), "weights.pt")'),
    ],
)
def test_a_program_is_refused_with_the_command_that_saves_its_weights(
    title: str, command: str, corpus: dict[str, tuple[Path, Path]]
) -> None:
    refusal = inspect(corpus[title][0]).refusal

    assert refusal is not None
    assert command in refusal.remedy


def test_a_refused_file_is_still_bound_by_its_digest(
    corpus: dict[str, tuple[Path, Path]],
) -> None:
    import hashlib

    path, _ = corpus["zip: os.system"]

    identity = inspect(path).identity

    assert identity.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert identity.size_bytes == path.stat().st_size
    assert identity.format == "torch-zip"
