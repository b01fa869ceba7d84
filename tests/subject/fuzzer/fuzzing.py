"""Mutate good files by the thousand, and judge each in a child with little time and memory.

A module of a test says what to do with a case: ``prepare(folder)`` is called once in each child and
returns what its cases share; ``judge(prepared, random, folder)`` makes one case from the random
numbers, has it read, and returns a word for how it ended. It lets nothing through but what the gate
may raise: an exception out of it, a hang and a lack of memory are failures, named by seed and
number, and the same two make the same case again.
"""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]

# Sizes, counts and places that readers forget: ends of words, and one beside them.
TELLING = [0, 1, 2, 7, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFFF, (1 << 63) - 1]
WORDS = [b"0", b"-1", b"1e999", b"NaN", b"null", b"[]", b"{}", b'""', b'"x"', b"true", b"[[]]"]
WORDS += [b"9" * 30, b"9" * 5000, b"4611686018427387904", b'"\\ud800"', b'"../x"', b'"\\u001b[31m"']

# The alarm ends the process, so that a hang inside C is ended too.
_CHILD = """
import importlib.util, json, random, resource, signal, sys, traceback
from collections import Counter
from pathlib import Path
given = json.loads(sys.argv[1])
sys.path[:0] = given["path"]
spec = importlib.util.spec_from_file_location("cases", given["module"])
cases = importlib.util.module_from_spec(spec)
spec.loader.exec_module(cases)
folder, ends = Path(given["folder"]), Counter()
prepared = cases.prepare(folder)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + given["growth"],) * 2)
for number in range(*given["numbers"]):
    print(number, file=sys.stderr, flush=True)
    signal.alarm(given["seconds"])
    ends[cases.judge(prepared, random.Random(f"{given['seed']}/{number}"), folder)] += 1
signal.alarm(0)
print(json.dumps(ends))
"""


def judge_in_children(
    module: Path,
    folder: Path,
    *,
    cases: int,
    seed: int = 0,
    chunk: int = 1000,
    seconds: int = 10,
    growth: int = 2 << 30,
) -> Counter[str]:
    """Return how often each word ended a case of ``module``, in children of ``chunk`` cases.

    A case may take ``seconds`` and ``growth`` bytes of address space over what the child had
    before its first case. Raises AssertionError with seed and number of the first that fails.
    """
    ends: Counter[str] = Counter()
    for first in range(0, cases, chunk):
        numbers = first, min(first + chunk, cases)
        given = {
            "path": [str(REPOSITORY), *(each for each in sys.path if each)],
            "module": str(module),
            "folder": str(folder),
            "numbers": numbers,
            "seed": seed,
            "seconds": seconds,
            "growth": growth,
        }
        done = subprocess.run(
            [sys.executable, "-P", "-c", _CHILD, json.dumps(given)],
            capture_output=True,
            text=True,
            cwd=folder,
        )
        assert done.returncode == 0, _failure(done, seed)
        ends += Counter(json.loads(done.stdout.splitlines()[-1]))
    return ends


def _failure(done: subprocess.CompletedProcess[str], seed: int) -> str:
    numbers = re.findall(r"^\d+$", done.stderr, re.MULTILINE)
    said = re.sub(r"^\d+\n", "", done.stderr, flags=re.MULTILINE)[-3000:]
    return f"seed {seed}, case {numbers[-1:]}, exit status {done.returncode}\n{said}"


def mutated(data: bytes, chance: random.Random, others: Sequence[bytes] = ()) -> bytes:
    """Return the bytes after one to four changes, some with pieces of other files."""
    for _ in range(chance.choice((1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        length = min(int(chance.expovariate(0.05)) + 1, len(data))
        end = min(at + length, len(data))
        match chance.randrange(8):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :]
            case 1:
                data = data[:at] + chance.randbytes(end - at) + data[end:]
            case 2:
                data = data[:at]
            case 3:
                data = data[:at] + data[end:]
            case 4:
                data = data[:end] + data[at:end] * chance.choice((1, 2, 100)) + data[end:]
            case 5:
                data = _with_number(data, at, chance)
            case 6 if others:
                other = chance.choice(others)
                start = chance.randrange(len(other) + 1)
                data = data[:at] + other[start : start + length * 20] + data[end:]
            case _:
                data = data[:at] + chance.choice((b"\0", b"\xff", b"\n", b"(", b".")) + data[end:]
    return data


def _with_number(data: bytes, at: int, chance: random.Random) -> bytes:
    """Return the bytes with a telling number written over some, as a length would be."""
    size = chance.choice((1, 2, 4, 8))
    number = chance.choice(TELLING) & ((1 << 8 * size) - 1)
    written = number.to_bytes(size, chance.choice(("little", "big")))
    return data[:at] + written + data[at + size :]


def mutated_text(text: bytes, chance: random.Random) -> bytes:
    """Return JSON or a table in text after a change of its values, its names or its brackets."""
    tokens = [each.span() for each in re.finditer(rb'"[^"]*"|-?[0-9.]+|[\[\]{}:,]|\w+', text)]
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not tokens:
            return text
        begin, end = chance.choice(tokens)
        first, last = chance.choice(tokens)
        word = chance.choice((b"", *WORDS, text[first:last], text[begin:end] * 2))
        text = text[:begin] + word + text[end:]
    return text
