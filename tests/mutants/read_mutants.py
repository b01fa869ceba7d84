"""Read mutated files, in a process of its own: python read_mutants.py SEED COUNT KIND...

Prints a line of JSON a kind: how many were read and refused, and how much memory grew. Whatever
is no GateError ends the process, as does a file that takes longer than the alarm.
"""

import json
import random
import resource
import signal
import struct
import sys
import tempfile
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

from seeds_of_mutants import KINDS, write_image

from gate.errors import GateError

SECONDS = 10  # that reading one file may take
TELLING = (
    *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\n", b'"', b",", b"{", b"[", b"}", b"]", b"-", b"e"),
    *(b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", bytes(8), b"\x01"),
    *(b"NaN", b"1e400", b"9" * 30, b"9" * 5000, b"\xff" * 9 + b"\x01", b"\xf0\x9f", b"[" * 3000),
)


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Return the bytes with one to three changes."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at = chance.randrange(len(data) + 1)
        piece = chance.choice(TELLING)
        length = chance.choice((1, 1, 2, 4, 8, 64, 1000))
        flipped = bytes(byte ^ 1 << chance.randrange(8) for byte in data[at : at + 1])
        data = chance.choice(
            (
                *[data[:at] + flipped + data[at + 1 :]] * 4,
                data[:at] + piece + data[at + len(piece) :],
                data[:at] + piece + data[at:],
                data[:at] + data[at + length :],
                data[: at + length] + data[at:],
                data[: at + 1],
            )
        )  # fmt: skip
    return data


def inside(data: bytes, chance: random.Random) -> bytes:
    """Return a file whose checksums hold, and whose content is mutated; others as they are."""
    if data.startswith(b"PK"):
        return _zip(data, chance)
    if data[257:262] == b"ustar":
        return _tar(data, chance)
    if b"brain.Event:" in data[:64]:
        return _events(data, chance)
    return mutated(data, chance)


def _zip(data: bytes, chance: random.Random) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(packed, "w") as new:
        infos = old.infolist()
        chosen = chance.randrange(len(infos))
        for place, info in enumerate(infos):
            stored = old.read(info)
            if place == chosen:
                head = min(len(stored), 128 if chance.random() < 0.7 else len(stored))
                stored = mutated(stored[:head], chance) + stored[head:]
            new.writestr(info.filename, stored, info.compress_type)
    return packed.getvalue()


def _tar(data: bytes, chance: random.Random) -> bytes:
    starts = [at for at in range(0, len(data), 512) if data[at + 257 : at + 262] == b"ustar"]
    at = chance.choice(starts)
    header = bytearray(mutated(data[at : at + 512], chance)[:512].ljust(512, b"\0"))
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % (sum(header) & 0o777777)
    return data[:at] + bytes(header) + data[at + 512 :]


def _events(data: bytes, chance: random.Random) -> bytes:
    from tensorboard.summary.writer.record_writer import RecordWriter

    class Kept(BytesIO):
        def close(self) -> None:
            pass

    kept, at = Kept(), 0
    writer = RecordWriter(kept)
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        event = data[at + 12 : at + 12 + length]
        writer.write(mutated(event, chance) if at and chance.random() < 0.1 else event)
        at += length + 16
    writer.flush()
    return kept.getvalue()


def main(kind: str, seed: int, count: int) -> None:
    """Read the mutants of a kind, and say what came of them."""
    warnings.simplefilter("ignore")
    chance = random.Random(f"{kind} {seed}")
    said = {"read": 0, "refused": 0}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_image(folder / "0.png")
        seeds = [(path, path.read_bytes(), read) for path, read in KINDS[kind](folder)]
        for path, _, read in seeds:
            read(path)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for number in range(count):
            path, data, read = chance.choice(seeds)
            change = chance.choice((mutated, inside))
            stored = change(data, chance)
            path.write_bytes(stored)
            signal.alarm(SECONDS)
            try:
                read(path)
                said["read"] += 1
            except GateError:
                said["refused"] += 1
            except BaseException as error:
                error.add_note(f"{kind}, seed {seed}, mutant {number} of {path.name}")
                raise
            signal.alarm(0)
            path.write_bytes(data)
        said["grown"] = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    sys.stdout.write(json.dumps({"kind": kind, **said}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    for each in sys.argv[3:]:
        main(each, int(sys.argv[1]), int(sys.argv[2]))
