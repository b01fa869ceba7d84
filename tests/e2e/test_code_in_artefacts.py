"""Whoever writes an artefact has nothing of it run, and no edit by hand is deployed as judged."""

import json
import os
import pickle
import zipfile

import pytest
import torch
import yaml
from safetensors.torch import save_file

PLANTED = """\
from pathlib import Path

Path({canary!r}).touch()
"""
POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: contract, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
"""
TRUST = "apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys:\n"


class Touches:
    """Touches a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def weights(project):
    return torch.load(project.folder / "model.pt", weights_only=True)


def canary(project):
    return str(project.folder / "CANARY")


def plant(project, folder):
    """Put modules that leave the canary wherever Python, or a library, would look for code."""
    code = PLANTED.format(canary=canary(project))
    for name in (
        "nets.py", "sitecustomize.py", "usercustomize.py", "conftest.py", "__init__.py",
        "modeling_custom.py", "hubconf.py", "torch.py", "code/nets.py", "code/sitecustomize.py",
        "scripts/__init__.py", "configs/logging.py",
    ):  # fmt: skip
        project.write(f"{folder}/{name}", code)
    project.write(f"{folder}/requirements.txt", "-e .\n")
    project.write(f"{folder}/setup.py", code)


def mlflow(project):
    document = {
        "flavors": {
            "python_function": {"loader_module": "nets", "code": "code", "data": "data"},
            "pytorch": {"model_data": "data", "code": "code", "pickle_module_name": "nets"},
        },
        "metadata": {"class_names": ["dark", "bright"]},
    }
    plant(project, "art")
    project.write("art/MLmodel", yaml.safe_dump(document))
    project.write("art/data/pickle_module_info.txt", "nets")
    project.write("art/data/model.pth", (project.folder / "model.pt").read_bytes())
    return "MLmodel", ("class_names:\n  - dark\n  - bright", "class_names:\n  - bright\n  - dark")


def monai(project):
    expression = f"$__import__('pathlib').Path({canary(project)!r}).touch()"
    formats = {"outputs": {"pred": {"channel_def": {"0": "dark", "1": "bright"}}}}
    plant(project, "art")
    project.write(
        "art/configs/metadata.json",
        json.dumps(
            {"network_data_format": formats, "version": expression, "optional": [expression]}
        ),
    )
    program = {
        "imports": [expression],
        "bundle_root": expression,
        "network_def": {"_target_": "art.scripts.net", "in_channels": expression},
        "run": [expression],
    }
    project.write("art/configs/inference.json", json.dumps(program))
    project.write("art/models/model.pt", (project.folder / "model.pt").read_bytes())
    return "configs/metadata.json", ('"0": "dark", "1": "bright"', '"0": "bright", "1": "dark"')


def transformers(project):
    plant(project, "art")
    save_file(weights(project), project.folder / "art" / "model.safetensors")
    for name in ("training_args.bin", "optimizer.pt", "rng_state.pth", "scheduler.pt"):
        with (project.folder / "art" / name).open("wb") as stream:
            pickle.dump(Touches(canary(project)), stream)
    config = {"model_type": "resnet", "id2label": {"0": "dark", "1": "bright"}}
    project.write("art/config.json", json.dumps(config))
    return "config.json", ('"0": "dark", "1": "bright"', '"0": "bright", "1": "dark"')


ARTEFACTS = [mlflow, monai, transformers]


@pytest.fixture(params=ARTEFACTS, ids=lambda each: each.__name__)
def artefact(request, project):
    """Return a project with a folder `art`, the document of it that names classes, and an edit."""
    document, edit = request.param(project)
    project.write("policy.yaml", POLICY)
    project.folders("data/test", 50, seed=2)
    project.gatefile |= {
        "model": {"checkpoint": "art", "factory": "nets:build"},
        "classes": None,
        "data": {"test": {"path": "data/test"}},
    }
    return project, project.folder / "art" / document, edit


def test_no_command_runs_what_lies_in_an_artefact(artefact):
    project, _, _ = artefact

    looked = project.command("inspect", "art")
    asked = project.run(model={"checkpoint": "art"}, input=None)
    drafted = project.command("init", "data", "--checkpoint", "art", "--out", "made")
    ran = project.run()
    apart = project.process("run", "gate.yaml", "--workers", "2", "--no-cache")

    assert [each.status for each in (looked, drafted, ran, apart)] == [0, 0, 0, 0], ran.err
    assert asked.status in (2, 4)
    assert not (project.folder / "CANARY").exists()


def test_a_document_edited_by_hand_is_not_deployed_as_judged(artefact):
    project, document, edit = artefact
    assert project.run().status == 0
    owner = ("--name", "ci", "--role", "runner", "--policy", "contract")
    project.write("trust.yaml", TRUST + project.command("keygen", "ci.key", *owner).out)
    signed = ("attest", "gate-out", "--checkpoint", "art", "--key", "ci.key", "-o", "a.jsonl")
    assert project.command(*signed).status == 0
    verify = (
        "verify", "art", "--policy", "policy.yaml", "--trust", "trust.yaml", "--attestation",
        "a.jsonl",
    )  # fmt: skip
    honest = project.command(*verify)

    before = document.read_text()
    document.write_text(before.replace(*edit))
    assert document.read_text() != before
    tampered = project.command(*verify)
    again = project.run()

    assert (honest.status, tampered.status) == (0, 5), honest.err
    assert "checkpoint-differs" in tampered.out
    assert again.status == 1  # measured again, and not out of the cache: the classes are swapped


@pytest.mark.parametrize("place", ["extra", "code", "pickle"])
def test_what_lies_in_a_program_file_beside_its_weights_is_not_run(place, project):
    names = {"__name__": "nets"}  # run here: another test may have imported a module of the name
    exec((project.folder / "nets.py").read_text(), names)
    model = names["build"]().eval()
    model.load_state_dict(weights(project))
    torch.export.save(
        torch.export.export(model, (torch.zeros(2, 1, 8, 8),)), project.folder / "model.pt2"
    )
    code = PLANTED.format(canary=canary(project))
    name, content = {
        "extra": ("model/extra/helper.py", code.encode()),
        "code": ("model/code/nets.py", code.encode()),
        "pickle": ("model/data/constants/custom_obj_0", pickle.dumps(Touches(canary(project)))),
    }[place]
    with zipfile.ZipFile(project.folder / "model.pt2", "a") as archive:
        archive.writestr(name, content)

    for told in ({"checkpoint": "model.pt2"}, {"checkpoint": "model.pt2", "factory": "nets:build"}):
        project.run(model=told)
    project.command("inspect", "model.pt2")

    assert not (project.folder / "CANARY").exists()
