import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pytest

from gate.views.drawing import draw
from gate.views.names import parse_view
from gate.views.pixels import Surroundings

DIGESTS = json.loads((Path(__file__).parent / "digests.json").read_text())


def picture(name, shape):
    levels = hashlib.shake_128(name.encode()).digest(math.prod(shape))
    return np.frombuffer(levels, np.uint8).reshape(shape)


@pytest.mark.parametrize("case", DIGESTS)
def test_a_view_is_the_same_bytes_on_every_machine(case):
    size, name = case.split(" ")
    shape = tuple(map(int, size.split("x")))
    fill = (100, 110, 120)[: 3 if len(shape) == 3 else 1]
    around = Surroundings(fill, (24, 24), picture("donor", shape))

    drawn = draw(parse_view(name), picture("picture", shape), "key", around)

    assert hashlib.sha256(drawn.tobytes()).hexdigest()[:16] == DIGESTS[case]
