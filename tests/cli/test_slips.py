"""One file of the trade in the place of another is recognised, and what was meant is said."""

import pytest
from click.testing import CliRunner

from gate.cli import program
from gate.cli.slips import kind_of
from gate.errors import GateError, UsageError
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun

GATEFILE = "apiVersion: gate/v1\nkind: Validation\npolicy: baseline\n"
POLICY = "apiVersion: gate/v1\nkind: Policy\nmetadata: {name: p, version: '1'}\n"


@pytest.fixture(autouse=True)
def desk(tmp_path, monkeypatch):
    """A folder with one file of each kind."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(GATEFILE)
    (tmp_path / "policy.yaml").write_text(POLICY)
    (tmp_path / "waivers.yaml").write_text("apiVersion: gate/v1\nkind: WaiverSet\n")
    (tmp_path / "report.json").write_text('{\n  "schema_version": "1.0"\n}\n')
    (tmp_path / "best.pt").write_bytes(b"PK\x03\x04 and so on")
    (tmp_path / "old.pth").write_bytes(b"\x80\x02}q\x00.")
    (tmp_path / "test.csv").write_text("id,label,cat,dog\n1,cat,0.9,0.1\n2,dog,0.2,0.8\n")
    (tmp_path / "photos").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.json").write_text("{}")
    save(synthetic_evidence(SyntheticRun(test=((9, 1), (1, 9)))), tmp_path / "evidence.sqlite")
    return tmp_path


def told(*arguments):
    """Return what a call says; it ends as wrong usage, and writes nothing."""
    done = CliRunner().invoke(program, arguments)
    assert isinstance(done.exception, UsageError), done.output
    return str(done.exception)


@pytest.mark.parametrize(
    ("call", "remedy"),
    [
        ("run report.json", "validate-model render report.json"),
        ("run out", "validate-model render out"),
        ("run evidence.sqlite", "validate-model judge evidence.sqlite --policy"),
        ("run best.pt", "--checkpoint best.pt"),
        ("run old.pth", "--checkpoint old.pth"),
        ("run policy.yaml", "run GATEFILE --policy policy.yaml"),
        ("run waivers.yaml", "--waivers waivers.yaml"),
        ("run test.csv", "--predictions test.csv"),
        ("run photos", "validate-model init photos"),
        ("shard best.pt --index 0 --of 2", "--checkpoint best.pt"),
        ("merge mine.yaml", "merge --gatefile mine.yaml"),
        ("merge policy.yaml", "merge --policy policy.yaml"),
        ("judge mine.yaml --policy baseline", "validate-model run mine.yaml"),
        ("judge policy.yaml --policy baseline", "judge gate-out --policy policy.yaml"),
        ("judge out/report.json --policy baseline", "judge out --policy"),
        ("render mine.yaml", "run mine.yaml -o html=report.html"),
        ("render evidence.sqlite", "validate-model render ."),
        ("render best.pt", "validate-model inspect best.pt"),
        ("run mine.yaml --policy mine.yaml --test photos --checkpoint best.pt --model a:b --size 8",
         "validate-model run mine.yaml"),
        ("policy lint mine.yaml", "validate-model run mine.yaml"),
        ("plan --gatefile policy.yaml", "run GATEFILE --policy policy.yaml"),
    ],
)  # fmt: skip
def test_a_slip_is_told_what_was_meant(call, remedy, desk):
    before = sorted(each.name for each in desk.iterdir())

    if "judge out/report" in call:
        (desk / "out" / "report.json").write_text('{"schema_version": "1.0"}')

    assert remedy in told(*call.split())
    assert sorted(each.name for each in desk.iterdir()) == before


def test_a_table_of_predictions_is_recognised_where_images_are_asked_for(desk):
    asked = told("run", "--test", "test.csv", "--policy", "smoke")

    assert "--predictions test.csv in place of --test" in asked


@pytest.mark.parametrize("name", ["mine.yaml", "nowhere.yaml", "notes.txt"])
def test_what_is_right_or_not_known_is_left_to_its_reader(name, desk):
    (desk / "notes.txt").write_text("remember the milk\n")

    with pytest.raises(GateError) as error:
        raise CliRunner().invoke(program, ["run", name]).exception

    assert "is needed here" not in str(error.value)


def test_what_a_shard_left_and_what_a_run_left_are_no_slips(desk):
    assert kind_of(desk / "evidence.sqlite") == "evidence"
    judged = CliRunner().invoke(program, ["judge", "evidence.sqlite", "--policy", "smoke"])

    assert not isinstance(judged.exception, GateError)
