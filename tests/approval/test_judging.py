"""Attest judges again: a report is believed as far as its evidence says the same."""

import json
import math
import os
import sqlite3
from hashlib import sha256

import pytest
from measured import as_measured

from gate.approval.attest import attest
from gate.approval.judging import judge_again
from gate.errors import AttestationError, EvidenceError, RefusalCode
from gate.evidence.records import Subject
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.report.judgement import FILE_NAME as JUDGED
from gate.report.statement import EXTENSION

VERDICTS = {
    "good": {"made": "GOOD"},
    "bad": {"made": "BAD"},
    "waived": {"made": "WAIVED", "waivers": True},
    "audit": {"made": "GOOD", "enforced": False},
}


def refused(world, **options):
    """Return the code with which the folder is refused."""
    with pytest.raises(AttestationError) as error:
        world.attest(**options)
    assert error.value.exit_status == 5
    assert error.value.remedy
    return error.value.code


def edit(world, name, change):
    """Change a JSON file of the folder, in the form in which it is written."""
    path = world.folder / name
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def reseal(world):
    """State the digest of the evidence that lies there, as whoever swaps it would."""
    found = sha256((world.folder / "evidence.sqlite").read_bytes()).hexdigest()
    edit(world, JUDGED, lambda judged: judged.update(evidence_sha256=found))


def call_it_a_pass(report):
    report.update(verdict="pass", passed=True)
    report["decision"].update(exit_status=0, reasons=[])
    for result in report["results"]:
        result["outcome"] = "passed"


@pytest.mark.parametrize("name", VERDICTS)
def test_the_report_that_is_made_again_is_the_report(name, world):
    options = dict(VERDICTS[name])
    report = world.judge(getattr(world, options.pop("made")), **options)

    assert judge_again(world.folder).to_json() == report.to_json()


@pytest.mark.parametrize(("policy", "result"), [("QUIET", "PASSED"), ("WARNING", "WARNED")])
def test_a_pass_that_the_evidence_bears_out_is_signed_and_accepted(policy, result, world):
    world.policy.write_text(getattr(world, policy))
    world.judge()
    world.attest()

    assert world.statement()["predicate"]["result"] == result
    assert world.verify().accepted


def test_results_that_a_faulty_call_put_aside_are_signed_by_way_of_judging_again(world):
    world.judge()
    for name in ("report.json", "evidence.sqlite", "judged.json"):
        file = world.folder / name
        file.rename(file.with_name(f"{file.stem}.previous{file.suffix}"))

    with pytest.raises(EvidenceError) as error:
        judge_again(world.folder)

    aside = world.folder / "evidence.previous.sqlite"
    assert f"validate-model judge {aside} --policy POLICY --out DIR" in error.value.remedy
    assert "attest DIR" in error.value.remedy


def test_an_edited_verdict_is_not_signed(world):
    world.judge(world.BAD)
    edit(world, "report.json", call_it_a_pass)

    assert refused(world) == RefusalCode.REPORT_DIFFERS


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r["results"][0]["measured"].update(value=0.999),
        lambda r: r["results"].pop(),
        lambda r: r["policy"].update(resolved_sha256="0" * 64),
        lambda r: r["policy"]["sources"][0].update(sha256="0" * 64),
        lambda r: r["data"]["test"].update(manifest_sha256="0" * 64),
        lambda r: r["configuration"].update(critical=["cat"]),
        lambda r: r["configuration"]["digests"].update(input="0" * 64),
        lambda r: r["subject"].update(sha256="0" * 64),
        lambda r: r["decision"].update(enforced=False),
        lambda r: r["metrics"][0].update(value=0.5),
        lambda r: r["environment"].update(seed="1"),
        lambda r: r["errors"].append({"where": "", "kind": "", "message": "", "remedy": ""}),
        lambda r: r["tool"].update(version="9.9.9"),
        lambda r: r["run"].update(measured_at="2026-07-20T12:00:00+00:00"),
        lambda r: r["run"].update(answers_from_cache=7),
    ],
)
def test_no_part_of_a_report_may_say_otherwise_than_its_evidence(change, world):
    edit(world, "report.json", change)

    assert refused(world) == RefusalCode.REPORT_DIFFERS


def test_the_places_that_differ_are_named(world):
    edit(world, "report.json", lambda r: r["results"][0].update(proven=False))

    with pytest.raises(AttestationError, match=r"at results\.recall\[class=\w+\]\.proven;"):
        world.attest()


def test_a_report_in_other_bytes_is_not_signed(world):
    path = world.folder / "report.json"
    path.write_text(path.read_text() + " ")

    assert refused(world) == RefusalCode.REPORT_DIFFERS


def test_a_number_that_another_processor_rounds_otherwise_is_signed(world):
    def nudge(report):
        for part in (*report["metrics"], *(each["measured"] for each in report["results"])):
            if part["value"]:
                part["value"] = math.nextafter(part["value"], 0)

    edit(world, "report.json", nudge)
    world.attest()

    assert world.verify().accepted


def test_a_report_alone_is_not_signed(world):
    with pytest.raises(AttestationError) as error:
        attest(world.folder / "report.json", world.checkpoint, now=world.NOW)

    assert error.value.code == RefusalCode.REPORT_ALONE
    assert "give the folder" in error.value.remedy


@pytest.mark.parametrize("name", ["evidence.sqlite", JUDGED])
def test_a_report_without_what_it_was_judged_from_is_not_signed(name, world):
    (world.folder / name).unlink()

    assert refused(world) == RefusalCode.REPORT_ALONE


def test_a_folder_without_a_report_is_an_error_in_words(world):
    (world.folder / "report.json").unlink()

    with pytest.raises(EvidenceError, match="there is no report"):
        world.attest()


def test_evidence_that_was_changed_afterwards_is_not_signed(world):
    with sqlite3.connect(world.folder / "evidence.sqlite") as database:
        database.execute("UPDATE rows SET prediction = label WHERE split = 'test'")

    assert refused(world) == RefusalCode.EVIDENCE_DIFFERS


def test_changed_evidence_under_its_new_digest_contradicts_the_report(world):
    world.judge(world.BAD)
    with sqlite3.connect(world.folder / "evidence.sqlite") as database:
        database.execute(
            "UPDATE rows SET prediction = label, true_rank = 0, true_score = confidence, scores = "
            "CASE label WHEN 0 THEN x'0000403f0000803e' ELSE x'0000803e0000403f' END"
        )
    reseal(world)

    assert refused(world) == RefusalCode.REPORT_DIFFERS


def test_a_folder_of_another_model_is_not_signed_for_this_one(world):
    evidence = as_measured(synthetic_evidence(world.GOOD), Subject("1" * 64, 1000, "safetensors"))
    world.leave(world.judgement(), evidence)

    assert refused(world) == RefusalCode.CHECKPOINT_DIFFERS


def test_weaker_rules_under_the_old_digest_are_not_judged_by(world):
    def weaken(judged):
        for rule in judged["policy"]["resolved"]["rules"]:
            rule["min"] = 0.01

    world.judge(world.BAD)
    edit(world, JUDGED, weaken)
    edit(world, "report.json", call_it_a_pass)

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


def test_weaker_rules_under_their_own_digest_are_refused_at_the_door(world):
    strict = world.policy.read_text()
    world.policy.write_text(strict.replace("0.85", "0.01").replace("0.9}", "0.01}"))
    world.judge(world.BAD)
    world.attest()
    world.policy.write_text(strict)

    assert world.code() == RefusalCode.POLICY_DIFFERS


def test_a_waiver_that_was_added_afterwards_contradicts_the_report(world):
    world.judge(world.WAIVED, waivers=True)
    added = json.loads((world.folder / JUDGED).read_text())["waivers"]
    world.judge(world.WAIVED)
    edit(world, JUDGED, lambda judged: judged.update(waivers=added))

    assert refused(world) == RefusalCode.REPORT_DIFFERS


@pytest.mark.parametrize(
    "change",
    [
        {"approved_by": "bob"},
        {"requested_by": " @EVE "},
        {"expires": "2026-02-30"},
        {"checkpoint": "ab"},
        {"more": "x"},
    ],
)
def test_a_waiver_that_no_document_could_hold_is_not_judged_by(change, world):
    world.judge(world.WAIVED, waivers=True)
    edit(world, JUDGED, lambda judged: judged["waivers"][0]["waiver"].update(change))

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


def test_a_result_is_waived_once(world):
    world.judge(world.WAIVED, waivers=True)
    edit(world, JUDGED, lambda judged: judged["waivers"].append(judged["waivers"][0]))

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


def test_a_waiver_that_held_is_signed_and_said_once_it_has_expired(world):
    world.judge(world.WAIVED, waivers=True)

    still, late = (
        attest(world.folder, world.checkpoint, now=world.NOW.replace(day=day)) for day in (20, 21)
    )

    assert still.result == late.result == "WARNED"
    assert still.notes == ()
    (note,) = late.notes
    assert "SAFE-12" in note
    assert "2026-08-20" in note


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "{", '{"version": 2}', '{"version": 1, "policy": {}}', "[" * 100_000],
)
def test_a_record_that_cannot_be_read_is_refused_in_words(text, world):
    (world.folder / JUDGED).write_text(text)

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p["resolved"]["rules"].clear(),
        lambda p: p["resolved"]["rules"][0].update(check="no-such-check"),
        lambda p: p["resolved"]["rules"][0].update(min="0.1"),
        lambda p: p["resolved"].update(apiVersion="gate/v2"),
        lambda p: p["places"].clear(),
        lambda p: p["places"].update(accuracy=["policy.yaml", "5", 3]),
        lambda p: p.update(sources=[{"path": 1, "sha256": 2}]),
        lambda p: p.update(resolved_sha256=None),
    ],
)
def test_a_policy_that_no_file_could_hold_is_refused_in_words(change, world):
    edit(world, JUDGED, lambda judged: change(judged["policy"]))

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


def test_what_was_judged_is_attested_with_what_it_rests_on(world):
    said = world.statement()["predicate"]

    assert said[EXTENSION]["classes"] == ["cat", "dog"]
    assert said[EXTENSION]["critical"] == []
    assert said[EXTENSION]["champion"] is None
    assert said[EXTENSION]["measuredAt"] == said[EXTENSION]["judgedAt"]
    assert {each["name"] for each in said["configuration"]} >= {
        f"configuration:{name}"
        for name in ("input", "output", "weights", "slices", "groups", "code")
    }


@pytest.mark.parametrize(
    "change",
    [
        lambda j: j["waivers"][0].update(line=math.inf),
        lambda j: j["waivers"][0].update(line=math.nan),
        lambda j: j["waivers"][0].update(line=10**400),
        lambda j: j["waivers"][0].update(line=True),
        lambda j: j["waivers"][0].update(column=0),
        lambda j: j["waivers"][0].update(file="\ud800"),
        lambda j: j["policy"]["sources"][0].update(path="\ud800"),
        lambda j: j["policy"]["sources"][0].update(sha256="zz"),
        lambda j: j["policy"].update(sha256="\ud800"),
        lambda j: j["policy"]["places"].update(accuracy=["\udfff", 1, 1]),
        lambda j: j["policy"]["places"].update(accuracy=["p", 10**300, -5]),
        lambda j: j.update(evidence_sha256="\ud800"),
    ],
)
def test_what_no_run_can_have_written_is_refused_in_words(change, world):
    world.judge(world.WAIVED, waivers=True)
    judged = json.loads((world.folder / JUDGED).read_text())
    change(judged)
    (world.folder / JUDGED).write_text(json.dumps(judged))

    assert refused(world) == RefusalCode.JUDGEMENT_MALFORMED


def as_pipe(path):
    os.mkfifo(path)


def as_endless(path):
    path.symlink_to("/dev/zero")


def as_large(path):
    with path.open("wb") as stream:
        stream.truncate(1 << 40)


@pytest.mark.parametrize("make", [as_pipe, as_endless, as_large])
@pytest.mark.parametrize("name", ["report.json", "evidence.sqlite", JUDGED])
def test_what_has_no_end_is_refused_and_not_read(name, make, world):
    (world.folder / name).unlink()
    make(world.folder / name)

    with pytest.raises((AttestationError, EvidenceError)):
        world.attest()


def test_evidence_that_is_longer_than_it_says_is_not_read_to_its_end(world):
    with (world.folder / "evidence.sqlite").open("r+b") as stream:
        stream.truncate(1 << 35)

    with pytest.raises(EvidenceError, match="as long as its header says"):
        world.attest()
