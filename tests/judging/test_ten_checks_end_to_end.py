"""All checks of decisions at once: what a run finds, and `judge` on what it left."""

import json

import numpy as np
import pytest

CLASSES = ("car", "bus", "cat", "dog")
PARENTS = {"vehicle": ["car", "bus"], "animal": ["cat", "dog"]}
POINT = {
    "order": [{"class": "dog", "fit": {"recall": 0.9}}, {"class": "car", "at_least": 0.4}],
    "otherwise": "abstain",
}
RULES = (
    {"check": "recall-at-fpr", "class": "dog", "fpr": 0.2, "min": 0.5},
    {"check": "abstention", "min_coverage": 0.3, "max_error": 0.5},
    {"check": "unknown-accepted", "max": 0.9},
    {"check": "slice-gap", "by": "$slices", "metric": "recall", "class": "dog", "max": 0.3},
    {"check": "equalised-odds", "by": "site", "max": 0.5},
    {"check": "weak-slice", "min_recall": 0.2, "search": "$slices"},
    {"check": "severe-error", "distance": 2, "max": 0.5},
    {"check": "weighted-kappa", "weights": "quadratic", "min": 0.1},
    {"check": "parent-recall", "min": 0.3},
    {"check": "fragility", "min_labels": 2, "severity": "warn"},
)


def table(n, seed, prefix, *, labelled=True):
    random = np.random.default_rng(seed)
    labels = random.integers(0, 4, n)
    logits = random.normal(size=(n, 4))
    logits[np.arange(n), labels] += 2.5 if labelled else 0.0
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return [
        {"id": f"{prefix}{at}"}
        | ({"label": CLASSES[labels[at]]} if labelled else {})
        | dict(zip(CLASSES, scores[at].round(6).tolist(), strict=True))
        | {"site": "AB"[at % 2], "ward": str(at % 3), "patient": f"{prefix}p{at // 3}"}
        for at in range(n)
    ]


@pytest.fixture(params=[False, True], ids=["images", "patients"])
def project(folder, request):
    """A folder with all splits, and a policy with the ten rules."""
    columns = {"slices": ["site", "ward"]} | ({"group": "patient"} if request.param else {})
    folder.table("test.csv", table(1500, 1, "t"))
    folder.table("val.csv", table(1500, 2, "v"))
    folder.table("strange.csv", table(200, 3, "u", labelled=False))
    folder.policy(*RULES)
    folder.gatefile |= {
        "classes": PARENTS,
        "data": {
            "test": {"predictions": "test.csv", **columns},
            "validation": {"predictions": "val.csv", **columns},
            "unknown": {"predictions": "strange.csv"},
        },
    }
    return folder


def without_run(folder, out):
    text = (folder.path / out / "report.json").read_text(encoding="utf-8")
    return text[: text.index('\n  "run": {')]


def test_judge_finds_by_all_ten_checks_what_a_run_finds_to_the_byte(project):
    project.run(out="plain")
    ran = project.run(out="with", operating_point=POINT)
    stated = {"apiVersion": "gate/v1", "kind": "Validation", "operating_point": POINT}
    (project.path / "at.yaml").write_text(json.dumps(stated), encoding="utf-8")

    project.command("judge", "plain", "--policy", "policy.yaml", "--operating-point", "at.yaml",
                    "--out", "judged", out="judged")  # fmt: skip

    assert {each["rule"] for each in ran.report["results"]} == {each["check"] for each in RULES}
    assert not any(each["outcome"] == "error" for each in ran.report["results"])
    decided = [each for each in ran.report["results"] if each["measured"]["value"] is not None]
    assert {each["rule"] for each in decided} == {each["check"] for each in RULES}
    assert without_run(project, "judged") == without_run(project, "with")
