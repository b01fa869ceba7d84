"""The cost of an answer: multiplications and additions, and the time that it takes."""

import time

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from gate.measure.inference.torch_runner import Floats, Runner, TorchRunner
from gate.subject.guard import require_theirs


def macs_of(runner: Runner, image: Floats) -> int | None:
    """Return the multiply-accumulates of one image (1, C, H, W), by torch's FlopCounterMode.

    It counts convolutions and matrix products, with two operations each. None for what is no torch
    module, and for a module that cannot be counted.
    """
    if not isinstance(runner, TorchRunner):
        return None
    batch = torch.from_numpy(image.copy()).to(runner.place)
    try:
        with torch.no_grad(), FlopCounterMode(display=False) as counter:
            runner.model(batch)
    except Exception as error:  # a module that traces itself, or looks for the mode
        require_theirs(error)
        return None
    return int(counter.get_total_flops()) // 2


def seconds_of(runner: Runner, image: Floats) -> float:
    """Return how long one image (1, C, H, W) takes; raises CheckpointError where it is not taken.

    An answer is on the CPU when it is there, so a device has ended its work.
    """
    ready = np.ascontiguousarray(image).copy()
    start = time.perf_counter()
    runner.outputs(ready)
    return time.perf_counter() - start
