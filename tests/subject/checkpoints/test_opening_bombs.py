import subprocess
import sys
from pathlib import Path

import pytest
from checkpoint_corpus.bombs import BOMBS

REPOSITORY = Path(__file__).parents[3]

# The limits are the kernel's: 10 s of processor time, and 2 GiB over the size of the file.
CHILD = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from gate.errors import CheckpointError
from gate.subject.checkpoints import open_checkpoint
path = Path(sys.argv[2])
size = path.stat().st_size if path.is_file() else 0
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + size + (2 << 30),) * 2)
resource.setrlimit(resource.RLIMIT_CPU, (10, 10))
try:
    print("opened", len(open_checkpoint(path).tensors))
except CheckpointError as error:
    print(error.kind)
"""


@pytest.mark.slow  # each in a process of its own, under kernel limits
@pytest.mark.parametrize("title", BOMBS)
def test_a_bomb_ends_in_a_class_of_ours_with_little_time_and_memory(
    title: str, tmp_path: Path
) -> None:
    path = BOMBS[title](tmp_path)

    done = subprocess.run(
        [sys.executable, "-P", "-c", CHILD, str(REPOSITORY), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
    )

    harmless = "opened 90000" if title == "safetensors: 90,000 empty tensors" else None
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout.strip() in {harmless, "refused-unsafe", "corrupt", "mismatch"}
