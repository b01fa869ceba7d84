"""A Lightning checkpoint builds the user's class from its hyper_parameters, plain values only."""

import os
import sys

import pytest
import torch
from torch import nn

from gate.errors import CheckpointError, FactoryError
from gate.subject.sources.lightning import SOURCE
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact

USER = """\
import torch
from torch import nn

SEEN = []


class Lit(nn.Module):
    def __init__(self, class_names, width=3, lr=0.1):
        super().__init__()
        SEEN.append({"class_names": class_names, "width": width, "lr": lr})
        self.conv = nn.Conv2d(1, width, 3)
        self.head = nn.Linear(width, len(class_names))

    def forward(self, images):
        return self.head(self.conv(images).mean((2, 3)))


class Open(Lit):
    def __init__(self, **kwargs):
        super().__init__(kwargs.pop("class_names"), **{k: kwargs[k] for k in ("width",)})
        SEEN.append(kwargs)


class Whole(Lit):
    def __init__(self, hparams):
        super().__init__(hparams["class_names"], hparams["width"])


class Weighted(Lit):
    def __init__(self, class_names, weights, width=3):
        super().__init__(class_names, width)


def build():
    SEEN.append("a function")
    return Lit(["a", "b"], 5)
"""
HYPER = {"class_names": ["cat", "dog"], "width": 5, "image_size": 16, "mean": (0.4,), "std": [0.3]}


class Lit(nn.Module):
    def __init__(self, width=5, classes=2):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3)
        self.head = nn.Linear(width, classes)


def saved(folder, hyper=HYPER, **more):
    torch.manual_seed(1)
    whole = {
        "epoch": 3,
        "pytorch-lightning_version": "2.6.6",
        "state_dict": Lit().state_dict(),
        "hparams_name": "kwargs",
        "hyper_parameters": hyper,
        **more,
    }
    path = folder / "last.ckpt"
    torch.save(whole, path)
    return path


@pytest.fixture
def lit(tmp_path, monkeypatch, request):
    """Return a function that opens a checkpoint with a class of the user's, and what it was given.

    The module's name is new in every test: Python keeps what it has imported.
    """
    module = f"lit_{abs(hash(request.node.name))}"
    (tmp_path / f"{module}.py").write_text(USER)
    monkeypatch.syspath_prepend(str(tmp_path))

    def opened(name, hyper=HYPER, kwargs=None, **more):
        saved(tmp_path, hyper, **more)
        found = Artefact("last.ckpt", tmp_path, factory=f"{module}:{name}", kwargs=kwargs or {})
        with SOURCE.open(found, threads=1) as model:
            return model, sys.modules[module].SEEN

    return opened


def stated(path, **more):
    return SOURCE.states(Artefact(path.name, path.parent, **more))


def test_it_is_recognised_by_its_content_and_a_plain_checkpoint_is_not(tmp_path):
    torch.save(Lit().state_dict(), tmp_path / "plain.ckpt")

    assert recognise(saved(tmp_path)).name == "lightning"
    assert recognise(tmp_path / "plain.ckpt").name == "torch-checkpoint"


def test_classes_of_the_length_of_the_head_are_taken_and_their_source_is_said(tmp_path):
    found = stated(saved(tmp_path))

    assert found.classes.value == ("cat", "dog")
    assert "hyper_parameters: class_names" in found.classes.source
    assert list(found.read) == ["last.ckpt"]


@pytest.mark.parametrize(
    "hyper",
    [
        {"class_names": ["cat", "dog", "cow"]},
        {"class_names": ["cat"]},
        {"class_names": "cat,dog"},
        {"class_names": ["cat", 7]},
        {"class_names": ["cat", "dog"], "labels": ["dog", "cat"]},
        {},
    ],
)
def test_names_that_do_not_fit_the_head_or_disagree_are_asked_for(tmp_path, hyper):
    found = stated(saved(tmp_path, hyper))

    assert found.classes is None
    assert [ask.key for ask in found.asks] == ["factory", "input", "classes"]


def test_the_input_is_proposed_and_never_taken(tmp_path):
    found = stated(saved(tmp_path))

    (ask,) = (ask for ask in found.asks if ask.key == "input")
    assert found.input is None
    assert (
        "input: {size: [16, 16], channels: L, resize: stretch, mean: [0.4], std: [0.3]}"
        in ask.remedy
    )


def test_of_weight_averaging_the_average_is_taken_without_a_question_and_told(lit):
    raw = {name: value + 1 for name, value in Lit().state_dict().items()}

    opened, _ = lit("Lit", current_model_state=raw)

    torch.manual_seed(1)
    average = Lit().state_dict()
    assert torch.equal(opened.model.head.bias, average["head.bias"])
    assert any("current_model_state" in note for note in opened.notes)


def test_the_raw_weights_beside_an_average_are_taken_where_the_gate_file_names_them(tmp_path):
    raw = {name: value + 1 for name, value in Lit().state_dict().items()}
    path = saved(tmp_path, current_model_state=raw)

    chosen = [
        SOURCE.inspect(Artefact(path.name, tmp_path, key=key)).key
        for key in (None, "current_model_state")
    ]

    assert chosen == ["state_dict", "current_model_state"]


def test_the_class_is_called_as_load_from_checkpoint_calls_it(lit):
    opened, seen = lit("Lit")

    assert seen == [{"class_names": ["cat", "dog"], "width": 5, "lr": 0.1}]  # no image_size
    assert "arguments from hyper_parameters: class_names, width" in opened.notes


def test_kwargs_of_the_gate_file_go_first(lit):
    _, seen = lit("Lit", kwargs={"lr": 0.5, "class_names": ["x", "y"]})

    assert seen == [{"class_names": ["x", "y"], "width": 5, "lr": 0.5}]


def test_a_class_that_takes_any_argument_gets_all_of_them(lit):
    _, seen = lit("Open")

    assert seen[1]["image_size"] == 16


def test_a_class_with_one_argument_for_all_gets_them_as_one(lit):
    opened, _ = lit("Whole", hparams_name="hparams")

    assert opened.model.head.weight.shape == (2, 5)


def test_a_function_is_called_without_them(lit):
    opened, seen = lit("build")

    assert seen[0] == "a function"
    assert not any("hyper_parameters" in note for note in opened.notes)


def test_what_is_no_plain_value_is_not_read_and_asked_for_where_the_class_needs_it(lit):
    hyper = {**HYPER, "weights": torch.ones(2)}

    opened, _ = lit("Lit", hyper)
    assert any("weights (tensor)" in note for note in opened.notes)

    with pytest.raises(FactoryError, match=r"weights \(tensor\).*kwargs"):
        lit("Weighted", hyper)
    lit("Weighted", hyper, kwargs={"weights": [1, 2]})


def test_lists_in_lists_that_grow_by_each_other_are_not_followed(lit):
    laughs = ["ha"] * 10
    for _ in range(12):
        laughs = [laughs] * 10  # 1e13 values, in a pickle of a few hundred bytes

    opened, _ = lit("Lit", {**HYPER, "lr": laughs})

    assert any("lr (more values than are read)" in note for note in opened.notes)


class Fires:
    """Leaves a file when it is unpickled."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


@pytest.mark.parametrize("part", ["hyper_parameters", "datamodule_hyper_parameters"])
def test_code_beside_the_weights_does_not_run(tmp_path, part):
    canary = tmp_path / "CANARY"
    hyper = {**HYPER, "width": Fires(canary)}
    path = saved(tmp_path, **{part: hyper})

    with pytest.raises(CheckpointError, match="would run or import"):
        stated(path)

    assert not canary.exists()
    torch.load(path, weights_only=False)  # it is loaded
    assert canary.exists()


def test_datamodule_hyper_parameters_are_ignored(lit):
    _, seen = lit("Lit", datamodule_hyper_parameters={"lr": 7, "class_names": ["u", "v"]})

    assert seen == [{"class_names": ["cat", "dog"], "width": 5, "lr": 0.1}]


def test_hparams_yaml_beside_it_is_not_read(tmp_path):
    path = saved(tmp_path)
    (tmp_path / "hparams.yaml").write_text("mean: !!python/object/apply:os.system [exit]")

    assert stated(path).classes.value == ("cat", "dog")


def test_another_file_between_the_arguments_and_the_weights_is_refused(tmp_path, monkeypatch):
    (tmp_path / "swapped_lit.py").write_text(USER)
    monkeypatch.syspath_prepend(str(tmp_path))
    artefact = Artefact("last.ckpt", tmp_path, factory="swapped_lit:Lit")
    saved(tmp_path)
    assert artefact.sealed.sha256  # read
    saved(tmp_path, {**HYPER, "width": 5, "lr": 9})

    with pytest.raises(CheckpointError, match="changed while it was read"):
        SOURCE.open(artefact, threads=1).__enter__()
