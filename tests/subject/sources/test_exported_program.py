"""The weights of an exported program are read; its extra files may name the classes."""

import json

import pytest
import torch
from torch import nn

from gate.errors import CheckpointError
from gate.subject.sources.exported_program import SOURCE
from gate.subject.sources.registry import recognise
from gate.subject.sources.source import Artefact


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = nn.Conv2d(1, 4, 3), nn.Linear(4, 2)

    def forward(self, images):
        return self.fc(self.conv(images).mean((2, 3)))


@pytest.fixture
def stated(tmp_path):
    """Return a function that saves a program with extra files, and what is read of it."""

    def read(extra):
        program = torch.export.export(Net().eval(), (torch.zeros(2, 1, 16, 16),))
        torch.export.save(program, tmp_path / "model.pt2", extra_files=extra)
        return SOURCE.states(Artefact("model.pt2", tmp_path))

    return read


def test_classes_of_the_length_of_the_head_are_taken_from_extra_files(stated, tmp_path):
    found = stated({"classes.json": json.dumps(["cat", "dog"])})

    assert recognise(tmp_path / "model.pt2") is SOURCE
    assert found.classes.value == ("cat", "dog")
    assert "extra_files: classes" in found.classes.source
    assert [ask.key for ask in found.asks] == ["factory", "input"]


def test_preprocessing_in_extra_files_is_proposed_and_never_taken(stated):
    found = stated({"preprocessing.json": json.dumps({"size": [16, 16], "mean": [0.4]})})

    (ask,) = (each for each in found.asks if each.key == "input")
    assert found.input is None
    assert "extra_files have size, mean" in ask.fact
    assert "size: [16, 16], channels: L" in ask.proposal


@pytest.mark.parametrize("extra", [{}, {"notes.txt": "not JSON"}, {"classes.json": '["cat"]'}])
def test_without_classes_that_fit_all_three_are_asked_for(stated, extra):
    assert [ask.key for ask in stated(extra).asks] == ["factory", "input", "classes"]


def test_a_program_that_another_loader_would_run_is_refused_before_anything_is_asked(tmp_path):
    program = torch.export.export(Net().eval(), (torch.zeros(2, 1, 16, 16),))
    torch.export.save(program, tmp_path / "model.pt2", extra_files={"evil.so": "x"})

    with pytest.raises(CheckpointError, match="carries programs"):
        SOURCE.states(Artefact("model.pt2", tmp_path))
