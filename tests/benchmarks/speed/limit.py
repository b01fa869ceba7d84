# ruff: noqa: T201 - its standard output is read
"""What no program can be faster than: the parts of the bound for one job, in seconds of one core.

    python limit.py FOLDER

Prints JSON: ``rate``, the best single precision FLOP/s of a matrix product and a convolution, and
``decode`` and ``hash``, the seconds of all images of the job, taken from a sample of them. Times
are those that the process was given, so that a busy machine does not raise the bound.
"""

import gzip
import io
import json
import sys
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import torch
from PIL import Image

SIZE = 2048
TURNS = 8
SAMPLE = 100


def main(folder: Path) -> None:
    """Print the parts of the job in ``folder``."""
    torch.set_num_threads(1)
    job = json.loads((folder / "job.json").read_text())
    files = [Path(each) for split in job["data"].values() for each in split.values()]
    if files[0].is_dir():
        files = sorted(file for each in files for file in each.glob("*/*.jpg"))
    chosen = files[:: max(1, len(files) // SAMPLE)]
    stored = [file.read_bytes() for file in chosen]
    whole = len(files) / len(chosen)
    decoders: dict[str, Callable[[bytes], object]] = {".gz": gzip.decompress, ".jpg": _pixels}
    decode = decoders.get(files[0].suffix, len)
    parts = {
        "rate": max(_product(), _convolution()),
        "decode": whole * _least(lambda: [decode(raw) for raw in stored]),
        "hash": whole * _least(lambda: [sha256(raw).digest() for raw in stored]),
    }
    print(json.dumps(parts))


def _pixels(raw: bytes) -> Image.Image:
    return Image.open(io.BytesIO(raw)).convert("RGB")


def _product() -> float:
    """Return the FLOP/s of a product of two square matrices."""
    a, b = torch.randn(SIZE, SIZE), torch.randn(SIZE, SIZE)
    return 2 * SIZE**3 / _least(lambda: a @ b)


def _convolution() -> float:
    """Return the FLOP/s of a 3 x 3 convolution as in the middle of a ResNet-18."""
    images, width, side = 32, 128, 28
    layer = torch.nn.Conv2d(width, width, 3, padding=1).to(memory_format=torch.channels_last)
    batch = torch.randn(images, width, side, side).to(memory_format=torch.channels_last)
    flops = 2 * images * width**2 * 9 * side**2
    with torch.inference_mode():
        return flops / _least(lambda: layer(batch))


def _least(work: Callable[[], object]) -> float:
    """Return the fewest seconds of several turns: the first one also imports and allocates."""
    taken = []
    for _ in range(TURNS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
