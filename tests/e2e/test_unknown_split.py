"""Pictures of none of the classes: measured without labels, compared for leaks, judged."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from gate.evidence.store import load
from gate.report.renderings.html import RENDERING as HTML

POLICY = """apiVersion: gate/v1
kind: Policy
metadata: {name: careful, version: "1"}
rules:
  - {check: accuracy, min: 0.8}
  - {check: unknown-accepted, max: 0.1}
"""
ABSTAIN = {
    "order": [{"class": "dark", "at_least": 0.9}, {"class": "bright", "at_least": 0.9}],
    "otherwise": "abstain",
}


def grey(folder, count, level=125, seed=5):
    """Write pictures between dark and bright, into a folder without class folders."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    for index in range(count):
        pixels = random.integers(level - 4, level + 5, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index:03}.png")


@pytest.fixture
def careful(project):
    """A project with folders of images, strange pictures, and a policy on answers to them."""
    project.folders("train", 40, seed=1)
    project.folders("test", 40, seed=2)
    grey(project.folder / "strange", 60)
    project.write("policy.yaml", POLICY)
    project.gatefile["data"] = {
        "train": {"path": "train"},
        "test": {"path": "test"},
        "unknown": {"path": "strange"},
    }
    project.gatefile["operating_point"] = ABSTAIN
    return project


def outcome(ran, key):
    return next(each["outcome"] for each in ran.report["results"] if each["key"] == key)


def test_a_model_that_abstains_on_strange_pictures_passes_and_one_that_answers_fails(careful):
    ran = careful.run()
    eager = careful.run(operating_point={**ABSTAIN, "order": [{"class": "dark", "at_least": 0.1}]})

    assert ran.status == 0
    assert outcome(ran, "unknown-accepted") == "passed"
    assert outcome(eager, "unknown-accepted") == "failed"


def test_where_every_image_gets_an_answer_the_rule_is_open(careful):
    ran = careful.run(operating_point=None)

    assert ran.status == 3
    (left_open,) = (each for each in ran.report["results"] if each["outcome"] == "inconclusive")
    assert "no operating point is stated" in left_open["message"]
    assert left_open["remedy"].startswith("add `operating_point: {order: [{class: ")


def test_without_strange_pictures_the_rule_is_open(careful):
    del careful.gatefile["data"]["unknown"]

    ran = careful.run()

    assert ran.status == 3
    assert "no unknown split" in ran.out


def test_the_report_has_the_data_of_the_split_and_no_metric_of_it(careful):
    ran = careful.run()

    part = ran.report["data"]["unknown"]
    assert (part["images"], part["per_class"]) == (60, {})
    assert "unknown" not in ran.report["confusion"]
    assert all(each["split"] != "unknown" for each in ran.report["metrics"])
    assert "unknown: 60 images of none of the classes" in ran.out
    rows = load(careful.folder / "gate-out").splits["unknown"].rows
    assert set(rows.labels.tolist()) == {-1}
    assert np.isnan(rows.true_score).all()


def test_the_saved_evidence_is_judged_again_as_it_was(careful):
    ran = careful.run()

    again = careful.command("judge", "gate-out", "--policy", "policy.yaml", "--out", "judged")

    assert again.status == 0
    judged = json.loads((careful.folder / "judged" / "report.json").read_text())
    assert {**judged, "run": None} == {**ran.report, "run": None}


def test_what_the_data_says_of_labels_is_not_looked_at(careful):
    flat = careful.run().report
    shutil.copytree(careful.folder / "strange", careful.folder / "sorted" / "cats")
    careful.gatefile["data"]["unknown"] = {"path": "sorted"}

    ran = careful.run()

    assert ran.status == 0
    assert ran.report["results"][0]["measured"] == flat["results"][0]["measured"]


def test_strange_pictures_that_the_model_learned_from_are_found_and_left_out(careful):
    strange, train = careful.folder / "strange", careful.folder / "train" / "dark"
    for index in range(50):  # what it was trained to know is answered, whatever it shows
        shutil.copy(strange / f"{index:03}.png", train / f"copied-{index}.png")

    ran = careful.run()

    pairs = [
        each
        for each in ran.report["leakage"]["compared"]
        if (each["split_a"], each["split_b"]) == ("train", "unknown")
    ]
    assert pairs[0]["counts"]["bytes"] == 50
    assert {each["label_b"] for each in ran.report["leakage"]["pairs"]} == {"?"}
    result = next(each for each in ran.report["results"] if each["check"] == "unknown-accepted")
    assert 10 in {each["measured"]["denominator"] for each in result["readings"]}
    assert outcome(ran, "unknown-accepted") == "inconclusive"


def test_a_second_run_takes_the_answers_from_the_cache(careful):
    first = careful.run()
    second = careful.run()

    assert second.report["run"]["answers_from_cache"] == 2 * 80 + 60
    assert {**second.report, "run": None} == {**first.report, "run": None}


def test_shards_give_what_one_run_gives(careful):
    whole = careful.run()
    for index in (0, 1):
        assert careful.command("shard", "--index", index, "--of", 2, "--no-cache").status == 0

    merged = careful.command("merge")

    assert merged.status == 0
    assert merged.report["results"] == whole.report["results"]


def test_the_page_of_such_a_report_is_drawn(careful):
    careful.run()

    came = careful.command("render", "gate-out/report.json", "-o", "html=r.html")

    assert came.status == 0
    assert HTML.mark is not None
    assert "(abstained)" in (careful.folder / "r.html").read_text()


def test_saved_predictions_of_strange_pictures_need_no_labels(project):
    project.write("policy.yaml", POLICY.replace("accuracy, min: 0.8", "accuracy, min: 0.5"))
    right = "".join(
        f"t{n},{'dark' if n % 2 else 'bright'},{n % 2},{1 - n % 2},a\n" for n in range(80)
    )
    project.write("test.csv", f"id,label,dark,bright,from\n{right}")
    strange = "".join(f"u{n},0.5,0.5,{'ab'[n % 2]}\n" for n in range(120))
    project.write("strange.csv", f"id,dark,bright,from\n{strange}")

    ran = project.run(
        model=None,
        input=None,
        operating_point=ABSTAIN,
        data={"test": {"predictions": "test.csv"}, "unknown": {"predictions": "strange.csv"}},
    )

    assert ran.status == 0
    project.write("policy.yaml", POLICY.replace("max: 0.1", "max: 0.1, by: from"))
    by_source = project.run(
        model=None,
        input=None,
        operating_point=ABSTAIN,
        data={
            "test": {"predictions": "test.csv"},
            "unknown": {"predictions": "strange.csv", "slices": ["from"]},
        },
    )
    assert outcome(by_source, "unknown-accepted[slice=from=a]") == "passed"
    assert outcome(by_source, "unknown-accepted[slice=from=b]") == "passed"


def test_pictures_of_no_class_alone_do_not_name_the_classes(careful):
    ran = careful.run(classes=None, operating_point=None, data={"unknown": {"path": "strange"}})

    assert ran.status == 2
    assert "nothing names the classes" in ran.err
