"""A model against the champion on images: the digest of the data tells the same from others."""

import csv
import json
import shutil

import pytest

RULES = [
    {"check": "regression", "margin": 0.02},
    {"check": "negative-flips", "max": 0.02},
]


def champion(project, **more):
    """Measure the project's model, keep what it left as the champion's, and ask for both."""
    project.run()
    shutil.copytree(project.folder / "gate-out", project.folder / "champion")
    document = {
        "apiVersion": "gate/v1",
        "kind": "Policy",
        "metadata": {"name": "kept", "version": "1.0.0"},
        "rules": [{**rule, **more} for rule in RULES],
    }
    project.write("policy.yaml", json.dumps(document))


def outcomes(ran):
    return {each["key"]: each["outcome"] for each in ran.report["results"]}


def blinded(state):
    state["head.bias"] = state["head.bias"] + state["head.bias"].new_tensor([30.0, 0.0])


def as_sure(state):
    state["head.bias"] = state["head.bias"] + 1.0  # of both classes: no answer changes


def test_a_model_that_broke_images_fails_and_they_are_listed(project):
    champion(project)
    project.checkpoint(change=blinded)

    ran = project.run(baseline="champion/report.json")

    assert ran.status == 1
    assert outcomes(ran) == {"regression": "failed", "negative-flips": "failed"}
    with (project.folder / "gate-out" / "newly-broken.csv").open(encoding="utf-8") as file:
        broken = [row for row in csv.DictReader(file) if row["split"] == "test"]
    flips = next(each for each in ran.report["results"] if each["rule"] == "negative-flips")
    assert len(broken) == flips["measured"]["numerator"] > 0
    assert {(row["label"], row["prediction"]) for row in broken} == {("bright", "dark")}


def test_a_model_against_itself_is_open_and_the_way_out_is_said(project):
    champion(project)

    ran = project.run(baseline="champion")

    said = " ".join(ran.out.split())
    assert ran.status == 3
    assert set(outcomes(ran).values()) == {"inconclusive"}
    assert "the champion is this very checkpoint" in said
    ways = next(each["remedy"] for each in ran.report["results"])
    assert "`allow_same: true`" in ways
    digest = ran.report["subject"]["sha256"]
    assert f"pin it in the policy as `champion: {digest}`" in ways
    assert ran.report["baseline"]["sha256"] == ran.report["subject"]["sha256"]


def test_the_same_model_where_that_is_allowed_proves_no_drop_that_100_images_can_show(project):
    champion(project, allow_same=True)

    ran = project.run(baseline="champion")

    assert ran.status == 3
    assert "0 broken and 0 repaired of 100" in " ".join(ran.out.split())


def test_another_file_that_answers_alike_is_a_champion_like_any_other(project):
    champion(project)
    project.checkpoint(change=as_sure)

    ran = project.run(baseline="champion")

    assert ran.report["baseline"]["sha256"] != ran.report["subject"]["sha256"]
    assert "0 broken and 0 repaired of 100" in " ".join(ran.out.split())


def test_images_of_another_test_set_are_refused(project):
    champion(project)
    project.npz("test.npz", 50, seed=9)

    ran = project.run(baseline="champion")

    assert ran.status == 4
    assert "the champion was measured on another test set: other images, under the" in ran.errors


def as_manifest(project, *, slices=(), sites="n", groups=None):
    """Give test as a table of pictures, with a column of sites and one of groups."""
    project.folders("test", 20, seed=2)
    paths = sorted((project.folder / "test").rglob("*.png"))
    rows = [
        f"{path.relative_to(project.folder)},{path.parent.name},{sites[at % len(sites)]},p{at % 4}"
        for at, path in enumerate(paths)
    ]
    project.write("test.csv", "\n".join(["image,label,site,patient", *rows]) + "\n")
    keys = {"path": "test.csv", "slices": list(slices), **({"group": groups} if groups else {})}
    project.gatefile["data"]["test"] = {key: value for key, value in keys.items() if value}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "with the slices site of test, this model with none"),
        (
            {"slices": ["site"], "sites": "ns"},
            "with other slices of test: 'test/bright/021.png' has another site",
        ),
        ({"slices": ["site"], "groups": "patient"}, "without groups of test"),
    ],
    ids=["no slices", "other values", "groups"],
)
def test_a_champion_whose_images_are_described_otherwise_is_refused_by_what_differs(
    change, said, project
):
    as_manifest(project, slices=["site"])
    champion(project)
    as_manifest(project, **change)

    ran = project.run(baseline="champion")

    assert ran.status == 4
    assert f"the champion was measured {said}; run the champion's checkpoint" in ran.errors


def test_a_champion_whose_slices_are_the_same_is_compared(project):
    as_manifest(project, slices=["site"], sites="ns", groups="patient")
    champion(project)

    ran = project.run(baseline="champion")

    assert ran.report["errors"] == []
    assert outcomes(ran).keys() == {"regression", "negative-flips"}
