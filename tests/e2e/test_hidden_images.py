"""An image that is hidden in a data folder is counted and named: it may have been put there."""

import json

import pytest

HEAD = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: small, version: 1.0.0}\nrules:\n"


@pytest.fixture
def folders(project):
    project.folders("train", 20)
    project.folders("test", 20, seed=1)
    (project.folder / "test" / "dark" / "._000.png").write_bytes(b"\x00\x05\x16\x07 Mac OS X")
    (project.folder / "test" / "dark" / ".DS_Store").write_bytes(b"Bud1")
    return project


def run(project, rule):
    project.write("policy.yaml", f"{HEAD}  - {{check: accuracy, min: 0.8}}\n  - {{{rule}}}\n")
    return project.run(data={"train": {"path": "train"}, "test": {"path": "test"}})


def put_out_of_sight(project):
    image = project.folder / "test" / "dark" / "003.png"
    image.rename(image.with_name(".003.png"))


def test_a_hidden_image_warns_by_its_name(folders):
    put_out_of_sight(folders)

    ran = run(folders, "check: dataset-integrity")

    assert ran.status == 0
    assert "1 hidden file of test is an image and was not read" in " ".join(ran.out.split())
    assert ".003.png" in ran.out


def test_a_hidden_image_fails_where_none_may_be(folders):
    put_out_of_sight(folders)

    ran = run(folders, "check: dataset-integrity, max_hidden: 0")

    assert ran.status == 1
    assert ran.report["decision"]["reasons"] == ["dataset-integrity[part=test-hidden]"]
    again = folders.command("judge", "gate-out", "--policy", "policy.yaml")
    assert again.status == 1  # it stands in the evidence


def test_what_a_desk_leaves_behind_is_no_image(folders):
    ran = run(folders, "check: dataset-integrity, max_hidden: 0")

    assert ran.status == 0
    assert "._000.png" in json.dumps(ran.report["environment"]["assumed"])
