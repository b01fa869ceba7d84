import json
from pathlib import Path

import jsonschema
import pytest
import torch
import yaml

from gate.documents.json_schema import as_text
from gate.errors import DocumentError, UsageError
from gate.policy.shipped import shipped_folder
from gate.subject.gatefile import DataSpecs, GateFile, ModelSpec, gatefile_schema, read_gatefile
from gate.subject.overrides import Flags, override
from gate.subject.sources.resolution import resolve

GOLDEN = Path(__file__).parent / "golden" / "gatefile"
FAULTY = sorted(path.stem for path in GOLDEN.glob("*.yaml"))

FULL = """\
apiVersion: gate/v1
kind: Validation
model:
  checkpoint: runs/best.pt
  factory: tumour.nets:build_resnet18
  kwargs: {num_classes: 2, weights: null}
  key: model_ema
classes: [background, tumour]
input: {size: [224, 224], channels: RGB, resize: shorter-side, crop: center,
        mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225]}
data:
  train: {path: data/train}
  test:  {path: data/test.csv, image: file, label: diagnosis, group: patient_id, slices: [scanner]}
critical: [tumour]
history: runs/metrics.csv
policy: policies/recall-first.yaml
"""
PREDICTIONS = """\
apiVersion: gate/v1
kind: Validation
classes: [a, b]
data:
  test: {predictions: test.csv}
policy: baseline
"""


@pytest.fixture
def gate_yaml(tmp_path):
    def write(text):
        path = tmp_path / "gate.yaml"
        path.write_text(text)
        return path

    return write


def test_the_example_of_the_product_is_read(gate_yaml):
    gatefile = read_gatefile(gate_yaml(FULL))

    assert gatefile.model.kwargs == {"num_classes": 2, "weights": None}
    assert gatefile.classes == ("background", "tumour")
    assert gatefile.input.size == (224, 224)
    assert list(gatefile.data.given()) == ["train", "test"]
    assert gatefile.data.test.slices == ("scanner",)
    assert (gatefile.critical, gatefile.history) == (("tumour",), "runs/metrics.csv")
    gatefile.require_complete()


def test_paths_are_relative_to_the_gate_file(gate_yaml):
    path = gate_yaml(FULL)

    assert read_gatefile(path).base == path.parent


def test_every_key_knows_its_place_and_what_is_not_stated_that_of_its_owner(gate_yaml):
    path = gate_yaml(FULL)
    gatefile = read_gatefile(path)

    assert gatefile.location("classes", 1) == (str(path), 8, 23)
    assert gatefile.location("data", "test", "group") == (str(path), 13, 70)
    assert gatefile.location("data", "test", "format") == (str(path), 13, 10)


def test_flags_do_not_move_what_the_file_states(gate_yaml):
    gatefile = read_gatefile(gate_yaml(FULL))
    overridden = gatefile.model_copy(update={"policy": "baseline"})

    assert overridden.location("critical") == gatefile.location("critical")
    assert overridden.base == gatefile.base


def test_history_may_name_its_columns(gate_yaml):
    text = FULL.replace("runs/metrics.csv", "{path: log.csv, train_loss: l, checkpoint_epoch: 3}")

    history = read_gatefile(gate_yaml(text)).history

    assert (history.path, history.train_loss, history.checkpoint_epoch) == ("log.csv", "l", 3)


def test_saved_predictions_need_no_model(gate_yaml):
    read_gatefile(gate_yaml(PREDICTIONS)).require_complete()


def test_saved_predictions_need_the_classes_that_name_their_scores(gate_yaml):
    gatefile = read_gatefile(gate_yaml(PREDICTIONS.replace("classes: [a, b]\n", "")))

    with pytest.raises(DocumentError, match="saved predictions need the classes"):
        gatefile.require_complete()
    override(gatefile, Flags(classes=("a", "b"))).require_complete()


@pytest.mark.parametrize(
    ("left_out", "fact"),
    [
        ("  checkpoint: runs/best.pt\n", "no checkpoint is given"),
        ("  factory: tumour.nets:build_resnet18\n", "nothing says how the model is built"),
        ("policy: policies/recall-first.yaml\n", "no policy is given"),
        (FULL[FULL.index("data:") : FULL.index("critical:")], "no data is given"),
    ],
)
def test_what_flags_could_still_add_is_asked_for_after_them(gate_yaml, tmp_path, left_out, fact):
    (tmp_path / "runs").mkdir()
    weights = {"fc.weight": torch.zeros(2, 2)}
    torch.save({"model_ema": weights}, tmp_path / "runs" / "best.pt")
    gatefile = read_gatefile(gate_yaml(FULL.replace(left_out, "")))

    with pytest.raises(DocumentError) as error:
        resolve(gatefile)

    assert fact in [fault.fact for fault in error.value.faults]


def test_without_a_file_everything_comes_from_flags():
    gatefile = GateFile()

    assert gatefile.location("classes") is None
    assert gatefile.base == Path()
    with pytest.raises(UsageError) as error:
        resolve(gatefile)
    assert str(error.value).count("\n") == 3
    assert "add --checkpoint FILE" in str(error.value)


def test_a_gate_file_made_of_flags_is_complete():
    data = DataSpecs.model_validate_json('{"test": {"path": "data/test"}}')
    model = ModelSpec(checkpoint="m.pt", factory="nets:build")

    GateFile(model=model, data=data, policy="baseline").require_complete()


def test_critical_classes_are_checked_when_the_classes_are_known(gate_yaml):
    gatefile = read_gatefile(gate_yaml(FULL.replace("classes: [background, tumour]\n", "")))

    gatefile.require_critical(["healthy", "tumour"])
    with pytest.raises(DocumentError) as error:
        gatefile.require_critical(["healthy", "tumor"])
    assert error.value.faults[0].remedy == "did you mean 'tumor'?"


def test_classes_are_called_as_the_data_calls_them(gate_yaml):
    named = FULL.replace("background, tumour]", '"Ko\u0308ln ", tumour]').replace(
        "l: [tumour", 'l: ["K\xf6ln"'
    )

    gatefile = read_gatefile(gate_yaml(named))

    assert (gatefile.classes, gatefile.critical) == (("K\xf6ln", "tumour"), ("K\xf6ln",))


def test_two_classes_that_nobody_tells_apart_are_one_twice(gate_yaml):
    with pytest.raises(DocumentError, match="the class 'K\xf6ln' is named twice"):
        read_gatefile(gate_yaml(FULL.replace("[background, tumour]", '["Ko\u0308ln", "K\xf6ln"]')))


def test_critical_classes_of_flags_are_checked_too():
    with pytest.raises(UsageError, match="none of the classes"):
        GateFile(critical=("c",)).require_critical(["a", "b"])


@pytest.mark.parametrize("name", FAULTY)
def test_faulty_gate_files_say_place_fact_and_remedy(name, golden, monkeypatch):
    monkeypatch.chdir(GOLDEN)

    with pytest.raises(DocumentError) as error:
        read_gatefile(Path(f"{name}.yaml"))

    golden(GOLDEN / f"{name}.txt", f"{error.value}\n")


def test_the_committed_schema_is_what_the_models_say(golden):
    golden(shipped_folder() / "gatefile.schema.json", as_text(gatefile_schema()))


@pytest.mark.parametrize("text", [FULL, PREDICTIONS])
def test_good_gate_files_meet_the_schema_and_faulty_ones_do_not(text):
    schema = json.loads(as_text(gatefile_schema()))
    validator = jsonschema.Draft202012Validator(schema)
    jsonschema.Draft202012Validator.check_schema(schema)
    values = yaml.safe_load(text)

    assert list(validator.iter_errors(values)) == []
    assert list(validator.iter_errors({**values, "polcy": "baseline"}))


def test_every_key_of_the_schema_is_described():
    schema = gatefile_schema()
    definitions = schema["$defs"]

    undescribed = [
        name
        for owner in (schema, *definitions.values())
        for name, value in owner.get("properties", {}).items()
        if "description" not in value and "$ref" not in value
    ]

    assert undescribed == []
