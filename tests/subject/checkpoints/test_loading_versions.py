"""A module that converts weights of older releases is told the version that its file carries."""

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gate.errors import CheckpointError
from gate.subject.checkpoints import load_into, open_checkpoint


class Scaled(torch.nn.Module):
    """Kept its weight in percent before its second version; refuses a file without one."""

    _version = 2

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(3, 2)

    def _load_from_state_dict(
        self, state: dict[str, Any], prefix: str, local: dict[str, Any], *rest: Any
    ) -> None:
        version = local.get("version")
        if version is None:
            message = "the weights have no version"
            raise ValueError(message)
        if version < 2:
            state[prefix + "fc.weight"] = state[prefix + "fc.weight"] / 100
        super()._load_from_state_dict(state, prefix, local, *rest)


def _loaded(path: Path) -> Scaled:
    model = Scaled()
    load_into(open_checkpoint(path), model)
    return model


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_of_this_version_is_loaded_as_it_is(
    wrapped: bool, zipped: bool, tmp_path: Path
) -> None:
    model = Scaled()
    saved = torch.nn.DataParallel(model) if wrapped else model
    torch.save(
        {"model": saved.state_dict()},
        tmp_path / "x.pt",
        _use_new_zipfile_serialization=zipped,
    )

    assert torch.equal(_loaded(tmp_path / "x.pt").fc.weight, model.fc.weight)


def test_a_file_of_an_older_version_is_converted_as_torch_does(tmp_path: Path) -> None:
    old = Scaled().state_dict()
    old._metadata[""]["version"] = 1
    torch.save(old, tmp_path / "x.pt")
    oracle = Scaled()
    oracle.load_state_dict(torch.load(tmp_path / "x.pt", weights_only=True), strict=True)

    assert torch.equal(_loaded(tmp_path / "x.pt").fc.weight, oracle.fc.weight)


def test_a_file_without_versions_has_none(tmp_path: Path) -> None:
    save_file(Scaled().state_dict(), tmp_path / "x.safetensors")

    with pytest.raises(CheckpointError, match="have no version"):
        _loaded(tmp_path / "x.safetensors")


def test_a_file_cannot_have_its_tensors_put_in_the_place_of_the_models(tmp_path: Path) -> None:
    state = Scaled().state_dict()
    state._metadata[""]["assign_to_params_buffers"] = True
    state["fc.weight"] = state["fc.weight"].double()
    torch.save(state, tmp_path / "x.pt")

    assert _loaded(tmp_path / "x.pt").fc.weight.dtype is torch.float32
