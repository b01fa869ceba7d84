"""A MONAI bundle: classes from its metadata, weights for the user's network, no expression runs."""

import json

import pytest
import torch
from torch import nn

from gate.errors import CheckpointError
from gate.subject.sources.monai import SOURCE
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact

NETWORK = {"_target_": "DenseNet", "spatial_dims": 2, "in_channels": 1, "out_channels": 3}


def metadata(channel_def):
    image = {"num_channels": 1, "spatial_shape": [16, 16]}
    output = {"type": "probabilities", "channel_def": channel_def}
    return {"network_data_format": {"inputs": {"image": image}, "outputs": {"pred": output}}}


@pytest.fixture
def bundle(tmp_path):
    made = tmp_path / "bundle"
    (made / "configs").mkdir(parents=True)
    (made / "models").mkdir()
    write(made, {"0": "healthy", "2": "10", "1": "Lesion"})
    fires = f"$open({str(tmp_path / 'CANARY')!r}, 'w')"
    program = {"imports": [fires], "network_def": NETWORK, "network": fires, "run": [fires]}
    (made / "configs" / "inference.json").write_text(json.dumps(program))
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    torch.save(net.state_dict(), made / "models" / "model.pt")
    return made


def write(folder, channel_def):
    (folder / "configs" / "metadata.json").write_text(json.dumps(metadata(channel_def)))


def network(folder, **definition):
    path = folder / "configs" / "inference.json"
    path.write_text(json.dumps({"network_def": {**NETWORK, **definition}}))
    return next(ask for ask in stated(folder).asks if ask.key == "factory").remedy


def stated(folder):
    return SOURCE.states(Artefact(folder.name, folder.parent))


def test_classes_come_from_channel_def_in_the_order_of_outputs(bundle):
    found = stated(bundle)

    assert recognise(bundle) is SOURCE
    assert found.classes.value == ("healthy", "Lesion", "10")
    assert found.classes.source.startswith("configs/metadata.json")
    assert [ask.key for ask in found.asks] == ["factory", "input"]


def test_expressions_are_not_evaluated(bundle):
    stated(bundle)
    SOURCE.identify(Artefact(bundle.name, bundle.parent))

    assert not (bundle.parent / "CANARY").exists()


def test_a_network_of_plain_values_is_proposed_as_lines(bundle):
    remedy = next(ask for ask in stated(bundle).asks if ask.key == "factory").remedy

    assert "{factory: 'monai.networks.nets:DenseNet', kwargs: {\"spatial_dims\": 2," in remedy


@pytest.mark.parametrize(
    "definition",
    [
        {"_target_": "os.system"},
        {"_target_": "monai.apps.download_url"},
        {"_target_": "$__import__('os').system"},
        {"in_channels": "$open('CANARY', 'w')"},
        {"act": ["@other#thing"]},
        {"act": {"_target_": "x", "y": "%other.json"}},
        {"a b": 1},
        {"pretrained": True},
        {"weights_path": "/etc/passwd"},
        {"model_url": "https://host/x"},
        {"long": "x" * 500},
    ],
)
def test_a_network_that_is_more_than_plain_values_is_not_proposed(bundle, definition):
    remedy = network(bundle, **definition)

    assert "os.system" not in remedy
    assert "kwargs" not in remedy
    assert remedy.startswith("under model: add factory: package.module:function,")


def test_a_network_that_fetches_nothing_is_proposed(bundle):
    assert "kwargs" in network(bundle, pretrained=False)


def test_names_that_are_not_as_many_as_the_outputs_are_a_finding_and_asked_for(bundle):
    write(bundle, {"0": "a", "1": "b"})

    found = stated(bundle)

    assert found.classes is None
    assert "classes" in {ask.key for ask in found.asks}
    (check,) = found.checks
    assert str(check).startswith("the number of outputs is 2 in configs/metadata.json: network_")
    assert str(check).endswith(" and 3 in the weights")


def test_channels_without_an_order_are_asked_for(bundle):
    write(bundle, {"0": "a", "1": "b", "5": "c"})

    found = stated(bundle)

    assert found.classes is None
    assert [ask.key for ask in found.asks] == ["factory", "input", "classes"]


def test_an_edited_name_is_another_artefact(bundle):
    artefact = Artefact(bundle.name, bundle.parent)
    before = SOURCE.identify(artefact).sha256

    write(bundle, {"0": "Lesion", "1": "healthy", "2": "10"})

    assert SOURCE.identify(artefact).sha256 != before
    assert set(SOURCE.files(bundle)) == {"configs/metadata.json", "models/model.pt"}


@pytest.mark.parametrize("text", ["[1]", "{", "[" * 50_000])
def test_metadata_that_is_no_object_is_refused(bundle, text):
    (bundle / "configs" / "metadata.json").write_text(text)

    with pytest.raises(CheckpointError, match="is not the JSON of a MONAI bundle"):
        stated(bundle)


def test_a_bundle_without_weights_says_where_they_belong(bundle):
    (bundle / "models" / "model.pt").unlink()
    (bundle / "models" / "model.ts").write_bytes(b"PK")

    with pytest.raises(CheckpointError, match=r"models holds none of model.pt"):
        stated(bundle)
