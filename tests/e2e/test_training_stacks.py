"""What training stacks write is judged as it lies there: what is not stated is asked for at once.

Each artefact holds the weights of the project's own network, so that the same model as a plain
checkpoint is the oracle.
"""

import json
import subprocess
import sys

import pytest
import torch
import yaml
from safetensors.torch import save_file

LIT = """\
import nets


class LitBrightness(nets.Brightness):
    def __init__(self, class_names, channels=1, size=8):
        super().__init__(len(class_names), channels, size)
"""
SIGNATURE = json.dumps([{"type": "tensor", "tensor-spec": {"shape": [-1, 1, 8, 8]}}])
MLMODEL = {
    "flavors": {"pytorch": {"model_data": "data", "code": "code"}},
    "metadata": {"class_names": ["dark", "bright"]},
    "signature": {"inputs": SIGNATURE},
}
CHANNELS = {"pred": {"channel_def": {"0": "dark", "1": "bright"}}}
IMAGE = {"image": {"num_channels": 1, "spatial_shape": [8, 8]}}
BUNDLE = {"network_data_format": {"inputs": IMAGE, "outputs": CHANNELS}}


def weights(project):
    return torch.load(project.folder / "model.pt", weights_only=True)


def lightning(project):
    project.write("lit.py", LIT)
    whole = {
        "pytorch-lightning_version": "2.6.6",
        "state_dict": weights(project),
        "hyper_parameters": {"class_names": ["dark", "bright"], "image_size": 8},
    }
    torch.save(whole, project.folder / "last.ckpt")
    return "last.ckpt", "lit:LitBrightness"


def exported(project):
    names = {"__name__": "nets"}  # run here: another test may have imported a module of the name
    exec((project.folder / "nets.py").read_text(), names)
    model = names["build"]().eval()
    model.load_state_dict(weights(project))
    program = torch.export.export(model, (torch.zeros(2, 1, 8, 8),))
    extra = {"classes.json": json.dumps(["dark", "bright"])}
    torch.export.save(program, project.folder / "model.pt2", extra_files=extra)
    return "model.pt2", "nets:build"


def mlflow(project):
    exported(project)
    project.write("mlflow/MLmodel", yaml.safe_dump(MLMODEL))
    project.write("mlflow/data/model.pt2", (project.folder / "model.pt2").read_bytes())
    project.write("mlflow/code/nets.py", "open('CANARY', 'w')")
    return "mlflow", "nets:build"


def monai(project):
    project.write("bundle/configs/metadata.json", json.dumps(BUNDLE))
    program = {"network_def": "$open('CANARY', 'w')", "run": ["$open('CANARY', 'w')"]}
    project.write("bundle/configs/inference.json", json.dumps(program))
    project.write("bundle/models/model.pt", (project.folder / "model.pt").read_bytes())
    return "bundle", "nets:build"


STACKS = [lightning, exported, mlflow, monai]


@pytest.fixture(params=STACKS, ids=lambda each: each.__name__)
def stack(request, project):
    """Return a project, an artefact of one stack in it, and the code that its user has."""
    artefact, factory = request.param(project)
    project.gatefile["classes"] = None
    return project, artefact, factory


def test_factory_and_input_are_asked_for_in_one_message_and_nothing_runs(stack):
    project, artefact, _ = stack

    ran = project.run(model={"checkpoint": artefact}, input=None)

    assert ran.status == 2
    assert "how the model is built" in ran.err
    assert "add input: {size: [" in ran.err
    assert not (project.folder / "CANARY").exists()


def test_with_them_the_verdict_is_that_of_the_plain_checkpoint(stack):
    project, artefact, factory = stack

    ran = project.run(model={"checkpoint": artefact, "factory": factory})
    plain = project.run(classes=["dark", "bright"])

    assert ran.status == plain.status == 0, ran.err
    assert ran.report["confusion"] == plain.report["confusion"]
    assert any(each.startswith("classes: from ") for each in ran.report["environment"]["assumed"])
    assert not (project.folder / "CANARY").exists()


def test_shards_join_to_the_report_of_one_run(stack):
    project, artefact, factory = stack
    whole = project.run("--no-cache", model={"checkpoint": artefact, "factory": factory})

    for index in range(2):
        project.command("shard", "--index", index, "--of", 2, "--no-cache")
    merged = project.command("merge", "gate-shards")

    assert merged.status == 0, merged.err
    assert merged.digest == whole.digest


def test_inspect_looks_into_it_and_init_writes_what_it_states(stack):
    project, artefact, _ = stack
    project.folders("data/test", 3)

    seen = json.loads(project.command("inspect", artefact, "--format", "json").out)
    project.command("init", "data", "--checkpoint", artefact, "--out", "made")

    assert seen["refusal"] is None
    assert seen["classes"] == 2
    assert seen["stated"]["classes"]["value"] == ["dark", "bright"]
    first = (project.folder / "made" / "gate.yaml").read_text()
    (line,) = (each for each in first.splitlines() if each.startswith("classes:"))
    assert line.split("#")[0].strip() == "classes: [dark, bright]"
    assert "# from " in line


def test_a_configuration_that_was_edited_is_measured_again(project):
    artefact, factory = mlflow(project)
    project.folders("test", 15)
    project.gatefile |= {
        "classes": None,
        "model": {"checkpoint": artefact, "factory": factory},
        "data": {"test": {"path": "test"}},
    }
    before = project.run()

    swapped = {**MLMODEL, "metadata": {"class_names": ["bright", "dark"]}}
    project.write("mlflow/MLmodel", yaml.safe_dump(swapped))
    after = project.run()

    assert before.status == 0
    assert after.status == 1
    assert before.report["subject"]["sha256"] != after.report["subject"]["sha256"]


def test_a_plain_checkpoint_loads_nothing_of_the_readers_of_documents(project):
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gate.subject.sources.registry import recognise\n"
        "recognise(Path('model.pt'))\n"
        "heavy = {'torch', 'numpy', 'onnx', 'onnxruntime', 'yaml', 'lightning', 'mlflow'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=project.folder, capture_output=True, text=True
    )

    assert ran.stdout.strip() == "[]", ran.stderr


def test_a_transformers_folder_whose_labels_no_tensor_counts_fails_the_contract(project):
    """The model is the user's own; what the folder says of it is compared with the weights."""
    folder = project.folder / "saved"
    folder.mkdir()
    state = torch.load(project.folder / "model.pt", weights_only=True)
    save_file(state, folder / "model.safetensors")
    names = {"0": "dark", "1": "bright"}
    config = {"model_type": "resnet", "id2label": names, "num_channels": 1}
    contract = {"checkpoint": "saved", "factory": "nets:build"}
    project.write(
        "policy.yaml",
        "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: contract, version: 1.0.0}\n"
        "rules: [{check: input-contract}]\n",
    )
    statuses = []
    for wrong in ({}, {"num_channels": 3}, {"num_labels": 5}):
        (folder / "config.json").write_text(json.dumps(config | wrong))
        statuses.append(project.run("--no-cache", model=contract).status)

    assert statuses == [0, 1, 1]
