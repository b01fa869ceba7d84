"""How other gates let a model through that nobody measured; each ends in 1, 2, 3 or 4 here."""

import numpy as np
import pytest

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: small, version: 1.0.0}\n"


def policy(project, *rules):
    lines = "".join(f"  - {rule}\n" for rule in rules)
    project.write("policy.yaml", f"{HEAD}rules:\n{lines}")


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD}rules: []\n",
        HEAD,
        f"{HEAD}rules:\n",
        f"{HEAD}rules: null\n",
        f"{HEAD}rules:\n  - {{check: accuracy, min: 0.8, severity: warn}}\n",
        f"{HEAD}rules:\n  - {{check: accuracy}}\n",
        "",
        "---\n",
    ],
    ids=[
        "empty",
        "absent",
        "blank",
        "null",
        "only warns",
        "no threshold",
        "no text",
        "no document",
    ],
)
def test_a_policy_that_requires_nothing_is_refused(text, project):
    project.write("policy.yaml", text)

    ran = project.run()

    assert ran.status == 2
    assert ran.report is None


def test_a_change_threshold_without_a_baseline_is_not_dropped(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: regression, margin: 0.02}")

    ran = project.run()

    assert ran.status == 3
    assert ran.report["decision"]["reasons"] == ["regression"]


def test_a_baseline_that_is_missing_is_not_dropped(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: regression, margin: 0.02}")

    ran = project.run(baseline="champion/gate-out")

    assert ran.status == 4
    assert "evidence" in ran.kinds


def test_a_baseline_of_other_images_is_not_compared(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: regression, margin: 0.02}")
    project.run("--out", "champion")
    project.npz("test.npz", 50, seed=9)

    ran = project.run(baseline="champion")

    assert ran.status == 4
    assert "the champion was measured on another test set: other images" in ran.errors


def test_a_rule_that_crashes_is_not_a_rule_that_is_met(project, monkeypatch):
    def crash(self, evidence):
        raise MemoryError("too many classes")

    monkeypatch.setattr("gate.checks.recall.Recall.compare", lambda *_: crash(*_[:2]))

    ran = project.run()

    assert ran.status == 4
    assert ran.kinds == ["rule-crashed"]


def test_a_detector_that_crashes_is_not_a_clean_bill(project, monkeypatch):
    def crash(*_, **__):
        raise RuntimeError("the hash table is full")

    monkeypatch.setattr("gate.measure.duplicates.across_splits.find_overlap", crash)
    monkeypatch.setattr("tempfile.tempdir", str(project.folder))

    ran = project.run()

    assert ran.status == 70
    assert ran.report is None


def test_a_crash_and_a_bad_model_do_not_exit_alike(project, monkeypatch):
    project.npz("test.npz", 50, seed=2, wrong=20)
    failed = project.run().status
    monkeypatch.setattr("tempfile.tempdir", str(project.folder))
    monkeypatch.setattr("gate.report.judgement.build", lambda *_: 1 / 0)
    crashed = project.run().status

    assert (failed, crashed) == (1, 70)


def test_a_class_that_the_split_lacks_is_not_skipped(project):
    project.npz("test.npz", 50, seed=2)
    project.checkpoint(classes=3)

    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"classes": 3}},
        classes=["dark", "bright", "glare"],
        data={"test": {"path": "test.npz"}},
    )

    assert ran.status != 0
    glare = [each for each in ran.report["results"] if each["scope"]["class"] == "glare"]
    assert [each["outcome"] for each in glare if each["check"] == "recall"] == ["inconclusive"]


@pytest.mark.parametrize("split", ["train", "validation"])
def test_a_split_that_a_rule_needs_and_nobody_gave_is_not_skipped(split, project):
    policy(
        project,
        "{check: accuracy, min: 0.8}",
        f"{{id: other, check: accuracy, split: {split}, min: 0.5}}",
    )

    ran = project.run(data={"test": {"path": "test.npz"}})

    assert ran.status == 3
    assert ran.report["decision"]["reasons"] == ["other"]


@pytest.mark.parametrize(
    "rule",
    [
        "{check: train-test-overlap}",
        "{check: train-test-gap}",
        "{check: group-overlap}",
        "{check: loss-curve}",
        "{check: recall, min: 0.1, by: scanner}",
    ],
)
def test_a_rule_without_what_it_looks_at_is_never_met(rule, project):
    policy(project, "{check: accuracy, min: 0.8}", rule)

    assert project.run(data={"test": {"path": "test.npz"}}).status == 3


def test_saved_predictions_do_not_pass_for_a_sound_model(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: model-integrity, subject: required}")
    lines = [f"{2 * index},dark,0.9,0.1\n{2 * index + 1},bright,0.2,0.8" for index in range(50)]
    project.write("scores.csv", "\n".join(["id,label,dark,bright", *lines]) + "\n")

    data = {"test": {"predictions": "scores.csv"}}
    required = project.run(model=None, input=None, data=data)
    policy(project, "{check: accuracy, min: 0.8}", "{check: model-integrity}")
    silent = project.run(model=None, input=None, data=data)

    assert required.status == 3
    of_model = [each for each in silent.report["results"] if each["rule"] == "model-integrity"]
    assert {each["outcome"] for each in of_model} == {"not-applicable"}
    assert silent.report["decision"]["counts"]["passed"] == 1
    assert "saved predictions have no model" in " ".join(silent.out.split())


def test_every_image_is_read_and_none_is_sampled(project):
    project.npz("test.npz", 6000, seed=2)

    ran = project.run(data={"test": {"path": "test.npz"}})

    assert ran.report["data"]["test"]["images"] == 12_000
    assert sum(map(sum, ran.report["confusion"]["test"]["counts"])) == 12_000
    assert ran.report["metrics"][0]["support"] == 12_000


def test_an_average_does_not_hide_a_class_of_recall_037(project):
    policy(project, "{check: balanced-accuracy, min: 0.8}", "{check: recall, min: 0.85}")
    classes = 5
    images, labels = project.images(200, seed=2, classes=classes)
    hidden = np.flatnonzero(labels == 4)[:126]
    images[hidden] = images[np.flatnonzero(labels == 0)[:126]]
    np.savez(project.folder / "test.npz", images=images, labels=labels)
    project.checkpoint(classes=classes)

    ran = project.run(
        model={"checkpoint": "model.pt", "factory": "nets:build", "kwargs": {"classes": classes}},
        classes=[f"c{label}" for label in range(classes)],
        data={"test": {"path": "test.npz"}},
    )

    assert ran.status == 1
    assert ran.report["decision"]["reasons"] == ["recall[class=c4]"]
    worst = ran.report["results"][0]["measured"]
    assert (worst["numerator"], worst["denominator"]) == (74, 200)


def test_500_of_1000_test_images_copied_into_train_fail(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: train-test-overlap}")
    test, labels = project.images(500, seed=2)
    train, train_labels = project.images(100, seed=1)
    np.savez(
        project.folder / "train.npz",
        images=np.concatenate([train, test[::2]]),
        labels=np.concatenate([train_labels, labels[::2]]),
    )
    np.savez(project.folder / "test.npz", images=test, labels=labels)

    ran = project.run()

    assert ran.status == 1
    assert ran.report["leakage"]["counts"]["bytes"] == 500
    accuracy = next(each for each in ran.report["metrics"] if each["split"] == "test")
    assert accuracy["support"] == 500


def test_pictures_that_look_alike_are_not_called_copies(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: train-test-overlap}")
    images, labels = project.images(60, seed=1)
    alike = images.copy()
    alike[:, 0, 0] ^= 1
    np.savez(project.folder / "train.npz", images=images, labels=labels)
    np.savez(project.folder / "test.npz", images=alike, labels=labels)

    ran = project.run()

    assert ran.status == 0, ran.out
    assert ran.report["leakage"]["counts"]["bytes"] == 0


def test_a_split_that_is_train_itself_fails(project):
    policy(project, "{check: accuracy, min: 0.8}", "{check: train-test-overlap}")

    ran = project.run(data={"train": {"path": "test.npz"}, "test": {"path": "test.npz"}})

    assert ran.status == 1
    assert ran.report["leakage"]["counts"]["bytes"] == 100


def test_an_interrupted_run_leaves_no_verdict_of_an_earlier_one(project, monkeypatch):
    project.run()
    project.write("model.pt", "now broken")

    assert project.run().report["verdict"] == "error"


def test_no_flag_ignores_failures(project):
    project.npz("test.npz", 50, seed=2, wrong=20)

    for flag in ("--force", "--no-fail", "--ignore", "--skip", "--exit-zero", "--soft-fail"):
        assert project.run(flag).status == 2
