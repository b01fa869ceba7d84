"""Attesting: what is signed is the report's verdict on the checkpoint that lies here."""

import json
import os
import subprocess
import sys
from hashlib import sha256

import pytest

from gate.approval.digests import checkpoint_files
from gate.errors import AttestationError, EvidenceError, RefusalCode, UsageError
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.report.renderings.registry import render
from gate.report.statement import EXTENSION
from gate.subject.checkpoints.folders import read_folder
from gate.subject.checkpoints.sealing import MAX_BYTES

GB = 10**9


def test_another_checkpoint_than_was_judged_is_not_attested(world):
    world.checkpoint.write_bytes(b"another")

    with pytest.raises(AttestationError) as refused:
        world.attest()

    assert refused.value.code == RefusalCode.CHECKPOINT_DIFFERS


def test_a_run_in_audit_mode_is_attested_only_when_asked_and_then_as_failed(world):
    world.judge(enforced=False)

    with pytest.raises(AttestationError) as refused:
        world.attest()
    world.attest(allow_audit=True)

    assert refused.value.code == RefusalCode.AUDIT_MODE
    predicate = world.statement()["predicate"]
    assert (predicate["result"], predicate[EXTENSION]["mode"]) == ("FAILED", "audit")


def test_a_failure_is_attested_as_what_it_is(world):
    world.judge(world.BAD)
    world.attest()

    assert world.statement()["predicate"]["result"] == "FAILED"


def test_a_report_on_no_checkpoint_is_not_attested(world):
    world.leave(world.judgement(), synthetic_evidence(world.GOOD))

    with pytest.raises(AttestationError, match="of no checkpoint"):
        world.attest()


def test_a_report_that_does_not_say_when_it_was_made_is_not_attested(world):
    world.write("report.json", world.judge().model_copy(update={"run": {}}).to_json())

    with pytest.raises(EvidenceError, match="does not say when"):
        world.attest()


def test_two_attestations_of_one_report_are_the_same_bytes(world):
    first = world.attestation.read_bytes()

    world.attest()

    assert world.attestation.read_bytes() == first


def test_render_shows_what_is_signed_but_for_the_name_of_the_file(world):
    report = world.judge()
    world.attest()

    shown = json.loads(render(report, "intoto"))

    shown["subject"][0]["name"] = "model.pt"
    assert shown == world.statement()


def test_the_file_of_the_report_is_bound_by_its_bytes(world):
    data = (world.folder / "report.json").read_bytes()

    entry = world.statement()["predicate"]["configuration"][-1]

    assert entry == {"name": "report", "digest": {"sha256": sha256(data).hexdigest()}}


def _sharded(folder, shards=3):
    folder.mkdir()
    placed = {f"layer{i}": f"model-{i}.safetensors" for i in range(shards)}
    for i, name in enumerate(placed.values()):
        (folder / name).write_bytes(b"shard" * (i + 1))
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": placed}))
    return folder


def test_every_file_of_a_model_folder_is_bound(world):
    folder = _sharded(world.folder / "model")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)

    assert [each["name"] for each in world.statement()["subject"]] == [
        "model-0.safetensors", "model-1.safetensors", "model-2.safetensors",
        "model.safetensors.index.json",
    ]  # fmt: skip
    assert world.verify(checkpoint=folder).accepted
    assert world.verify(checkpoint=folder.rename(world.folder / "deployed")).accepted


@pytest.mark.parametrize("name", ["model-1.safetensors", "model.safetensors.index.json"])
def test_a_changed_file_of_a_model_folder_is_refused(name, world):
    folder = _sharded(world.folder / "model")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)

    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    came = world.verify(checkpoint=folder)
    assert came.refusal.code == RefusalCode.CHECKPOINT_DIFFERS
    assert name in came.refusal.fact


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors.index.json"])
def test_every_layout_of_a_model_folder_is_bound(name, world):
    folder = _sharded(world.folder / "model")
    (folder / "pytorch_model.bin").write_bytes(b"the same tensors")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)
    assert world.verify(checkpoint=folder).accepted

    (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    came = world.verify(checkpoint=folder)
    assert came.refusal.code == RefusalCode.CHECKPOINT_DIFFERS
    assert name in came.refusal.fact


@pytest.mark.parametrize("layout", ["model.safetensors", "pytorch_model.bin"])
def test_a_layout_that_is_added_later_is_refused(layout, world):
    folder = _sharded(world.folder / "model")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)

    (folder / layout).write_bytes(b"other weights")

    came = world.verify(checkpoint=folder)
    assert came.refusal.code == RefusalCode.CHECKPOINT_DIFFERS
    assert layout in came.refusal.fact


CONFIGURED = {
    "config.json": '{"id2label": {"0": "cat", "1": "dog"}}',
    "preprocessor_config.json": '{"image_mean": [0.5]}',
}


@pytest.fixture
def configured(world):
    """Return a folder with configurations, judged and attested."""
    folder = _sharded(world.folder / "model")
    for name, text in CONFIGURED.items():
        (folder / name).write_text(text)
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)
    return folder


def test_a_folder_whose_configurations_are_untouched_is_accepted(world, configured):
    (configured / "README.md").write_text("written later, and read by nobody")

    assert set(CONFIGURED) < {each["name"] for each in world.statement()["subject"]}
    assert world.verify(checkpoint=configured).accepted


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("preprocessor_config.json", '{"image_mean": [0.4]}'),
        ("config.json", '{"id2label": {"0": "dog", "1": "cat"}}'),
        ("config.json", ""),
    ],
)
def test_an_edited_mean_or_a_swapped_class_is_refused(name, text, world, configured):
    (configured / name).write_text(text)

    came = world.verify(checkpoint=configured)

    assert came.refusal.code == RefusalCode.CHECKPOINT_DIFFERS
    assert name in came.refusal.fact


@pytest.mark.parametrize("name", CONFIGURED)
def test_a_configuration_that_is_taken_away_or_added_later_is_refused(name, world, configured):
    kept = (configured / name).read_bytes()
    (configured / name).unlink()

    assert world.code(checkpoint=configured) == RefusalCode.CHECKPOINT_DIFFERS

    world.judge(sha256=sha256(read_folder(configured, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=configured)
    assert world.verify(checkpoint=configured).accepted
    (configured / name).write_bytes(kept)
    assert world.code(checkpoint=configured) == RefusalCode.CHECKPOINT_DIFFERS


def test_two_shards_that_changed_their_names_are_refused(world):
    folder = _sharded(world.folder / "model")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)

    (folder / "model-0.safetensors").rename(folder / "x")
    (folder / "model-1.safetensors").rename(folder / "model-0.safetensors")
    (folder / "x").rename(folder / "model-1.safetensors")

    assert world.code(checkpoint=folder) == RefusalCode.CHECKPOINT_DIFFERS


def test_what_else_lies_in_a_model_folder_is_said_not_to_be_covered(world):
    folder = _sharded(world.folder / "model")
    (folder / "modeling.py").write_text("import os")
    world.judge(sha256=sha256(read_folder(folder, most=MAX_BYTES).manifest).hexdigest())
    world.attest(checkpoint=folder)

    came = world.verify(checkpoint=folder)

    assert "not covered, though in the folder: modeling.py" in came.verification.notes


def test_a_checkpoint_that_cannot_be_read_is_a_usage_error(world):
    pipe = world.folder / "pipe"
    os.mkfifo(pipe)
    (world.folder / "empty").mkdir()

    for path in (pipe, world.folder / "empty", world.folder / "nowhere.pt"):
        with pytest.raises(UsageError):
            checkpoint_files(path)


@pytest.mark.slow
def test_five_gigabytes_are_hashed_in_the_memory_of_one_megabyte(tmp_path):
    large, small = tmp_path / "large.pt", tmp_path / "small.pt"
    for path, size in ((large, 5 * GB), (small, GB // 1000)):
        with path.open("wb") as stream:
            stream.truncate(size)

    def peak(path):
        program = (
            "import resource, sys\n"
            "from pathlib import Path\n"
            "from gate.approval.digests import checkpoint_files\n"
            "files = checkpoint_files(Path(sys.argv[1]))\n"
            "print(files.sha256, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
        )
        digest, kilobytes = ran.stdout.split()
        return digest, int(kilobytes)

    _, most = peak(large)
    _, least = peak(small)

    assert most - least < 8 * 1024  # kilobytes
