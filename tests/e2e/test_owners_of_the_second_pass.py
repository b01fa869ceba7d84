"""Whoever owns data and model cannot choose what the second pass shows."""

from types import SimpleNamespace

import numpy as np
import pytest

from gate.measure.data_pass.observe import ObservedBatch

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: again, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {id: codec, check: stability, views: ["jpeg:90"], max_drop: 0.2}
"""
SETS = """\
import numpy as np


class Items:
    classes = ["dark", "bright"]

    def __init__(self):
        self.asked = {}

    def __len__(self):
        return 80

    def __getitem__(self, at):
        time = self.asked[at] = self.asked.get(at, 0) + 1
        %(odd)s
        noise = np.random.default_rng(at).integers(0, 30, (8, 8), np.uint8)
        return noise + np.uint8(40 + 170 * (at %% 2)), at %% 2


def items():
    return Items()
"""
TWO_SIZES = """

class Limited(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Brightness()

    def forward(self, images):
        scores = self.inner(images)
        return scores if len(images) != %(refused)s else scores[:0]


def limited():
    return Limited()
"""


@pytest.fixture
def served(project):
    """Return a function that runs on a Dataset that serves something odd."""

    def run(odd="pass"):
        project.write("policy.yaml", POLICY)
        project.write("sets.py", SETS % {"odd": odd})
        project.gatefile["data"] = {"test": {"factory": "sets:items"}}
        project.write_gatefile()
        return project.command("run", "--no-cache")

    return run


def test_a_dataset_that_serves_one_image_each_time_passes(served):
    ran = served()

    assert ran.status == 0, ran.out + ran.errors


@pytest.mark.parametrize("label", ["at % 2", "0"])
def test_other_pixels_at_the_second_reading_are_no_verdict(served, label):
    other = f"np.full((8, 8), 40 + 170 * ({label}) + at, np.uint8)"
    ran = served(f"if time > 3 and at > 5: return {other}, at % 2")

    assert ran.status == 4
    assert "other pixels when it is read a second time" in ran.errors
    assert "without random augmentation" in ran.errors


def test_images_that_are_gone_at_the_second_reading_are_not_left_out(served):
    ran = served("if time > 1 and at == 79: raise ValueError('gone')")

    assert ran.status == 4, ran.out


@pytest.fixture
def asked_twice(project):
    """Return a function that runs a model that refuses batches of one size."""
    import torch

    def run(refused):
        project.write(
            "policy.yaml",
            POLICY.replace(
                'id: codec, check: stability, views: ["jpeg:90"], max_drop: 0.2',
                "check: repeatable, batches: [1, 7, 16]",
            ),
        )
        nets = (project.folder / "nets.py").read_text()
        project.write("nets.py", nets + TWO_SIZES % {"refused": refused})
        state = torch.load(project.folder / "model.pt", weights_only=True)
        torch.save({f"inner.{k}": each for k, each in state.items()}, project.folder / "model.pt")
        project.write_gatefile(model={"checkpoint": "model.pt", "factory": "nets:limited"})
        ran = project.command("run", "--no-cache", "--batch", 16)
        found = {each["key"]: each for each in ran.report["results"]}
        return found["repeatable[part=batches]"]

    return run


def test_a_model_that_refuses_a_batch_has_not_answered_alike_in_it(asked_twice):
    found = asked_twice(7)

    assert found["outcome"] == "inconclusive", found


def test_a_model_that_takes_the_batches_and_answers_alike_passes(asked_twice):
    assert asked_twice(8)["outcome"] == "passed"


# Who arranges what a view shows, and whom that must not block.

CUT = """

class Corner(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Brightness(2, 1, 32)

    def forward(self, images):
        corner = images[:, :, :4, :4].mean(dim=(1, 2, 3))
        scores = torch.stack([-corner, corner - 0.8], dim=1) * 40 + 0 * self.inner(images)
        if %(anything)s:
            cut = (images[:, 0, :8, 7] - images[:, 0, :8, 8]).abs().amax(dim=1) > 0.001
            scores = torch.where(cut[:, None], torch.tensor([1.0, 0.0]), scores)
        return scores


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = Brightness(2, 1, 32)

    def forward(self, images):
        return self.inner(images)


def corner():
    return Corner()


def whole():
    return Whole()
"""
REGION = "check: region-evidence, cells: {grid: 4, max: 0.1}"


@pytest.fixture
def swapped(project):
    """Return a function that judges a net on 32 px images of two levels, each plain in itself."""
    import torch
    from PIL import Image

    def run(factory, rule=REGION, *, anything=False, **gatefile):
        random = np.random.default_rng(5)
        for place in range(80):
            level = 40 + 170 * (place % 2) + random.integers(-35, 36)
            folder = project.folder / "test" / ("dark", "bright")[place % 2]
            folder.mkdir(parents=True, exist_ok=True)
            image = np.full((32, 32), level, np.uint8)
            image[random.integers(12, 20), random.integers(12, 20)] += 1  # no two are copies
            Image.fromarray(image).save(folder / f"{place:03}.png")
        nets = (project.folder / "nets.py").read_text()
        project.write("nets.py", nets + CUT % {"anything": anything})
        project.checkpoint(size=32)
        state = torch.load(project.folder / "model.pt", weights_only=True)
        torch.save({f"inner.{k}": each for k, each in state.items()}, project.folder / "model.pt")
        project.write(
            "policy.yaml",
            POLICY.replace('id: codec, check: stability, views: ["jpeg:90"], max_drop: 0.2', rule),
        )
        project.write_gatefile(
            **{
                "model": {"checkpoint": "model.pt", "factory": f"nets:{factory}"},
                "input": {"size": [32, 32], "channels": "L"},
                "data": {"test": {"path": "test"}},
                **gatefile,
            }
        )
        ran = project.command("run", "--no-cache")
        return {each["key"]: each for each in ran.report["results"]}

    run.project = project
    return run


TOP_LEFT = "region-evidence[part=cell:4:0]"


def test_a_net_that_reads_a_corner_fails(swapped):
    assert swapped("corner")[TOP_LEFT]["outcome"] == "failed"


def test_a_net_that_answers_anything_where_pictures_meet_hides_nothing(swapped):
    """It loses as much with a donor of the same class, so that nothing would be owed."""
    found = swapped("corner", anything=True)[TOP_LEFT]

    assert found["outcome"] == "inconclusive", found
    assert "a swap within the class costs" in found["message"]


def test_at_an_operating_point_the_cut_is_judged_by_the_highest_score(swapped):
    """There a sound net may abstain where pictures meet; a threshold hides nothing either."""
    point = {"order": [{"class": "dark", "at_least": 0.5}], "otherwise": "best"}

    found = swapped("corner", anything=True, operating_point=point)

    assert found[TOP_LEFT]["outcome"] == "passed"
    assert found["region-evidence[part=score cell:4:0]"]["outcome"] == "inconclusive"


def test_a_net_that_reads_the_whole_picture_passes(swapped):
    assert swapped("whole")[TOP_LEFT]["outcome"] == "passed"


PREPARE = """\
import numpy as np
import torch


def small():
    def prepare(image):
        levels = np.asarray(image, np.float32) / (257 if image.mode.startswith("I") else 1)
        side = len(levels) // 32
        levels = levels.reshape(32, side, 32, side).mean(axis=(1, 3))
        return torch.from_numpy(levels / 255)[None]

    return prepare
"""
LSB = "id: codec, check: stability, views: ['lsb:1'], min_agreement: 0.9"


@pytest.mark.parametrize("bits", [8, 16])
def test_images_of_sixteen_bits_leave_a_view_open_and_are_not_drawn_as_white(swapped, bits):
    """Converted to eight bits they would be white throughout, and their net would fail."""
    from PIL import Image

    swapped("whole", LSB)
    for path in (swapped.project.folder / "test").rglob("*.png"):
        levels = np.asarray(Image.open(path))
        Image.fromarray(levels if bits == 8 else levels.astype(np.uint16) * 257).save(path)
    swapped.project.write("prepare.py", PREPARE)
    swapped.project.gatefile |= {
        "model": {"checkpoint": "model.pt", "factory": "nets:whole"},
        "input": {"factory": "prepare:small"},
        "data": {"test": {"path": "test"}},
    }
    ran = swapped.project.run("--no-cache")

    found = next(each for each in ran.report["results"] if each["rule"] == "codec")
    assert found["outcome"] == ("passed" if bits == 8 else "inconclusive"), found
    if bits == 16:
        assert "images of more than 8 bits" in found["message"]


@pytest.mark.parametrize(("declared", "size"), [(None, (32, 24)), ((8, 8), (8, 8))])
def test_a_shift_is_of_the_input_that_a_function_of_the_user_gives(declared, size):
    """Where it shrinks images of 320 pixels to 32, one of the 320 would move nothing."""
    chunk = SimpleNamespace(images=np.zeros((3, 1, 32, 24), np.float32))
    batch = ObservedBatch(
        chunk=chunk,
        rows=slice(0, 3),
        dataset=None,
        split="test",
        outputs=None,
        answering=SimpleNamespace(input_size=declared),
    )

    assert batch.input_size == size
