"""Names that tools changed: what is taken answers as torch's own load of the undone file does."""

import json
import warnings
from pathlib import Path

import pytest
import torch
from checkpoint_corpus.models import SmallCnn, small_cnn, state
from safetensors.torch import load_model, save_file, save_model
from torch import nn
from torch.nn.utils import parametrizations
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gate.errors import CheckpointError, Refusal, UsageError
from gate.subject.checkpoints import load_into, open_checkpoint

IMAGES = torch.rand(5, 1, 16, 16)


class Parted(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.head = nn.Linear(4, 3)

    def forward(self, images):
        return self.head(self.backbone(images).mean((2, 3)))


class Wrapped(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.net = inner

    def forward(self, images):
        return self.net(images)


class Lit(Wrapped):
    def __init__(self, inner):
        super().__init__(inner)
        self.criterion = nn.CrossEntropyLoss(weight=torch.ones(3))
        self.loss_fn = nn.Sequential(nn.CrossEntropyLoss(weight=torch.ones(3)))


class Twice(nn.Module):
    """Registers a layer under two names."""

    def __init__(self):
        super().__init__()
        self.backbone = Parted()
        self.features = nn.Sequential(self.backbone.backbone)

    def forward(self, images):
        return self.backbone.head(self.features(images).mean((2, 3)))


class Normed(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.conv = norm(nn.Conv2d(1, 4, 3))
        self.head = norm(nn.Linear(4, 3))

    def forward(self, images):
        return self.head(self.conv(images).mean((2, 3)))


def old_norm(layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch deprecates it; the files stay
        return torch.nn.utils.weight_norm(layer)


def averaged(model):
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    average.update_parameters(model)
    return average


def with_backbone(model, wrap):
    model.backbone = wrap(model.backbone)
    return model


def compiled(module):
    return torch.compile(module, backend="eager")


def made(factory, seed=0):
    torch.manual_seed(seed)
    return factory().eval()


# The module that is trained, made of the one that is judged, whose weights it holds.
TAKEN = {
    "an average": (Parted, averaged),
    "an average of a part": (Parted, lambda model: with_backbone(model, averaged)),
    "DataParallel": (Parted, nn.DataParallel),
    "DataParallel of a part": (Parted, lambda model: with_backbone(model, nn.DataParallel)),
    "torch.compile": (Parted, compiled),
    "torch.compile of a part": (Parted, lambda model: with_backbone(model, compiled)),
    "torch.compile of a part of an average of an export": (
        Parted,
        lambda model: averaged(Wrapped(with_backbone(model, compiled))),
    ),
    "a compiled part of a part that is parallel": (
        Parted,
        lambda model: with_backbone(model, lambda part: nn.DataParallel(compiled(part))),
    ),
    "a class around it": (Parted, Wrapped),
    "a class around it with its losses": (Parted, Lit),
    "a class around it with its losses, compiled": (Parted, lambda model: compiled(Lit(model))),
    "an average of an old weight_norm": (
        lambda: Normed(parametrizations.weight_norm),
        lambda model: averaged(model),
    ),
    "a model in a class, from a file without": (lambda: Wrapped(Parted()), lambda m: m.net),
    "a model in two classes, from a parallel file": (
        lambda: Wrapped(Wrapped(Parted())),
        lambda model: nn.DataParallel(model.net.net),
    ),
    "a class around it under another name": (
        lambda: Wrapped(Parted()),
        lambda model: nn.ModuleDict({"encoder": model.net}),
    ),
    "a compiled model, from a plain file": (lambda: compiled(Parted()), lambda m: m._orig_mod),
    "a layer under two names": (Twice, lambda model: model),
}


@pytest.mark.parametrize("title", TAKEN)
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_what_a_tool_put_around_a_model_is_taken_away(title: str, tmp_path: Path) -> None:
    factory, train = TAKEN[title]
    judged, trained = made(factory), made(factory)
    torch.save(train(trained).state_dict(), tmp_path / "x.pt")
    fresh = made(factory, seed=1)

    load_into(open_checkpoint(tmp_path / "x.pt"), fresh)

    with torch.no_grad():
        assert torch.equal(fresh(IMAGES), judged(IMAGES))
        assert not torch.equal(fresh(IMAGES), made(factory, seed=1)(IMAGES))


def test_a_newer_weight_norm_fits_a_model_of_the_older_one(tmp_path: Path) -> None:
    trained = made(lambda: Normed(parametrizations.weight_norm))
    torch.save(nn.DataParallel(trained).state_dict(), tmp_path / "x.pt")
    model = made(lambda: Normed(old_norm), seed=1)

    load_into(open_checkpoint(tmp_path / "x.pt"), model)

    with torch.no_grad():
        torch.testing.assert_close(model(IMAGES), trained(IMAGES))


def test_an_older_weight_norm_in_a_wrapper_fits_a_model_of_the_newer_one(tmp_path: Path) -> None:
    trained = made(lambda: Normed(old_norm))
    torch.save(nn.DataParallel(trained).state_dict(), tmp_path / "x.pt")
    model = made(lambda: Normed(parametrizations.weight_norm), seed=1)

    load_into(open_checkpoint(tmp_path / "x.pt"), model)

    with torch.no_grad():
        torch.testing.assert_close(model(IMAGES), trained(IMAGES))


@pytest.mark.parametrize("keep", ["safetensors", "named_parameters"])
def test_a_tensor_that_a_file_has_once_fills_all_its_names_in_the_model(
    keep: str, tmp_path: Path
) -> None:
    trained, oracle, model = made(Twice), made(Twice, seed=2), made(Twice, seed=1)
    path = tmp_path / "x"
    if keep == "safetensors":
        save_model(trained, str(path))
        load_model(oracle, str(path), strict=False)  # it misses scalars that are shared
    else:  # torch names a tensor once, unless it is told otherwise
        torch.save(dict(trained.named_parameters()) | dict(trained.named_buffers()), path)
        oracle.load_state_dict(trained.state_dict())

    report = load_into(open_checkpoint(path), model)

    assert any("shares tensors that the file has once" in note for note in report.notes)
    with torch.no_grad():
        assert torch.equal(model(IMAGES), oracle(IMAGES))


def test_versions_of_modules_go_where_their_tensors_go(tmp_path: Path) -> None:
    """Batch normalisation without a version counts its batches anew, as torch's own load does."""
    seen = []

    class Versioned(nn.Linear):
        _version = 7

        def _load_from_state_dict(self, state, prefix, metadata, *rest):
            seen.append(metadata.get("version"))
            super()._load_from_state_dict(state, prefix, metadata, *rest)

    trained = with_backbone(Parted(), lambda _: nn.Sequential(Versioned(2, 2)))
    torch.save(averaged(with_backbone(trained, compiled)).state_dict(), tmp_path / "x.pt")
    model = with_backbone(Wrapped(Parted()).net, lambda _: nn.Sequential(Versioned(2, 2)))

    load_into(open_checkpoint(tmp_path / "x.pt"), Wrapped(model))

    assert seen == [7]


def test_a_note_says_what_was_done_to_the_names(tmp_path: Path) -> None:
    lit = with_backbone(Parted(), compiled)
    weights = lit.state_dict() | {"criterion.weight": torch.ones(3), "n_averaged": torch.tensor(3)}
    torch.save(weights, tmp_path / "x.pt")

    report = load_into(open_checkpoint(tmp_path / "x.pt"), Parted())

    assert report.prefix == ""
    assert report.notes == (
        (
            "7 names read without the words of wrappers: backbone._orig_mod.0.weight is "
            "backbone.0.weight"
        ),
        "of no use to the model, left in the file: criterion.weight, n_averaged",
    )


def test_a_counter_of_batches_that_the_model_does_not_keep_is_left(tmp_path: Path) -> None:
    """As torchvision's FrozenBatchNorm2d has none."""

    class Frozen(nn.Module):
        def __init__(self):
            super().__init__()
            for name in ("weight", "bias", "running_mean", "running_var"):
                self.register_buffer(name, torch.zeros(4))

    torch.save(Parted().state_dict(), tmp_path / "x.pt")
    model = Parted()
    model.backbone[1] = Frozen()

    report = load_into(open_checkpoint(tmp_path / "x.pt"), model)

    assert "left in the file: backbone.1.num_batches_tracked" in " ".join(report.notes)


def test_losses_that_the_model_keeps_are_loaded(tmp_path: Path) -> None:
    trained = made(lambda: Lit(with_backbone(Parted(), compiled)))
    trained.criterion.weight.mul_(3)
    torch.save(trained.state_dict(), tmp_path / "x.pt")
    model = made(lambda: Lit(Parted()), seed=1)

    load_into(open_checkpoint(tmp_path / "x.pt"), model)

    assert torch.equal(model.criterion.weight, torch.full((3,), 3.0))


def _refused(weights: object, model: nn.Module, folder: Path, key: str | None = None) -> str:
    torch.save(weights, folder / "x.pt")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError) as caught:
        load_into(open_checkpoint(folder / "x.pt", key=key), model)
    assert caught.value.refusal is Refusal.MISMATCH
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])
    return f"{caught.value.fact} | {caught.value.remedy}"


def _double(front: str) -> dict[str, torch.Tensor]:
    """The whole model, and one weight again under a name that would become the same."""
    return state() | {f"{front}fc.weight": state(seed=9)["fc.weight"]}


@pytest.mark.parametrize("front", ["module.", "_orig_mod.", "module.module.", "module._orig_mod."])
def test_two_tensors_of_a_file_never_land_on_one_of_the_model(
    front: str, tmp_path: Path, model: SmallCnn
) -> None:
    said = _refused(_double(front), model, tmp_path)

    assert f"fc.weight and {front}fc.weight" in said or "whole model and 1 tensor" in said


def test_a_wrapper_on_some_names_of_a_part_is_no_wrapper(tmp_path: Path) -> None:
    weights = {
        name.replace("backbone.0.", "backbone.module.0."): value
        for name, value in Parted().state_dict().items()
    }

    said = _refused(weights, Parted(), tmp_path)

    assert "some names only have a wrapper's word: backbone.module.0.weight" in said


def test_a_prefix_on_one_side_does_not_make_a_part_a_whole(tmp_path: Path) -> None:
    """The file lacks one tensor of the model, under whatever prefix it lies."""
    weights = {f"net.{name}": value for name, value in state().items() if name != "fc.bias"}

    assert "1 tensor missing: fc.bias" in _refused(weights, small_cnn(), tmp_path)


def test_one_tensor_of_the_model_is_not_taken_from_two_that_differ(tmp_path: Path) -> None:
    """Torch would take the last; a loader that goes another way would take the other."""
    weights = Twice().state_dict()
    weights["features.0.0.weight"] = weights["features.0.0.weight"] + 1

    said = _refused(weights, Twice(), tmp_path)

    assert "backbone.backbone.0.weight and features.0.0.weight are one tensor in the model" in said


def test_metadata_cannot_lend_a_tensor_to_a_model_that_does_not_share_it(tmp_path: Path) -> None:
    """As load_model of safetensors refuses it: the file alone says that two are one."""
    weights = {name: value for name, value in state().items() if name != "bn1.bias"}
    save_file(weights, tmp_path / "x.safetensors", metadata={"bn1.bias": "bn1.weight"})
    with pytest.raises(RuntimeError):
        load_model(small_cnn(), str(tmp_path / "x.safetensors"), strict=True)

    with pytest.raises(CheckpointError) as caught:
        load_into(open_checkpoint(tmp_path / "x.safetensors"), small_cnn())

    assert "does not share them: bn1.bias (of bn1.weight)" in caught.value.fact


@pytest.mark.parametrize(
    "metadata", [{"fc.bias": "gone"}, {"fc.bias": "fc.bias"}, {"format": "pt"}, [], "text", 7]
)
def test_metadata_that_says_nothing_of_tensors_is_passed_over(metadata, tmp_path: Path) -> None:
    save_file(state(), tmp_path / "x")
    data = (tmp_path / "x").read_bytes()
    size = int.from_bytes(data[:8], "little")
    header = json.dumps(json.loads(data[8 : 8 + size]) | {"__metadata__": metadata}).encode()
    (tmp_path / "x").write_bytes(len(header).to_bytes(8, "little") + header + data[8 + size :])

    load_into(open_checkpoint(tmp_path / "x"), small_cnn())


def test_two_models_in_one_dictionary_are_asked_about_and_named_by_key(tmp_path: Path) -> None:
    student, teacher = state(seed=1), state(seed=2)
    weights = {f"student.module.{n}": v for n, v in student.items()}
    weights |= {f"teacher.{n}": v for n, v in teacher.items()}

    said = _refused(weights, small_cnn(), tmp_path)
    model = small_cnn()
    load_into(open_checkpoint(tmp_path / "x.pt", key="teacher"), model)
    other = small_cnn()
    load_into(open_checkpoint(tmp_path / "x.pt", key="student"), other)

    assert "it holds the model 2 times: student, teacher" in said
    assert "`key: student`" in said
    assert torch.equal(model.fc.weight, teacher["fc.weight"])
    assert torch.equal(other.fc.weight, student["fc.weight"])


def test_a_key_takes_a_part_of_safetensors_too(tmp_path: Path) -> None:
    weights = {f"{w}.{n}": v for w in ("ema_model", "model") for n, v in state().items()}
    save_file({n: v.clone() for n, v in weights.items()}, tmp_path / "x.safetensors")

    checkpoint = open_checkpoint(tmp_path / "x.safetensors", key="ema_model")
    report = load_into(checkpoint, small_cnn())

    assert report.key == "ema_model"
    assert report.notes == ("11 tensors beside `ema_model` left in the file",)


def test_a_quantised_factory_is_told_how_it_is_judged(tmp_path: Path) -> None:
    class Quantised(nn.Module):
        def __init__(self):
            super().__init__()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.register_buffer(
                    "weight", torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8)
                )

    torch.save(state(), tmp_path / "x.pt")

    with pytest.raises(UsageError, match="builds a quantised model") as caught:
        load_into(open_checkpoint(tmp_path / "x.pt"), Quantised())

    assert "predictions" in caught.value.remedy
