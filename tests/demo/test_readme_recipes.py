"""The recipes of the README are run as they stand, and say what stands there."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import README, Page, as_user

PAGE = Page(README)
SAVE = Path(__file__).with_name("save_transformers_folder.py")


@pytest.fixture(scope="session")
def user(demo, tmp_path_factory):
    """Return the folder of a newcomer, who has run the demo there."""
    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(demo.folder, folder / "validate-model-demo")
    return folder


def test_the_verdict_on_the_leaky_model_is_what_a_run_prints(user, regenerate):
    ran = as_user(
        "validate-model run validate-model-demo/leaky/gate.yaml -o html=report.html", user
    )

    assert ran.returncode == 1
    assert "validate-model run validate-model-demo/leaky/gate.yaml -o html=report.html" in PAGE.text
    assert (user / "report.html").exists()
    PAGE.agrees("leaky", ran.stdout, regenerate)


@pytest.fixture(scope="session")
def own(user):
    """Return what the recipe for a checkpoint of one's own did."""
    return as_user(PAGE.block("own"), user)


def test_a_checkpoint_of_ones_own_is_judged_by_flags(own, regenerate):
    assert own.returncode == 0
    PAGE.agrees("own says", own.stdout, regenerate)


@pytest.fixture(scope="session")
def written(own, user):
    """Return what the recipe for a gate file did."""
    return as_user(PAGE.block("init"), user / "mine")


def test_init_writes_a_gate_file_that_asks_for_a_proof(written, user, regenerate):
    assert written.returncode == 3
    assert "critical: [eight]" in (user / "mine" / "gate.yaml").read_text("utf-8")
    PAGE.agrees("init says", written.stdout, regenerate)


def test_policies_are_tried_on_what_the_run_left(written, user):
    judged, planned, explained = PAGE.block("policies").splitlines()

    assert as_user(judged, user / "mine").returncode == 3
    assert "eight" in as_user(planned, user / "mine").stdout
    assert as_user(explained, user / "mine").stdout.startswith("recall")


def test_ci_gets_the_formats_that_are_named(written, user):
    (asked,) = re.findall(r"`(-o junit=.*?)`", PAGE.text, re.DOTALL)

    ran = as_user(f"validate-model run {' '.join(asked.split())}", user / "mine")

    assert ran.returncode == 3
    for name in ("junit.xml", "summary.md", "report.sarif"):
        assert (user / "mine" / name).stat().st_size


def test_saved_predictions_of_any_model_are_judged(tmp_path, regenerate):
    (tmp_path / "predict.py").write_text(PAGE.block("predict"), encoding="utf-8")

    ran = as_user(PAGE.block("predictions"), tmp_path)

    assert ran.returncode == 0, ran.stderr
    PAGE.agrees("predictions say", ran.stdout, regenerate)


@pytest.mark.ecosystem
def test_a_folder_of_transformers_is_judged_without_code(tmp_path, regenerate):
    if importlib.util.find_spec("transformers") is None:
        pytest.skip("the extra transformers is not installed")
    subprocess.run([sys.executable, SAVE], cwd=tmp_path, check=True, capture_output=True)

    ran = as_user(PAGE.block("folder"), tmp_path)

    assert ran.returncode == 0, ran.stderr
    PAGE.agrees("folder says", ran.stdout, regenerate)
    whole = as_user("validate-model render gate-out", tmp_path).stdout
    assert whole.startswith("PASS   my-model  (Hugging Face folder, ")
    assert "config.json: id2label" in whole
