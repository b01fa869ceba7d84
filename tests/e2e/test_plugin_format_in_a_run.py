"""A data format of another package, end to end: one file beside the gate, no change in it."""

import json
from collections import Counter

import pytest
from throwaway import THIRD_PARTY

from gate.subject.datasets import folder, recognise

CODE = (THIRD_PARTY / "tiles.py").read_text()
READS = "        lines = "
LOGS = """\
        import os
        with open(os.environ["TILES_LOG"], "a") as stream:
            stream.write(f"{os.getpid()} {spec.path}\\n")
"""
POINTS = "[validate_model.formats]\ntiles = their_tiles:FORMAT\n"


@pytest.fixture
def tiles(project, add_package, monkeypatch):
    """Return the project with its images as tiles, in units of ten, and the package installed."""
    monkeypatch.setattr("gate.measure.partials.work_units.ROWS", 10)
    for name, count, seed in (("train", 60, 1), ("test", 50, 2)):
        images, labels = project.images(count, seed)
        project.write(
            f"{name}.tiles",
            "".join(
                f"{index} {('dark', 'bright')[label]} {image.tobytes().hex()}\n"
                for index, (image, label) in enumerate(zip(images, labels, strict=True))
            ),
        )
    project.plugin = add_package("their-tiles", POINTS, CODE)
    project.gatefile["data"] = {
        name: {"path": f"{name}.tiles", "format": "tiles"} for name in ("train", "test")
    }
    return project


def opened(log):
    """Return how often each process opened each file."""
    return Counter(log.read_text().splitlines())


def test_tiles_are_judged_as_the_same_images_in_an_array_are(tiles):
    ran = tiles.run()
    arrays = tiles.run(data={"train": {"path": "train.npz"}, "test": {"path": "test.npz"}})

    assert ran.status == arrays.status == 0
    assert ran.report["confusion"] == arrays.report["confusion"]
    assert {each["format"] for each in ran.report["data"].values()} == {"tiles"}
    assert (
        "test.tiles was read by plugin tiles of their-tiles 1.2"
        in ran.report["environment"]["assumed"]
    )


@pytest.mark.parametrize("how", [[], ["--workers", 2], ["--engine", "ray"]], ids=str)
def test_every_process_finds_the_plugin_and_lists_each_split_once(
    how, tiles, tmp_path, monkeypatch
):
    if "ray" in how:
        pytest.importorskip("ray")
    log = tmp_path / "opened.txt"
    monkeypatch.setenv("TILES_LOG", str(log))
    assert CODE.count(READS) == 1
    (tiles.plugin / "their_tiles.py").write_text(CODE.replace(READS, LOGS + READS))
    tiles.write_gatefile()

    ran = tiles.process("run", "--no-cache", *how, rows=10, PYTHONPATH=str(tiles.plugin))

    assert ran.status == 0, ran.err
    assert ran.digest == tiles.run("--no-cache").digest
    assert set(opened(log).values()) == {1}
    assert len({line.split()[0] for line in opened(log)}) > 1


def test_evidence_of_tiles_is_judged_again_without_the_package(tiles, monkeypatch):
    ran = tiles.run()
    (tiles.plugin / "their_tiles.py").unlink()

    again = tiles.command("judge", "gate-out/evidence.sqlite", "--policy", "policy.yaml")

    assert (ran.status, again.status) == (0, 0)


def test_shards_of_tiles_are_merged_to_the_report_of_one_run(tiles):
    whole = tiles.run("--no-cache")
    for index in range(3):
        assert tiles.command("shard", "--index", index, "--of", 3, "--no-cache").status == 0

    assert tiles.command("merge").digest == whole.digest


def test_shards_that_were_read_with_other_options_are_not_merged(tiles):
    tiles.write_gatefile()
    assert tiles.command("shard", "--index", 0, "--of", 2, "--no-cache").status == 0
    data = {name: {**spec, "options": {"x": 1}} for name, spec in tiles.gatefile["data"].items()}
    tiles.write_gatefile(data=data)
    assert tiles.command("shard", "--index", 1, "--of", 2, "--no-cache").status == 0

    merged = tiles.command("merge")

    assert merged.status == 4


def test_tiles_are_compared_with_an_array(tiles):
    said = tiles.command(
        "overlap", "test.tiles", "test.npz", "--format-a", "tiles", "--format", "json"
    )

    assert said.status == 1
    assert json.loads(said.out)["counts"]["pixels"] == 100


def test_what_a_reader_prints_is_no_part_of_the_document(tiles):
    code = CODE.replace("        pixels = np", "        print('PASS')\n        pixels = np")
    (tiles.plugin / "their_tiles.py").write_text(code)

    said = tiles.command(
        "overlap", "test.tiles", "test.npz", "--format-a", "tiles", "--format", "json"
    )

    assert json.loads(said.out)["verdict"] == "fail"
    assert "PASS" in said.err


def test_overlap_tells_a_format_that_nobody_adds(tiles):
    said = tiles.command("overlap", "test.tiles", "test.npz", "--format-a", "tile")

    assert said.status == 2
    assert "--format-a: no data format is called 'tile'; did you mean 'tiles'?" in said.err


def test_a_format_that_nobody_adds_is_a_fault_of_the_gate_file(tiles):
    ran = tiles.run(data={"test": {"path": "test.tiles", "format": "tilez"}})

    assert ran.status == 2
    assert "gate.yaml:" in ran.err
    assert "no data format is called 'tilez'" in ran.err
    assert "did you mean 'tiles'?" in ran.err


def test_a_reader_that_raises_is_no_traceback(tiles):
    tiles.write("test.tiles", "0 grey 00\n")

    ran = tiles.run()

    assert ran.status == 4
    assert "plugin tiles of their-tiles 1.2, test.tiles: opening it raised ValueError" in ran.errors
    assert "Traceback" not in ran.err


def test_a_reader_that_ends_its_process_does_not_pass(tiles):
    code = CODE.replace("pixels = np.frombuffer", "import os; os._exit(0); pixels = np.frombuffer")
    (tiles.plugin / "their_tiles.py").write_text(code)
    tiles.write_gatefile()

    ran = tiles.process("run", rows=10, PYTHONPATH=str(tiles.plugin))

    assert ran.status == 4
    assert "Traceback" not in ran.err


@pytest.fixture
def counted(monkeypatch):
    """Count how often each place is recognised and each folder listed, in this process."""
    counts = Counter()

    def count(module, name):
        original = getattr(module, name)

        def called(path, *given, **named):
            counts[name, str(path)] += 1
            return original(path, *given, **named)

        monkeypatch.setattr(module, name, called)

    count(recognise, "format_of_place")
    count(folder, "_tree")
    return counts


@pytest.mark.parametrize(
    "command",
    [
        ["run", "--no-cache"],
        ["overlap", "train", "test", "--no-cache"],
        ["plan", "--policy", "policy.yaml", "--test", "test"],
        ["init", ".", "--out", "drafts"],
        ["shard", "--index", 0, "--of", 1, "--no-cache"],
    ],
    ids=lambda command: command[0],
)
def test_a_process_recognises_and_lists_a_split_once(command, in_units, counted):
    (in_units.folder / "drafts").mkdir()

    in_units.command(*command)

    assert counted
    assert set(counted.values()) == {1}


def test_merge_recognises_and_lists_a_split_once(in_units, counted):
    in_units.command("shard", "--index", 0, "--of", 1, "--no-cache")
    counted.clear()

    assert in_units.command("merge").status == 0

    assert counted
    assert set(counted.values()) == {1}
