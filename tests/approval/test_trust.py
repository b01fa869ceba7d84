"""The trust file is read as strictly as a policy: all faults at once, each at its place."""

import pytest

from gate.approval.trust import read_trust
from gate.errors import DocumentError, UsageError


def faults_of(path):
    with pytest.raises(DocumentError) as refused:
        read_trust(str(path))
    return refused.value.faults


def test_a_trust_file_is_read(world):
    root = read_trust(str(world.trust(approvals=2))).root

    assert root.approvals == 2
    assert root.keys[0].name == "ci@example.com"
    assert root.keys[0].public == world.public_of("ci")
    assert root.find("0" * 64) is None


@pytest.mark.parametrize(
    ("changes", "fact", "remedy"),
    [
        ({"roles": "[runer]"}, "entry 1 of 'roles' cannot be 'runer'", "did you mean 'runner'?"),
        ({"roles": "[]"}, "the list is empty", ""),
        ({"policies": "[]"}, "the list is empty", ""),
        ({"name": '""'}, "'name' needs at least 1 character", ""),
        ({"id": f"'{'0' * 64}'"}, "the id is not that of the public key", "copy both from keygen"),
        ({"id": "'ab'"}, "'id' cannot be 'ab'", "the id of the key"),
        ({"public_key": "MCow"}, "this is no ed25519 public key", "as `validate-model keygen`"),
        ({"not_after": "2026-06-30"}, "the key ends before it begins", "mend not_after"),
        ({"not_after": "2026-02-30"}, "'2026-02-30' is no day", "YEAR-MONTH-DAY"),
    ],
)
def test_a_fault_of_a_key_is_told_at_its_place(changes, fact, remedy, world):
    path = world.trust(ci=changes)

    (fault, *_) = faults_of(path)

    assert fact in fault.fact
    assert remedy.lower() in fault.remedy.lower()
    assert fault.file == str(path)
    assert fault.line > 3


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("kind: Policy\n", "this is a 'Policy', and a 'TrustRoot' is needed here"),
        ("apiVersion: gate/v1\nkind: TrustRoot\nkeys: []\n", "the key 'approvals' is missing"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\n", "the key 'keys' is missing"),
        ("apiVersion: gate/v2\nkind: TrustRoot\napprovals: 0\nkeys: []\n", "'apiVersion'"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\nkeys: []\n", "already set"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: -1\nkeys: []\n", "'approvals'"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\ntool: {at_least: x}\n",
         "'x' is no version"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\ndata: {tset: []}\n",
         "unknown key 'tset'"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 0\nkeys: []\nwarnings: no\n",
         "is a yes-or-no"),
        ("apiVersion: gate/v1\nkind: TrustRoot\napprovals: 1\nkeys: []\n",
         "1 approvals are needed, and 0 identities may approve"),
    ],
)  # fmt: skip
def test_a_document_that_is_no_trust_root_is_refused(text, fact, world):
    faults = faults_of(world.write("trust.yaml", text))

    assert any(fact in fault.fact for fault in faults)


def test_all_faults_are_told_at_once(world):
    path = world.trust(more="warning: refuse\n", ci={"roles": "[x]"}, ann={"not_after": "later"})

    assert len(faults_of(path)) == 3


def test_a_misspelt_key_is_refused_with_the_one_that_was_meant(world):
    (fault,) = faults_of(world.trust(more="warning: refuse\n"))

    assert (fault.line, fault.column) == (4, 1)
    assert fault.fact == "unknown key 'warning'"
    assert fault.remedy == "did you mean 'warnings'?"


def test_a_key_that_stands_twice_is_refused_with_its_first_place(world):
    path = world.trust(keys=("ci", "ann", "ci"))

    (fault,) = faults_of(path)

    assert fault.fact == "this key already stands in line 5"
    assert fault.remedy == "delete one of the two"


def test_as_many_approvals_as_identities_may_be_asked_for_and_not_more(world):
    approvers = ("ann", "ann-too", "bob")

    assert read_trust(str(world.trust(approvals=2, keys=approvers))).root.approvals == 2
    (fault,) = faults_of(world.trust(approvals=3, keys=approvers))
    assert fault.fact == "3 approvals are needed, and 2 identities may approve"


def test_two_spellings_of_one_person_are_one_identity(world):
    path = world.trust(approvals=2, keys=("ann", "bob"), bob={"name": '"\u0430nn"'})

    (fault,) = faults_of(path)

    assert fault.fact == "2 approvals are needed, and 1 identities may approve"


def test_a_key_of_which_no_name_is_seen_is_refused(world):
    (fault,) = faults_of(world.trust(ann={"name": '" "'}))

    assert "names nobody" in fault.fact + fault.remedy


def test_an_absent_trust_file_is_a_usage_error(world):
    with pytest.raises(UsageError, match="no such file"):
        read_trust(str(world.folder / "nowhere.yaml"))
