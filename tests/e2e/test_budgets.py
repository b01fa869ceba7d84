"""What an answer costs is counted by whoever measures, and timed beside an artefact."""

import pytest
from torch import nn

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {{name: budget, version: 1.0.0}}
rules:
  - {{check: accuracy, min: 0.80}}
  - {rule}
"""


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 5, 3, padding=1, bias=False)
        self.head = nn.Linear(5 * 6 * 4, 7)

    def forward(self, images):
        return self.head(self.conv(images).flatten(1))


def test_convolutions_and_matrix_products_are_counted_as_by_hand():
    import numpy as np

    from gate.measure.inference.costs import macs_of
    from gate.measure.inference.torch_runner import TorchRunner

    runner = TorchRunner.start(Two(), tuple("abcdefg"), "cpu")

    counted = macs_of(runner, np.zeros((1, 3, 6, 4), np.float32))

    assert counted == 5 * 3 * 9 * 6 * 4 + 5 * 6 * 4 * 7


@pytest.fixture
def subject(in_units, monkeypatch):
    monkeypatch.setattr("gate.measure.partials.kept_partials.SETTLED", 0.0)
    return in_units


def judged(project, rule, *arguments):
    project.write("policy.yaml", POLICY.format(rule=rule))
    return project.command("run", "--no-cache", *arguments)


def budget_of(ran):
    return {
        each["scope"]["part"]: each for each in ran.report["results"] if each["check"] == "budget"
    }


# The net of the project has 131 parameters, and 64 + 128 multiply-accumulates an image.
@pytest.mark.parametrize(
    ("limits", "status"),
    [
        ("parameters: 131, macs: 192, file: 1MB", 0),
        ("parameters: 130", 1),
        ("macs: 191", 1),
        ("file: 1K", 1),
        ("parameters: 12e6, macs: 2G, file: 50MB", 0),
    ],
)
def test_what_is_counted_blocks_from_the_first_too_many(subject, limits, status):
    ran = judged(subject, f"{{check: budget, {limits}}}")

    assert ran.status == status, ran.out


def test_what_is_counted_is_the_same_in_two_processes(subject):
    rule = "{check: budget, macs: 192}"

    assert judged(subject, rule).digest == judged(subject, rule, "--workers", 2).digest


@pytest.mark.parametrize("wrong", ["macs: many", "file: -1", "parameters: 1.5", "file: 50MiB"])
def test_a_limit_that_is_no_size_is_told_before_anything_is_measured(subject, wrong):
    ran = judged(subject, f"{{check: budget, {wrong}}}")

    assert (ran.status, ran.report) == (2, None)


def test_two_identical_nets_do_not_block_even_where_time_blocks(subject):
    import shutil

    shutil.copyfile(subject.folder / "model.pt", subject.folder / "twin.pt")
    subject.checkpoint("twin.pt", change=lambda state: state["head.bias"].add_(1.0))
    subject.gatefile["artefacts"] = {"champion": "twin.pt"}
    subject.write_gatefile()

    ran = judged(
        subject,
        "{check: budget, latency: {versus: champion, turns: 30, max_ratio: 3, severity: block}}",
    )

    assert ran.status == 0, ran.out
    assert not ran.report["subject"]["artefacts"][0]["covered"]  # to be timed covers nothing


def test_a_limit_that_equal_nets_would_miss_by_chance_is_refused(subject):
    ran = judged(subject, "{check: budget, latency: {versus: champion, max_ratio: 1.05}}")

    assert (ran.status, ran.report) == (2, None)
    assert "max_ratio" in ran.err
    assert "1.1" in ran.err


def test_a_net_that_sleeps_is_found_slower_and_warns(subject):
    subject.write(
        "slow.py",
        "import time\nimport nets\n\n\nclass Slow(nets.Brightness):\n"
        "    def forward(self, images):\n        time.sleep(0.05)\n"
        "        return super().forward(images)\n\n\ndef make():\n    return Slow()\n",
    )
    subject.gatefile["model"]["factory"] = "slow:make"
    fast = {"checkpoint": "model.pt", "factory": "nets:build"}
    subject.gatefile["artefacts"] = {"champion": fast}
    subject.write_gatefile()

    ran = judged(subject, "{check: budget, latency: {versus: champion, turns: 12}}")

    found = budget_of(ran)["latency"]
    assert (ran.status, found["outcome"], found["severity"]) == (0, "failed", "warn"), ran.out


def test_an_export_is_no_way_around_a_limit_that_nothing_counts(subject):
    pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    from graphs import graph

    graph(subject.folder / "small.onnx")
    subject.gatefile["artefacts"] = {"small": "small.onnx"}
    subject.write_gatefile()

    ran = judged(subject, "{check: budget, artefact: small, macs: 2M, file: 1MB}")

    found = budget_of(ran)
    assert (ran.status, found["macs"]["outcome"]) == (3, "inconclusive"), ran.out
    assert found["file"]["outcome"] == "passed"
    assert "torch runs no module of small" in found["macs"]["message"]
    assert "limit the `macs` of the checkpoint" in found["macs"]["remedy"]
    followed = judged(subject, "{check: budget, macs: 2M}\n  - {id: export, check: budget, "
                      "artefact: small, file: 1MB}")  # fmt: skip
    assert followed.status == 0, followed.out
