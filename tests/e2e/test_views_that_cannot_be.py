"""Views that no image can have, that a policy forbids, or that a model does not answer.

Each ends with its message and the documented exit status. Unknown views, views named twice, strange
severities and tensors stand in `test_asking_again`, artefacts in `test_artefacts`, and a policy of
10,000 passes in `tests/cli/test_plan` and `tests/measure/test_long_second_pass`.
"""

import pytest
from PIL import Image

HEAD = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: views, version: 1.0.0}
"""
RULES = """\
rules:
  - {check: accuracy, min: 0.80}
"""
DEAF = """


class Deaf(Brightness):
    def forward(self, images):
        scores = super().forward(images)
        return torch.where(images.flatten(1).mean(1)[:, None] > 0.95, torch.nan, scores)


def deaf():
    return Deaf()
"""


@pytest.fixture
def ran(project):
    """Return a function that runs with one more rule, on twenty pictures a class."""
    project.folders("test", 20, seed=2)
    project.gatefile["data"] = {"test": {"path": "test"}}

    def run(rule, *, header=""):
        project.write("policy.yaml", f"{HEAD}{header}{RULES}  - {rule}\n")
        project.write_gatefile()
        return project.command("run", "--no-cache")

    run.project = project
    return run


def of(ran, rule):
    return [each for each in ran.report["results"] if each["rule"] == rule]


@pytest.mark.parametrize(
    ("rule", "place"),
    [
        ("{check: patch-shuffle, grid: 17}", "grid"),
        ("{check: region-evidence, cells: {grid: 17}}", "grid"),
        ("{check: stability, views: ['shuffle:17'], max_drop: 0.2}", "shuffle:17"),
        ("{check: stability, views: ['swap:cell:4:16:other'], max_drop: 0.2}", "swap:cell:4:16"),
    ],
)
def test_a_grid_that_is_finer_than_any_is_refused_before_anything_is_measured(ran, rule, place):
    found = ran(rule)

    assert found.status == 2
    assert place in found.err
    assert "16" in found.err or "15" in found.err
    assert found.report is None


def test_a_grid_with_more_cells_than_the_image_has_pixels_shows_nothing_and_says_why(ran):
    found = ran("{check: patch-shuffle, grid: 16}")

    (result,) = of(found, "patch-shuffle")
    assert result["outcome"] == "inconclusive"
    assert "are too small for it" in result["message"]


FLIP = "{id: mirrored, check: stability, views: ['flip'], max_drop: 0.2}"


def test_a_view_that_the_policy_forbids_is_refused_with_the_rule_that_names_it(ran):
    """Mirrored, a digit is none, or another: that the answer stays proves nothing."""
    found = ran(FLIP, header="views: {never: [flip, turn]}\n")

    assert found.status == 2
    assert "rule 'mirrored' asks about flip, which changes what an image shows" in found.err
    assert "take it out of the rule" in found.err
    assert found.report is None


def test_a_policy_that_extends_one_cannot_name_what_that_forbids(ran):
    ran.project.write("above.yaml", f"{HEAD}views: {{never: [flip]}}\n{RULES}")

    found = ran(FLIP, header="extends: above.yaml\nviews: {images: 30}\n")

    assert found.status == 2
    assert "which changes what an image shows" in found.err


def test_what_the_policy_forbids_elsewhere_is_asked_where_nobody_forbids_it(ran):
    found = ran(FLIP)

    assert found.status == 0, found.errors
    assert of(found, "mirrored")[0]["outcome"] == "passed"


def test_a_policy_that_forbids_what_is_no_view_is_told_what_there_is(ran):
    found = ran("{check: no-skill}", header="views: {never: [flipp]}\n")

    assert found.status == 2
    assert "there is no kind of view 'flipp'; did you mean 'flip'?" in found.err


def test_scores_that_are_nan_for_a_changed_image_are_no_verdict(ran):
    nets = ran.project.folder / "nets.py"
    nets.write_text(nets.read_text() + DEAF)
    ran.project.gatefile["model"] |= {"factory": "nets:deaf"}

    found = ran("{check: stability, views: ['brighten:3'], max_drop: 0.5}")

    assert found.status == 4
    assert found.report["verdict"] == "error"
    assert "NaN" in found.errors
    assert "Traceback" not in found.err


def large(folder, keep):
    """Enlarge all pictures, of the dark ones as many as are kept: regions need 24 pixels."""
    for path in sorted((folder / "dark").iterdir())[keep:]:
        path.unlink()
    for path in folder.rglob("*.png"):
        Image.open(path).resize((24, 24), Image.Resampling.NEAREST).save(path)


REGION = "{check: region-evidence, frame: {share: 0.2, max: 0.5}, severity: warn}"


@pytest.mark.parametrize(("kept", "outcome"), [(1, "passed"), (0, "inconclusive")])
def test_a_class_with_one_image_has_no_donor_and_is_left_out(ran, kept, outcome):
    """The honest twin: one rare image in 21 keeps nobody from judging the others."""
    large(ran.project.folder / "test", keep=1)
    for path in sorted((ran.project.folder / "test" / "bright").iterdir())[20 * kept or 5 :]:
        path.unlink()
    ran.project.gatefile["input"] |= {"size": [8, 8], "resize": "stretch"}

    found = ran(REGION)

    (result,) = of(found, "region-evidence")
    assert result["outcome"] == outcome, result["message"]
    if outcome == "inconclusive":
        assert (
            "1 of 6 images were not asked about swap:frame:0.2:same: no image may lend"
            in (result["message"])
        )
