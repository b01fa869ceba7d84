"""The reference of the gate file has every key, and each example is read."""

from pathlib import Path

import pytest
import yaml

from gate.subject.gatefile import read_gatefile
from gate.subject.reference import EXAMPLES, keys, markdown

PAGE = Path(__file__).parents[2] / ".github" / "GATEFILE.md"
HEAD = {"apiVersion": "gate/v1", "kind": "Validation"}
BESIDE = {  # what must be said with a key
    "input.mean": {"channels": "RGB", "std": EXAMPLES["input.std"]},
    "input.std": {"channels": "RGB", "mean": EXAMPLES["input.mean"]},
    "leakage.mean": {"std": EXAMPLES["leakage.std"]},
    "leakage.std": {"mean": EXAMPLES["leakage.mean"]},
    "data.test.images": {"labels": EXAMPLES["data.test.labels"]},
    "data.test.kwargs": {"factory": EXAMPLES["data.test.factory"]},
}
SOURCES = ("path", "images", "factory", "predictions")  # of a split


def said(key):
    """Return the gate file in which a key has its example, with no more than it needs."""
    *above, last = key.split(".")
    section = {last: EXAMPLES[key], **BESIDE.get(key, {})}
    if above == ["data", "test"] and not section.keys() & set(SOURCES):
        section["path"] = "data/test"
    if above == ["input"] and last not in {"size", "factory"}:
        section = {"size": [224, 224], "resize": "shorter-side", "crop": "center", **section}
    if above == ["history"]:
        section.setdefault("path", "runs/metrics.csv")
    if above == ["leakage"]:
        section = {"descriptor": "copies.onnx", "size": [288, 288], **section}
    if above[:1] == ["operating_point"]:
        section = at_an_operating_point(above[1:], last, section)
        above = ["operating_point"]
    for name in reversed(above):
        section = {name: section}
    return {**HEAD, **section}


def at_an_operating_point(below, last, section):
    """Return the operating point in which a key has its example."""
    if below == ["order", "fit", "cost"]:
        section = {"cost": {"false_positive": 1, "false_negative": 2, **section}}
    if "fit" in below:
        section = {"fit": section}
    if below:
        section = {"class": "tumour", **section}
        return {"order": [section if len(section) > 1 else {**section, "at_least": 0.5}]}
    return {"order": EXAMPLES["operating_point.order"], **section}


def test_the_committed_page_is_what_the_models_say(golden):
    golden(PAGE, markdown())


def test_every_key_has_an_example_and_no_example_is_of_another():
    assert set(keys()) == set(EXAMPLES)


@pytest.mark.parametrize("key", EXAMPLES)
def test_an_example_is_read(key, tmp_path):
    path = tmp_path / "gate.yaml"
    gatefile = said(key)
    if key == "critical":
        gatefile["classes"] = EXAMPLES["classes"]
    path.write_text(yaml.safe_dump(gatefile), encoding="utf-8")

    read_gatefile(path)


def test_an_example_on_the_page_is_yaml_that_says_the_same():
    rows = [line.split(" | ") for line in markdown().splitlines() if line.startswith("| `")]

    shown = [yaml.safe_load(row[3].strip("`").replace("\\|", "|")) for row in rows]

    assert shown == [{key.rpartition(".")[2]: EXAMPLES[key]} for key in keys()]
