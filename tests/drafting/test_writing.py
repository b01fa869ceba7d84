import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gate.checks.base import Outcome
from gate.cli import main
from gate.cli.init import command
from gate.decision import judge
from gate.drafting.choosing import choose_critical
from gate.drafting.looking import Seen, SplitSeen, look
from gate.drafting.writing import Wishes, gatefile_text, policy_text
from gate.errors import DataError, UsageError
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import check_classes, read_policy
from gate.subject.gatefile import read_gatefile

SOUND = {
    "classes": ("no", "yes: really"),
    "copies": 0,
    "probe": "sound",
    "test": ((495, 5), (5, 495)),
    "train": ((1980, 20), (20, 1980)),
    "train_loss": (0.69, 0.5, 0.3, 0.2, 0.15, 0.1),
}


@pytest.fixture
def data(tmp_path):
    dice = np.random.default_rng(1)
    for split, counts in (("train", (4, 4)), ("val", (2, 2)), ("test", (6, 3))):
        for name, count in zip(SOUND["classes"], counts, strict=True):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = dice.integers(0, 255, (8, 12), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    return tmp_path / "data"


def _run(*arguments):
    return CliRunner().invoke(command, [str(each) for each in arguments])


def test_what_lies_in_the_folder_is_seen(data):
    seen = look(data)

    assert seen.classes == SOUND["classes"]
    assert list(seen.splits) == ["train", "validation", "test"]
    assert seen.splits["test"].per_class == {"no": 6, "yes: really": 3}
    assert (seen.size, seen.channels, seen.rarest) == ((8, 12), "L", ("yes: really",))


def test_a_folder_of_classes_is_the_test_itself(data):
    seen = look(data / "test")

    assert list(seen.splits) == ["test"]
    assert seen.classes == SOUND["classes"]


def test_data_without_a_test_is_refused(data):
    (data / "test").rename(data / "holdout")

    with pytest.raises(DataError, match="no test"):
        look(data)
    with pytest.raises(UsageError, match="no such folder"):
        look(data / "nothing")


@pytest.mark.parametrize("costly", ["misses", "false-alarms", "both"])
def test_what_is_written_is_read_and_lets_a_sound_model_pass(costly, data, tmp_path):
    (tmp_path / "best.pt").write_bytes(b"weights")
    done = _run(
        data, "--costly", costly, "--critical", "yes: really", "--out", tmp_path / "gate",
        "--checkpoint", tmp_path / "best.pt", "--model", "nets:build",
    )  # fmt: skip

    assert done.exit_code == 0, done.output
    gatefile = read_gatefile(tmp_path / "gate" / "gate.yaml")
    gatefile.require_complete()
    assert gatefile.data.test.path == "../data/test"
    assert gatefile.classes == SOUND["classes"]
    document = read_policy(gatefile.policy, base=gatefile.base)
    check_classes(document, gatefile.classes, gatefile.critical)
    evidence = synthetic_evidence(SyntheticRun(critical=gatefile.critical, **SOUND))
    assert judge(document.policy.rules, evidence).verdict == "pass"


@pytest.mark.parametrize("costly", ["misses", "false-alarms", "both"])
def test_without_train_nothing_is_asked_that_cannot_be_met(costly, data):
    policy = policy_text(look(data / "test"), Wishes(costly, ("no",)))
    (data / "policy.yaml").write_text(policy)
    sound = {key: value for key, value in SOUND.items() if key not in ("train", "copies")}
    evidence = synthetic_evidence(SyntheticRun(critical=("no",), **sound))

    decision = judge(read_policy("policy.yaml", base=data).policy.rules, evidence)

    assert decision.verdict == "pass"
    open_rules = {each.rule.id for each in decision.results if each.outcome is Outcome.INCONCLUSIVE}
    assert {"train-test-overlap", "train-test-gap"} <= open_rules


def test_every_line_of_both_documents_says_what_it_is_for(data):
    seen, wishes = look(data), Wishes("misses", ("no",))

    for text in (gatefile_text(seen, wishes, data, "policy.yaml"), policy_text(seen, wishes)):
        assert all("#" in line for line in text.splitlines())


def test_what_is_not_known_yet_can_still_be_read_and_is_asked_for_by_the_run(data, tmp_path):
    _run(data, "--out", tmp_path / "gate")
    gatefile = read_gatefile(tmp_path / "gate" / "gate.yaml")

    with pytest.raises(UsageError, match="no checkpoint is given"):
        gatefile.require_complete()


def test_the_policy_says_how_many_images_a_proof_takes(data):
    text = policy_text(look(data), Wishes("misses", ("yes: really",)))

    assert "72 images prove it, 3 are there" in text


def test_nothing_is_overwritten(data, tmp_path):
    (tmp_path / "policy.yaml").write_text("mine")

    done = _run(data, "--out", tmp_path)

    assert isinstance(done.exception, UsageError)
    assert (tmp_path / "policy.yaml").read_text() == "mine"
    assert not (tmp_path / "gate.yaml").exists()


def test_away_from_a_terminal_nothing_is_asked_and_what_is_assumed_is_said(data, tmp_path):
    done = _run(data, "--out", tmp_path / "gate")

    assert done.exit_code == 0
    assert "assumed: 'yes: really' is critical" in done.stderr
    assert "assumed: misses and false alarms cost alike" in done.stderr
    assert "fill in checkpoint (--checkpoint), factory (--model) there" in done.stdout


def test_images_of_mixed_sizes_are_brought_to_one_that_is_said_to_be_a_guess(data, tmp_path):
    for place in (data / "test" / "no").iterdir():
        Image.new("RGB", (300, 500)).save(place)

    done = _run(data, "--out", tmp_path / "gate")
    written = read_gatefile(tmp_path / "gate" / "gate.yaml").input

    assert (written.size, written.channels) == ((224, 224), "RGB")
    assert (written.resize, written.crop) == ("shorter-side", "center")
    assert "a guess: images are 8x12 to 500x300, and a model takes one size" in (
        tmp_path / "gate" / "gate.yaml"
    ).read_text(encoding="utf-8")
    assert "assumed: images of 8x12 to 500x300 are resized and cropped to 224x224" in done.stderr


def test_what_flags_say_is_written_and_nothing_is_guessed_in_its_place(data, tmp_path):
    for place in (data / "test" / "no").iterdir():
        Image.new("RGB", (300, 500)).save(place)

    done = _run(
        data, "--out", tmp_path / "gate", "--size", "32x48", "--channels", "RGB", "--resize", "40",
        "--crop", "center", "--classes", "yes: really,no", "--critical", "no",
        "--model-output", "logit", "--model-kwargs", '{"n": 2}', "--model", "nets:build",
    )  # fmt: skip
    written = read_gatefile(tmp_path / "gate" / "gate.yaml")

    assert (written.input.size, written.input.resize) == ((32, 48), 40)
    assert (written.classes, written.critical) == (("yes: really", "no"), ("no",))
    assert (written.output, written.model.kwargs) == ("logit", {"n": 2})
    assert "resized" not in done.stderr


def test_classes_that_the_data_lacks_are_refused(data, tmp_path):
    done = _run(data, "--out", tmp_path, "--classes", "yes,no")

    assert isinstance(done.exception, UsageError)


def counted(**images):
    split = SplitSeen(Path("test"), "folder", sum(images.values()), images)
    return Seen(tuple(images), {"test": split}, ((8, 8),), "RGB")


@pytest.mark.parametrize(
    ("images", "names", "why"),
    [
        ({"crack": 5, "good": 30}, {"crack"}, "fewest test images (5)"),
        ({"crack": 5, "good": 5}, {"crack", "good"}, "equally few"),
        ({"crack": 5, "dent": 5, "good": 9}, {"crack", "dent", "good"}, "equally few"),
        ({"crack": 50, "good": 3}, {"crack", "good"}, "seems to be what is in order"),
        ({"no_tumour": 3, "tumour": 9}, {"no_tumour", "tumour"}, "in order"),
        ({"nova": 3, "quasar": 9}, {"nova"}, "fewest"),
        ({}, set(), "not counted"),
    ],
)
def test_no_harmless_class_is_critical_by_chance_alone(images, names, why):
    chosen = choose_critical(counted(**images))

    assert set(chosen.names) == names
    assert why in chosen.why


@given(st.dictionaries(st.text(min_size=1), st.integers(1, 9), min_size=2))
def test_of_a_tie_nobody_is_chosen_alone(images):
    chosen = choose_critical(counted(**images))
    fewest = [name for name, count in images.items() if count == min(images.values())]

    assert len(chosen.names) == len(images) or list(chosen.names) == fewest
    assert len(chosen.names) > 1 or len(fewest) == 1


def test_a_class_that_the_data_lacks_cannot_be_critical(data, tmp_path):
    done = _run(data, "--out", tmp_path, "--critical", "yess")

    assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize("place", ["here", "nowhere"])
def test_a_factory_that_the_run_would_not_find_is_said_with_what_to_do(
    place, data, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if place == "here":
        (tmp_path / "own_nets.py").touch()

    ran = _run(data, "--model", "own_nets:build", "--out", "sub")

    remedies = {
        "here": "copy it: cp -r own_nets.py sub/own_nets.py",
        "nowhere": "put it at sub/own_nets.py",
    }
    assert ran.exit_code == 0
    assert "the module 'own_nets' is neither beside the gate file nor installed" in ran.stderr
    assert remedies[place] in ran.stderr


@pytest.mark.parametrize("factory", ["own_nets:build", "json:loads", "package.nets:build"])
def test_a_factory_that_the_run_finds_is_not_warned_of(factory, data, tmp_path):
    (tmp_path / "own_nets.py").touch()
    (tmp_path / "package").mkdir()

    ran = _run(data, "--model", factory, "--out", tmp_path)

    assert "Warning" not in ran.stderr


def test_init_does_not_load_torch(data, tmp_path):
    program = (
        "import sys; from gate.cli import main;"
        f"main(['init', {str(data)!r}, '--out', {str(tmp_path / 'gate')!r}]);"
        "print('torch' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines()[-1] == "False"


@pytest.mark.slow
@pytest.mark.parametrize("costly", ["misses", "false-alarms", "both"])
def test_what_is_written_runs_at_once(costly, data, tmp_path, monkeypatch):
    import torch

    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny_net.py").write_text(
        "from torch import nn\n\n\ndef build():\n"
        "    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.Linear(240, 2))\n"
    )
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.Flatten(), torch.nn.Linear(240, 2))
    torch.save(net.state_dict(), tmp_path / "best.pt")
    main(
        ["init", "data", "--costly", costly, "--checkpoint", "best.pt", "--model", "tiny_net:build"]
    )

    assert main(["run"]) in (1, 3)  # weights that nobody trained, on nine images
    assert (tmp_path / "gate-out" / "report.json").is_file()


def test_a_checkpoint_that_is_not_there_is_a_faulty_call_and_writes_nothing(data, tmp_path):
    done = _run(data, "--out", tmp_path / "gate", "--checkpoint", tmp_path / "best.pt")

    assert isinstance(done.exception, UsageError)
    assert done.exception.fact == "there is no such file"
    assert not (tmp_path / "gate").exists()


@pytest.mark.parametrize("named", ["{}_images {}_labels", "x_{} y_{}"])
def test_the_splits_of_one_file_are_written_each_with_that_file(named, tmp_path):
    arrays = {}
    for split, seed in (("train", 1), ("val", 2), ("test", 3)):
        images, labels = named.replace("{}", split).split()
        arrays[images] = np.random.default_rng(seed).integers(0, 255, (12, 8, 8), np.uint8)
        arrays[labels] = np.arange(12)[:, None] % 2
    np.savez(tmp_path / "all.npz", **arrays)

    assert _run(tmp_path / "all.npz", "--out", tmp_path / "gate").exit_code == 0

    data = read_gatefile(tmp_path / "gate" / "gate.yaml").data.given()
    assert {name: spec.path for name, spec in data.items()} == dict.fromkeys(
        ("train", "validation", "test"), "../all.npz"
    )


def test_a_file_of_one_split_is_the_test(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((4, 8, 8), np.uint8), labels=[0, 1, 0, 1])

    assert list(look(tmp_path / "a.npz").splits) == ["test"]


def test_the_shards_of_several_splits_in_a_folder_are_found(tmp_path):
    pyarrow = pytest.importorskip("pyarrow", reason="writes the shards; an extra of the product")
    from io import BytesIO

    from pyarrow import parquet

    for split in ("train", "test"):
        rows = []
        for number in range(6):
            encoded = BytesIO()
            Image.new("L", (8, 8), number * 20).save(encoded, "PNG")
            image = {"bytes": encoded.getvalue(), "path": f"{split}-{number}.png"}
            rows.append({"image": image, "label": ("cat", "dog")[number % 2]})
        table = pyarrow.Table.from_pylist(rows)
        parquet.write_table(table, tmp_path / f"{split}-00000-of-00001.parquet")

    assert {name: each.images for name, each in look(tmp_path).splits.items()} == {
        "train": 6,
        "test": 6,
    }


def test_a_file_is_no_folder_and_tables_of_scores_go_elsewhere(tmp_path):
    (tmp_path / "test.csv").write_text("id,label,cat,dog\na,cat,1,0\n", encoding="utf-8")

    with pytest.raises(UsageError) as file:
        look(tmp_path / "test.csv")
    with pytest.raises(UsageError) as nothing:
        look(tmp_path / "nothing")
    with pytest.raises(DataError) as table:
        look(tmp_path)

    assert file.value.fact == "is a file, and no folder"
    assert nothing.value.fact == "there is no such folder"
    for said in (file, table):
        assert re.search("`validate-model run.*--predictions", said.value.remedy)
