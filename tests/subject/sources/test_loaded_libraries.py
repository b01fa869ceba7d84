"""A plain checkpoint loads no library of models, and to recognise one loads no torch."""

import json
import subprocess
import sys

import torch

PROGRAM = """
import json, sys
from gate.subject.gatefile import GateFile, ModelSpec
from gate.subject.sources.registry import source_of
from gate.subject.sources.source import Artefact
artefact = Artefact(sys.argv[1], factory="torch.nn:Flatten")
source = source_of(artefact)
source.states(artefact)
source.identify(artefact)
print(json.dumps([source.name, sorted(sys.modules)]))
"""


def test_a_plain_checkpoint_loads_no_library_of_models(tmp_path):
    torch.save({"model": {"fc.weight": torch.ones(2, 3)}}, tmp_path / "weights.pt")

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "weights.pt")],
        capture_output=True,
        text=True,
        check=True,
    )

    name, modules = json.loads(ran.stdout)
    assert name == "torch-checkpoint"
    assert {"torch", "timm", "torchvision", "transformers"}.isdisjoint(modules)
