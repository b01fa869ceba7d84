"""Classes under parents, from the gate file to the verdict, and again from saved evidence."""

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: parents, version: 1.0.0}
rules:
  - {check: parent-recall, min: 0.80}
  - {check: accuracy, min: 0.80}
"""
JUDGE = ("judge", "gate-out", "--policy", "policy.yaml", "--out", "gate-out")


def outcomes(ran):
    return {each["key"]: each["outcome"] for each in ran.report["results"]}


def test_parents_are_declared_kept_in_evidence_and_judged_again(project):
    project.folders("test", 100)
    project.gatefile["data"] = {"test": {"path": "test"}}
    project.write("policy.yaml", POLICY)

    ran = project.run("--no-cache", classes={"night": ["dark"], "day": ["bright"]})

    assert (ran.status, ran.report["subject"]["classes"]) == (0, ["dark", "bright"]), ran.err
    assert outcomes(ran) == {
        "parent-recall[part=night]": "passed",
        "parent-recall[part=day]": "passed",
        "accuracy": "passed",
    }
    again = project.command(*JUDGE)
    assert (again.digest, again.status) == (ran.digest, 0)


def test_without_parents_the_lines_to_write_are_named(project):
    project.folders("test", 100)
    project.gatefile["data"] = {"test": {"path": "test"}}
    project.write("policy.yaml", POLICY)

    ran = project.run("--no-cache", classes=["dark", "bright"])

    (open_,) = [each for each in ran.report["results"] if each["rule"] == "parent-recall"]
    assert (ran.status, open_["outcome"]) == (3, "inconclusive")
    assert "classes: {PARENT: [CLASS, ...], ...}" in open_["remedy"]
