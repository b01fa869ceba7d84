"""A model source of another package: one file that the gate file names, in whichever process."""

import importlib
import os
import shutil
import sys

import numpy as np
import pytest
from throwaway import THIRD_PARTY

from gate.subject.sources.registry import FALLBACK, SHIPPED

LINEAR = (THIRD_PARTY / "npz_linear.py").read_text()
MODULE = "their_linear"


class Package:
    """A package on the path that adds the source npz-linear."""

    def __init__(self, folder):
        self.folder = folder

    def install(self, code=LINEAR, version="1.2"):
        info = self.folder / "their_linear.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (self.folder / f"{MODULE}.py").write_text(code)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: their-linear\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(
            f"[validate_model.model_sources]\nnpz-linear = {MODULE}:SOURCE\n"
        )
        self.forget()

    def forget(self):
        sys.modules.pop(MODULE, None)
        importlib.invalidate_caches()

    def uninstall(self):
        shutil.rmtree(self.folder)
        self.forget()


@pytest.fixture
def package(tmp_path_factory, monkeypatch):
    """Return the package, installed; and take it off the path afterwards."""
    made = Package(tmp_path_factory.mktemp("site"))
    monkeypatch.syspath_prepend(str(made.folder))
    made.install()
    yield made
    made.forget()


@pytest.fixture
def linear(project, package):
    """Return a project whose model is read by the plugin, and states classes and input."""
    levels = np.array([40, 210]) / 255
    weight = np.repeat(2 * levels[:, None] / 64, 64, axis=1) * 50
    arrays = {"weight": weight.astype("f4"), "bias": (-50 * levels**2).astype("f4")}
    np.savez(project.folder / "bare.npz", **arrays)
    np.savez(project.folder / "linear.npz", **arrays, size=[8, 8], classes=["dark", "bright"])
    project.gatefile |= {
        "model": {"checkpoint": "linear.npz", "source": "npz-linear"},
        "classes": None,
        "input": None,
    }
    project.write_gatefile()
    return project


def said(ran):
    return ran.report["environment"]["assumed"]


def test_a_plugin_named_in_the_gate_file_measures_what_the_same_torch_model_shows(linear):
    ran = linear.run()
    torch = linear.run(
        model={"checkpoint": "model.pt", "factory": "nets:build"},
        classes=["dark", "bright"],
        input={"size": [8, 8], "channels": "L"},
    )

    assert ran.status == 0, ran.err
    assert ran.report["subject"]["format"] == "npz-linear"
    assert ran.report["confusion"] == torch.report["confusion"]


def test_report_says_the_plugin_with_its_version_and_where_classes_and_input_come_from(linear):
    ran = linear.run()

    assert "the model was opened by plugin npz-linear of their-linear 1.2" in said(ran)
    assert "classes: from its array classes" in said(ran)
    assert "input: from its array size" in said(ran)
    assert ran.report["environment"]["backend"] == "numpy"


def test_every_engine_gives_one_report(linear, package):
    inline = linear.run("--no-cache")
    path = {"PYTHONPATH": os.pathsep.join([str(package.folder), os.environ.get("PYTHONPATH", "")])}

    apart = linear.process("run", "gate.yaml", "--no-cache", **path)
    pool = linear.process("run", "gate.yaml", "--no-cache", "--workers", 2, **path)

    assert (apart.status, pool.status) == (0, 0), apart.err + pool.err
    assert inline.digest == apart.digest == pool.digest


def test_shards_join_to_the_same_report(linear):
    whole = linear.run("--no-cache")
    for index in range(2):
        done = linear.command("shard", "--index", index, "--of", 2, "--no-cache")
        assert done.status == 0, done.err

    merged = linear.command("merge", "gate-shards")

    assert merged.status == 0, merged.err
    assert merged.digest == whole.digest


def test_evidence_is_judged_again_without_the_plugin(linear, package):
    linear.run()
    package.uninstall()

    ran = linear.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "again")

    assert ran.status == 0, ran.err


def test_inspect_reads_an_artefact_with_the_plugin_that_is_named(linear):
    text = linear.command("inspect", "linear.npz", "--source", "npz-linear")

    assert text.status == 0
    assert "from its array classes: ['dark', 'bright']" in text.out
    assert "whether it fits is known when it is run" in text.out


def test_a_plugin_that_nobody_names_is_not_imported(project, package):
    ran = project.run()

    assert ran.status == 0
    assert MODULE not in sys.modules


def test_all_that_the_artefact_does_not_state_is_asked_for_at_once(linear):
    ran = linear.run(model={"checkpoint": "bare.npz", "source": "npz-linear"})

    assert ran.status == 2
    assert "it does not say its size; add input: {size: [H, W], channels: L}" in ran.err
    assert "it names no classes; add classes: [...]" in ran.err
    assert (
        linear.run(
            model={"checkpoint": "bare.npz", "source": "npz-linear"},
            classes=["dark", "bright"],
            input={"size": [8, 8], "channels": "L"},
        ).status
        == 0
    )  # what was asked for is enough


def test_a_plugin_that_is_not_installed_is_a_faulty_call(linear, package):
    package.uninstall()

    ran = linear.run()

    assert ran.status == 2
    assert "'npz-linear' is no model source, and no installed package adds one" in ran.err
    assert ran.report is None


@pytest.mark.parametrize(
    ("place", "doing"),
    [
        ("        arrays = arrays_of(artefact)\n        if", "reading what the artefact states"),
        ("        arrays = arrays_of(artefact)\n\n", "opening the model"),
        ("            return images", "its answer"),
    ],
)
@pytest.mark.parametrize("harm", ["raise KeyError('weight')", "raise SystemExit(0)"])
def test_what_a_plugin_raises_is_said_with_its_package(harm, place, doing, linear, package):
    indent = place[: len(place) - len(place.lstrip())]
    assert LINEAR.count(place) == 1
    package.install(LINEAR.replace(place, f"{indent}{harm}\n{place}"))

    ran = linear.run()

    assert ran.status == 4, ran.err
    assert "plugin npz-linear of their-linear 1.2" in ran.errors
    assert f"{doing} raised" in ran.errors
    assert "mend their-linear" in ran.errors
    assert "Traceback" not in ran.out + ran.err


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        ('yield OpenModel(model=answer, backend="numpy")', "yield answer", "not OpenModel"),
        (
            "return Statements(\n            classes",
            "return dict(\n            classes",
            "not Statem",
        ),
        ('@ arrays["weight"].T + arrays["bias"]', '@ arrays["weight"].T[:, [0, 0, 1]]', "3"),
    ],
)
def test_what_a_plugin_gives_is_looked_at(before, after, fact, linear, package):
    assert LINEAR.count(before) == 1
    package.install(LINEAR.replace(before, after))

    ran = linear.run()

    assert ran.status == 4
    assert fact in ran.errors


STATED = "return Statements(\n            classes=Stated"


@pytest.mark.parametrize(
    ("before", "after", "fact"),
    [
        ('arrays["classes"].tolist())', 'arrays["size"].tolist())', "no tuple of texts"),
        ("input=Stated(spec, ", "input=Stated({}, ", "no InputSpec"),
        (STATED, "return Statements(asks=(7,), classes=Stated", "a question that is no Ask"),
        ('"its array size"', "7", "a value that says no source"),
        ('backend="numpy"', "backend=7", "of another type"),
        ('backend="numpy"', "notes=(7,)", "of another type"),
        ('backend="numpy"', "parameters=-1", "of another type"),
    ],
)
def test_values_of_other_types_are_the_plugins_fault(before, after, fact, linear, package):
    assert LINEAR.count(before) == 1
    package.install(LINEAR.replace(before, after))

    ran = linear.run()

    assert ran.status == 4, ran.err
    assert "plugin npz-linear of their-linear 1.2" in ran.errors
    assert fact in ran.errors


SANDBOXED = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: sandbox, version: 1.0.0}
rules:
  - {check: accuracy, min: 0.80}
  - {check: model-integrity, sandbox: [rlimits]}
"""


def test_a_plugin_cannot_claim_a_sandbox(linear, package):
    package.install(LINEAR.replace('backend="numpy"', 'sandbox=("rlimits",)'))
    linear.write("policy.yaml", SANDBOXED)

    ours = linear.run(
        model={"checkpoint": "model.pt", "factory": "nets:build"},
        classes=["dark", "bright"],
        input={"size": [8, 8], "channels": "L"},
    )
    theirs = linear.run()

    assert (ours.status, theirs.status) == (0, 1), theirs.err  # it parses in the process itself
    failed = [each for each in theirs.report["results"] if each["outcome"] == "failed"]
    assert "parts of the sandbox" in str(failed)


def test_an_entry_point_that_names_no_source_is_a_faulty_call(linear, package):
    package.install("SOURCE = 7\n")

    ran = linear.run()

    assert ran.status == 2
    assert "plugin npz-linear of their-linear 1.2: names int, not a" in ran.err


def test_another_version_of_the_plugin_measures_again(linear, package):
    linear.run()
    kept = linear.run()
    package.install(version="1.3")

    again = linear.run()

    assert kept.report["run"]["answers_from_cache"]
    assert not again.report["run"]["answers_from_cache"]
    assert "the model was opened by plugin npz-linear of their-linear 1.3" in said(again)


def test_the_pin_is_refused_before_the_plugin_opens_anything(linear, package):
    pinned = {**linear.gatefile["model"], "sha256": "0" * 64}

    ran = linear.run(
        model=pinned, classes=["dark", "bright"], input={"size": [8, 8], "channels": "L"}
    )

    assert ran.status == 4
    assert f"and {'0' * 64} is pinned" in ran.errors
    assert ran.kinds == ["mismatch"]


def test_a_folder_is_no_artefact_of_a_plugin(linear):
    (linear.folder / "folder").mkdir()

    ran = linear.run(model={"checkpoint": "folder", "source": "npz-linear"})

    assert ran.status == 4
    assert "it is not a regular file" in ran.errors


def test_each_source_is_asked_at_most_once_a_run_whether_it_knows_the_artefact(
    project, monkeypatch
):
    asked = []
    for name in SHIPPED:
        source = type(recognised_by(name))
        matches = source.matches
        monkeypatch.setattr(
            source,
            "matches",
            lambda self, path, matches=matches: asked.append(self.name) or matches(self, path),
        )

    ran = project.run()

    assert ran.status == 0
    # What is left is taken by the last one, unasked.
    assert asked == [name for name in SHIPPED if name != FALLBACK]


def recognised_by(name):
    return importlib.import_module(SHIPPED[name]).SOURCE


@pytest.fixture
def folder(project):
    """Return a project whose model is a folder as Hugging Face writes it."""
    import torch
    from safetensors.torch import save_file

    weights = torch.load(project.folder / "model.pt", weights_only=True)
    (project.folder / "hf").mkdir()
    save_file(
        {name: each.contiguous() for name, each in weights.items()},
        project.folder / "hf" / "model.safetensors",
    )
    project.write("hf/config.json", '{"model_type": "brightness"}')
    project.write("hf/preprocessor_config.json", '{"image_mean": [0.5]}')
    project.gatefile["model"] = {"checkpoint": "hf", "factory": "nets:build"}
    return project


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_an_edited_configuration_is_measured_again_and_an_untouched_one_is_not(name, folder):
    first, kept = folder.run(), folder.run()
    folder.write(f"hf/{name}", '{"image_mean": [0.4]}')
    edited = folder.run()

    assert (first.status, edited.status) == (0, 0), first.err
    assert kept.report["run"]["answers_from_cache"]
    assert not edited.report["run"]["answers_from_cache"]
    digests = [each.report["subject"]["sha256"] for each in (first, kept, edited)]
    assert digests[0] == digests[1] != digests[2]


def test_what_lies_beside_and_decides_nothing_does_not_change_the_digest(folder):
    first = folder.run()
    folder.write("hf/README.md", "another text")

    assert folder.run().report["run"]["answers_from_cache"]
    assert folder.run().report["subject"] == first.report["subject"]
