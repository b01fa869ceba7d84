"""Mutants of good checkpoints, of every family: what the fuzzer judges.

A file is changed as bytes, or inside a container that stays sound around it: a pickle by its
opcodes, a table by its words, members of an archive by name, place and packing.
"""

import contextlib
import io
import pickletools
import random
import shutil
import struct
import warnings
import zipfile
from itertools import pairwise
from pathlib import Path

from fuzzing import TELLING, mutated, mutated_text

from checkpoint_corpus.archives import members_of
from checkpoint_corpus.models import SmallCnn, small_cnn
from gate.cli.inspect import as_json, as_text
from gate.errors import GateError
from gate.subject.checkpoints import load_into, open_checkpoint
from gate.subject.checkpoints.onnx import identify_onnx
from gate.subject.checkpoints.recognising import is_onnx
from gate.subject.sources.looking import look_at

Seeds = dict[str, dict[str, bytes]]  # family -> the files of its folder, or one file named ""


def prepare(folder: Path) -> tuple[Seeds, SmallCnn]:
    """Return the good files that lie in ``seeds``, and a model that they fit."""
    seeds: Seeds = {}
    for place in sorted((folder / "seeds").iterdir()):
        files = sorted(place.iterdir()) if place.is_dir() else [place]
        seeds[place.name] = {
            each.name if place.is_dir() else "": each.read_bytes() for each in files
        }
    return seeds, small_cnn()


def judge(prepared: tuple[Seeds, SmallCnn], chance: random.Random, folder: Path) -> str:
    """Make one mutant, have it inspected, opened and loaded, and say how that ended."""
    seeds, model = prepared
    target = folder / f"mutant-{chance.random()}"
    write(target, seeds, chance)
    try:
        return judged(target, model, chance)
    finally:
        shutil.rmtree(target) if target.is_dir() else target.unlink()


def judged(path: Path, model: SmallCnn, chance: random.Random) -> str:
    found = look_at(path)
    (as_json if chance.random() < 0.5 else as_text)(found)
    if path.is_file() and is_onnx(path):
        identify_onnx(path)
    try:
        checkpoint = open_checkpoint(path, key=chance.choice((None, None, "model")))
        load_into(checkpoint, model)
    except GateError as error:
        return str(error.kind)
    return "loaded"


def write(target: Path, seeds: Seeds, chance: random.Random) -> None:
    """Write one mutant: a file, or a folder in which one file is changed."""
    files = seeds[chance.choice(sorted(seeds))]
    changed = chance.choice(sorted(files))
    others = [each for group in seeds.values() for each in group.values()]
    content = mutant(files[changed], chance, others)
    if changed == "":
        target.write_bytes(content)
        return
    target.mkdir()
    for name, data in files.items():
        (target / name).write_bytes(content if name == changed else data)


def mutant(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    if chance.random() < 0.3:
        return mutated(data, chance, others)
    if data.startswith(b"PK"):
        return _archive(data, chance)
    if data[8:9] == b"{" and int.from_bytes(data[:8], "little") < len(data):
        return _safetensors(data, chance)
    if data.startswith(b"{"):
        return mutated_text(data, chance)
    if data.startswith(b"\x80"):
        return _pickles(data, chance)
    return mutated(data, chance, others)


def _safetensors(data: bytes, chance: random.Random) -> bytes:
    end = 8 + int.from_bytes(data[:8], "little")
    header = mutated_text(data[8:end], chance)
    length = chance.choice((len(header), len(header), len(header), chance.choice(TELLING)))
    return length.to_bytes(8, "little") + header + data[end:]


def _archive(data: bytes, chance: random.Random) -> bytes:
    """Return the archive with a changed member, stored or deflated, under right checksums."""
    source = io.BytesIO(data)
    with zipfile.ZipFile(source) as archive:
        names = archive.namelist()
        members = [(name, archive.read(name)) for name in names]
    at = chance.randrange(len(members))
    told = [n for n, (name, _) in enumerate(members) if name.endswith((".pkl", ".json"))]
    if told and chance.random() < 0.7:
        at = chance.choice(told)
    name, content = members[at]
    match chance.randrange(8):
        case 0:
            members.insert(chance.randrange(len(members)), (name, content[::-1]))
        case 1:
            del members[at]
        case 2:
            odd = chance.choice(("", "/", "../x", "a" * 2000, name + "/", name.upper(), "x\0y"))
            members[at] = (odd, content)
        case _:
            members[at] = (name, _inside(name, content, chance))
    method = chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2))
    return _headers(_packed(members, method), chance)


def _packed(members: list[tuple[str, bytes]], method: int) -> bytes:
    target = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns about double names
        with zipfile.ZipFile(target, "w", method) as archive:
            for name, content in members:
                archive.writestr(name or "/", content)
    return target.getvalue()


def _headers(data: bytes, chance: random.Random) -> bytes:
    """Return the archive, sometimes with a telling number in a header or in its end."""
    if chance.random() < 0.7:
        return data
    signature = chance.choice((b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06"))
    at = data.rfind(signature, 0, chance.randrange(len(data)) + 4)
    at = at if at >= 0 else data.find(signature)
    size = chance.choice((2, 4))
    place = at + 4 + 2 * chance.randrange(21)
    number = chance.choice((*TELLING, len(data))) & ((1 << 8 * size) - 1)
    return data[:place] + number.to_bytes(size, "little") + data[place + size :]


def _inside(name: str, content: bytes, chance: random.Random) -> bytes:
    if name.endswith(".pkl"):
        return _pickles(content, chance)
    if name.endswith(".json"):
        return mutated_text(content, chance)
    return mutated(content, chance)


def _pickles(data: bytes, chance: random.Random) -> bytes:
    """Return a pickle, or the ones at the start of a stream, after changes of its opcodes."""
    steps, end = _steps(data)
    for _ in range(chance.choice((1, 1, 2, 4))):
        if not steps:
            break
        at, other = chance.randrange(len(steps)), chance.randrange(len(steps))
        match chance.randrange(7):
            case 0:
                del steps[at]
            case 1:
                steps.insert(at, steps[other])
            case 2:
                steps[at], steps[other] = steps[other], steps[at]
            case 3:
                steps[at:at] = steps[min(at, other) : max(at, other)] * chance.choice((1, 2, 30))
            case 4:
                steps[at] = _drawn(chance)
            case 5:
                steps.insert(at, _drawn(chance))
            case _:
                steps[at] = _argument(steps[at], chance)
    return b"".join(steps) + data[end:]


def _steps(data: bytes) -> tuple[list[bytes], int]:
    """Return the opcodes with their arguments, of all pickles at the start of the data."""
    steps: list[bytes] = []
    position = 0
    with contextlib.suppress(ValueError, IndexError):
        while position < len(data):
            places = [place for _, _, place in pickletools.genops(data[position:])]
            bounds = [*places, places[-1] + 1]
            steps += [data[position:][a:b] for a, b in pairwise(bounds)]
            position += bounds[-1]
    return steps, position


def _drawn(chance: random.Random) -> bytes:
    opcode = chance.choice(pickletools.opcodes)
    code = opcode.code.encode("latin-1")
    if opcode.arg is None:
        return code
    if opcode.arg.name == "stringnl_noescape_pair":
        names = ("os\nsystem", "collections\nOrderedDict", "torch\nSize", "builtins\nset")
        return code + chance.choice(names).encode() + b"\n"
    if opcode.arg.n >= 0:
        number = chance.choice((0, 1, 2, 255, chance.getrandbits(64)))
        return code + (number & ((1 << 8 * opcode.arg.n) - 1)).to_bytes(opcode.arg.n, "little")
    size = {-3: 1, -2: 4, -4: 4, -5: 8}.get(opcode.arg.n)
    text = chance.choice((b"", b"0", b"12", b"-7", b"model", b"9" * 50))
    return code + (len(text).to_bytes(size, "little") + text if size else text + b"\n")


def _argument(step: bytes, chance: random.Random) -> bytes:
    """Return an opcode with another argument."""
    if step[:1] in b"hqjrKM" and len(step) > 1:
        width = len(step) - 1
        number = chance.choice((0, 1, 2, 3, 255, chance.getrandbits(8 * width)))
        return step[:1] + (number & ((1 << 8 * width) - 1)).to_bytes(width, "little")
    if step[:1] == b"X":
        text = chance.choice((b"", b"fc.weight", b"model", b"optim", b"0", b"\xf0\x9f\x98\x80"))
        return b"X" + struct.pack("<I", len(text)) + text
    return mutated(step, chance)


def deflated(path: Path, target: Path) -> Path:
    """Write an archive again as a zip program does, with its members deflated."""
    target.write_bytes(_packed(list(members_of(path).items()), zipfile.ZIP_DEFLATED))
    return target
