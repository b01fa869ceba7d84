"""An operating point of a model that is run: what sees it, and what does not."""

import json

POLICY = """apiVersion: gate/v1
kind: Policy
metadata: {name: small, version: "1"}
rules:
  - {check: accuracy, min: 0.5}
  - {check: roc-auc, min: 0.5}
  - {id: views, check: stability, views: ["lsb:1", "noise:1"], min_agreement: 0.5}
"""
FITTED = {"order": [{"class": "bright", "fit": {"recall": 0.8}}]}


def measured(ran, check):
    return [each["measured"] for each in ran.report["results"] if each["check"] == check]


def test_answers_see_the_thresholds_and_scores_and_views_do_not(project):
    project.write("policy.yaml", POLICY)
    project.folders("test", 40, seed=2)
    data = {"train": {"path": "train.npz"}, "test": {"path": "test"}}
    abstains = {"order": [{"class": "dark", "at_least": 0.999999}], "otherwise": "abstain"}

    plain = project.run(data=data)
    at_point = project.run(data=data, operating_point=abstains)

    assert measured(plain, "accuracy") != measured(at_point, "accuracy")
    assert measured(plain, "roc-auc") == measured(at_point, "roc-auc")
    assert measured(plain, "stability") == measured(at_point, "stability")


def test_no_image_is_asked_again_and_judge_gives_what_the_run_gave(project):
    project.npz("val.npz", 60, seed=3)
    data = {**project.gatefile["data"], "validation": {"path": "val.npz"}}
    plain = project.run(data=data)
    ran = project.run(data=data, operating_point=FITTED)
    images = sum(part["images"] for part in ran.report["data"].values())
    assert ran.report["run"]["answers_from_cache"] == images
    project.run(data=data)
    assert plain.report["operating_point"] is None

    head = {"apiVersion": "gate/v1", "kind": "Validation", "operating_point": FITTED}
    project.write("at.yaml", json.dumps(head))
    project.command(
        *("judge", "gate-out", "--policy", "policy.yaml"),
        *("--operating-point", "at.yaml", "--out", "judged"),
    )

    judged = json.loads((project.folder / "judged" / "report.json").read_text())
    assert {**judged, "run": None} == {**ran.report, "run": None}


def test_a_validation_folder_that_holds_images_of_test_proves_nothing(project):
    project.folders("test", 40, seed=2)
    project.folders("val", 40, seed=3)
    image = (project.folder / "test" / "dark" / "000.png").read_bytes()
    (project.folder / "val" / "dark" / "one.png").write_bytes(image)
    data = {"train": {"path": "train.npz"}, "test": {"path": "test"}, "validation": {"path": "val"}}

    ran = project.run(data=data, operating_point=FITTED)

    assert ran.status == 3
    assert "has 1 of the 80 images of test" in ran.report["operating_point"]["doubt"]
