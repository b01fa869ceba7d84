"""A verdict is on an artefact, too, where a rule that blocks compared it with the checkpoint."""

from dataclasses import replace
from hashlib import sha256

import pytest
from measured import as_measured

from gate.evidence.records import MeasurementFacts, Split, Subject
from gate.evidence.synthetic_run import SyntheticRun
from gate.policy.reading import read_policy
from gate.rehearsal import synthetic_evidence_for

MADE = SyntheticRun(
    test=((490, 10), (10, 490)), train=((97, 3), (3, 97)), artefacts={"int8": "int8"}
)
RULE = "  - {check: parity, artefact: int8}\n"


@pytest.fixture
def deployed(world):
    """A world with an artefact beside the checkpoint, and ways to judge and attest both."""
    path = world.folder / "int8.onnx"
    path.write_bytes(b"quantised" * 90)

    def judged(rules=RULE):
        world.write("policy.yaml", world.QUIET + rules)
        asked = read_policy(str(world.policy)).policy.rules
        made = synthetic_evidence_for(asked, MADE)
        evidence = as_measured(made, Subject(world.sha256, 1000, "safetensors"))
        test = evidence.splits[Split.TEST]
        needed = [each for rule in asked for each in rule.needs()]
        rows = replace(test.rows, observations={})
        facts = {
            each.key: MeasurementFacts(
                each.plan_facts(), each.summarise(test.rows.observed(each.key), rows)
            )
            for each in needed
        }
        splits = {**evidence.splits, Split.TEST: replace(test, measurements=facts)}
        artefact = replace(evidence.artefacts[0], sha256=sha256(path.read_bytes()).hexdigest())
        evidence = replace(evidence, splits=splits, artefacts=(artefact,))
        world.leave(world.judgement(), evidence)
        world.attest()

    world.artefact, world.judged_beside = path, judged
    return world


def test_the_artefact_is_accepted_and_so_is_the_checkpoint(deployed):
    deployed.judged_beside()

    assert deployed.code(checkpoint=deployed.artefact) is None
    assert deployed.code() is None
    said = {step.name: step.said for step in deployed.verify(checkpoint=deployed.artefact).steps}
    assert said["checkpoint"].startswith("the artefact int8")


def test_a_rule_that_only_warns_accepts_no_artefact(deployed):
    deployed.judged_beside(RULE.replace("int8}", "int8, severity: warn}"))

    assert deployed.code(checkpoint=deployed.artefact) == "checkpoint-differs"
    assert deployed.code() is None


def test_without_a_rule_no_artefact_is_accepted(deployed):
    deployed.judged_beside("")

    assert deployed.code(checkpoint=deployed.artefact) == "checkpoint-differs"


def test_an_artefact_that_was_swapped_after_the_run_is_refused(deployed):
    deployed.judged_beside()
    deployed.artefact.write_bytes(b"another" * 90)

    assert deployed.code(checkpoint=deployed.artefact) == "checkpoint-differs"


def test_a_chain_that_ends_before_the_checkpoint_accepts_nothing(deployed):
    deployed.judged_beside("  - {check: parity, artefact: int8, versus: float32}\n")

    assert deployed.code(checkpoint=deployed.artefact) == "checkpoint-differs"


@pytest.mark.parametrize("change", ["another digest", "no subject", "a twin"])
def test_a_statement_whose_artefacts_are_not_its_subjects_contradicts_itself(deployed, change):
    deployed.judged_beside()
    statement = deployed.statement()
    if change == "another digest":
        statement["subject"][-1]["digest"]["sha256"] = "0" * 64
    elif change == "no subject":
        del statement["subject"][-1]
    else:
        statement["subject"].append(statement["subject"][-1])
    deployed.attestation.write_bytes(deployed.sign(statement).read_bytes())

    assert deployed.code(checkpoint=deployed.artefact) == "statement-contradictory"


def test_a_file_of_the_checkpoint_that_is_named_like_an_artefact_stays_one(deployed):
    deployed.judged_beside("")
    statement = deployed.statement()
    statement["subject"][0]["name"] = "artefact:int8"
    deployed.sign(statement)

    assert deployed.code() is None
    assert deployed.code(checkpoint=deployed.artefact) == "checkpoint-differs"
