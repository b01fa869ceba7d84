"""A checkpoint that was judged, people with keys, and a deployment to hold all of it up to."""

import hashlib
import json
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as forms
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from measured import as_measured

from gate.approval.approve import approve
from gate.approval.attest import attest
from gate.approval.envelope import PAYLOAD_TYPE, Envelope, pre_authentication_encoding
from gate.approval.keys import key_id, public_text, read_signing_key
from gate.approval.verification import Request
from gate.approval.verify import verify
from gate.evidence.records import Subject
from gate.evidence.store import save
from gate.evidence.synthetic_evidence import synthetic_evidence
from gate.evidence.synthetic_run import SyntheticRun
from gate.evidence.times import as_text
from gate.policy.reading import read_policy
from gate.policy.record import PolicyRecord
from gate.policy.waivers import read_waivers
from gate.report.canonical import canonical
from gate.report.judgement import Judged, Judgement, sha256_of

JUDGED = datetime(2026, 8, 1, 12, tzinfo=UTC)
NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
GOOD = SyntheticRun(test=((490, 10), (10, 490)), train=((97, 3), (3, 97)))
WAIVED = SyntheticRun(test=((490, 10), (90, 410)), train=((97, 3), (3, 97)))
BAD = SyntheticRun(test=((490, 10), (400, 100)), train=((97, 3), (3, 97)))

POLICY = """\
apiVersion: gate/v1
kind: Policy
metadata: {name: release, version: '1'}  # of the tests
rules:
  - {id: accuracy, check: accuracy, min: 0.85}
  - {id: recall, check: recall, min: 0.9}
  - {id: strict, check: precision, min: 0.99, severity: warn}
"""
QUIET = POLICY.replace("  - {id: strict, check: precision, min: 0.99, severity: warn}\n", "")
WAIVERS = """\
apiVersion: gate/v1
kind: WaiverSet
waivers:
  - {{result: 'recall[class=dog]', checkpoint: "{checkpoint}", floor: 0.7, reason: later,
      ticket: SAFE-12, requested_by: '@bob', approved_by: '@eve', approved_on: 2026-07-01,
      expires: 2026-08-20}}
"""
PEOPLE = {
    # name of the key -> (seed, identity, role)
    "ci": (1, "ci@example.com", "runner"),
    "ann": (2, "ann", "approver"),
    "ann-too": (3, "@Ann", "approver"),
    "bob": (4, "bob", "approver"),
    "self": (5, "CI@example.com", "approver"),
    "stranger": (6, "mallory", "runner"),
}
TRUSTED = ("ci", "ann", "ann-too", "bob", "self")


def private_key(who):
    return Ed25519PrivateKey.from_private_bytes(bytes([PEOPLE[who][0]]) * 32)


def public_of(who):
    return private_key(who).public_key().public_bytes_raw()


def entry(who, **changes):
    _, name, role = PEOPLE[who]
    values = {
        "id": f'"{key_id(public_of(who))}"',
        "name": f'"{name}"',
        "roles": f"[{role}]",
        "public_key": public_text(public_of(who)),
        "not_before": "2026-07-01",
        "not_after": "2026-12-31",
        "policies": "[release]",
        **changes,
    }
    lines = [f"    {key}: {value}" for key, value in values.items()]
    return "\n".join(["  - " + lines[0].strip(), *lines[1:]])


def trust_text(*, approvals=0, more="", keys=TRUSTED, **changes):
    """Return a trust file; ``changes`` are key -> changed values, such as ci={...}."""
    head = f"apiVersion: gate/v1\nkind: TrustRoot\napprovals: {approvals}\n{more}keys:\n"
    return head + "\n".join(entry(who, **changes.get(who, {})) for who in keys) + "\n"


@dataclass
class World:
    """A folder with all that a deployment needs, and short names for what people do there."""

    folder: Path

    JUDGED = JUDGED
    NOW = NOW
    GOOD = GOOD
    WAIVED = WAIVED
    BAD = BAD
    QUIET = QUIET
    WARNING = POLICY  # a policy of which the good model misses a rule that only warns
    trust_text = staticmethod(trust_text)
    private_key = staticmethod(private_key)
    public_of = staticmethod(public_of)

    @property
    def checkpoint(self):
        return self.folder / "model.pt"

    @property
    def policy(self):
        return self.folder / "policy.yaml"

    @property
    def attestation(self):
        return self.folder / "model.intoto.jsonl"

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def trust(self, **changes):
        return self.write("trust.yaml", trust_text(**changes))

    def key(self, who):
        pem = private_key(who).private_bytes(
            forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
        )
        return self.write(f"{who}.key", pem.decode())

    def judge(
        self, made=GOOD, *, sha256=None, waivers=False, enforced=True, started=JUDGED, **facts
    ):
        """Leave the report on made-up evidence; ``facts`` are fields of it, such as plugins."""
        found = sha256 or self.sha256
        evidence = as_measured(synthetic_evidence(made), Subject(found, 1000, "safetensors"))
        evidence = replace(evidence, **facts)
        return self.leave(self.judgement(waivers, enforced), evidence, started)

    @property
    def sha256(self):
        return hashlib.sha256(self.checkpoint.read_bytes()).hexdigest()

    def judgement(self, waivers=False, enforced=True):
        """Return by what a run judges: the policy, and with ``waivers`` one of its recall."""
        accepted = ()
        if waivers:
            path = self.write("waivers.yaml", WAIVERS.format(checkpoint=self.sha256))
            accepted = read_waivers([str(path)])
        return Judgement(PolicyRecord.of(read_policy(str(self.policy))), accepted, enforced)

    def leave(self, judgement, evidence, started=JUDGED, measured=None):
        """Leave report, evidence and what it was judged by, as a run does."""
        evidence = replace(evidence, measured_at=(measured or started).replace(microsecond=0))
        save(evidence, self.folder / "evidence.sqlite")
        judged = Judged(judgement, sha256_of(self.folder / "evidence.sqlite"))
        self.write("judged.json", judged.to_json())
        run = {
            "started": started.isoformat(),
            "measured_at": as_text(evidence.measured_at),
            "answers_from_cache": 0,
            "engines": evidence.packages_of_engines,
        }
        report = judgement.report_on(evidence, at=started, run=lambda: run)
        self.write("report.json", report.to_json())
        return report

    def attest(self, who="ci", *, checkpoint=None, now=NOW, **options):
        """Sign what comes of judging again; return the path of the attestation."""
        key = read_signing_key(str(self.key(who)))
        made = attest(self.folder, checkpoint or self.checkpoint, now=now, **options)
        self.attestation.write_bytes(made.signed(key).to_bytes())
        return self.attestation

    def statement(self):
        """Return the statement that was signed last, to be changed and signed again."""
        return json.loads(self.envelope().payload)

    def envelope(self):
        from gate.approval.envelope import read_envelope

        return read_envelope(self.attestation.read_bytes(), "")

    def sign(self, payload, who="ci", *, payload_type=PAYLOAD_TYPE, name="model.intoto.jsonl"):
        """Sign a payload, bytes or a statement, as who holds a trusted key could do by hand."""
        data = payload if isinstance(payload, bytes) else canonical(payload)
        signature = private_key(who).sign(pre_authentication_encoding(payload_type, data))
        sealed = Envelope(data, payload_type, key_id(public_of(who)), signature)
        path = self.folder / name
        path.write_bytes(sealed.to_bytes())
        return path

    def approve(self, who="ann", *, now=NOW, reason="it is fit"):
        made = approve(
            self.attestation, read_signing_key(str(self.key(who))), reason=reason, now=now
        )
        path = self.folder / f"{who}.approval.jsonl"
        path.write_bytes(made.envelope.to_bytes())
        return path

    def request(self, **changes):
        given = {
            "checkpoint": self.checkpoint,
            "attestation": self.attestation,
            "policy": str(self.policy),
            "trust": str(self.folder / "trust.yaml"),
            "now": NOW,
        }
        return Request(**{**given, **changes})

    def verify(self, **changes):
        return verify(self.request(**changes))

    def code(self, **changes):
        """Return the code of the refusal, None where it was accepted."""
        refusal = self.verify(**changes).refusal
        return refusal and refusal.code


@pytest.fixture
def world(attested, tmp_path):
    """Return a world in which a good model was judged and attested, and needs no approval."""
    return World(Path(shutil.copytree(attested, tmp_path, dirs_exist_ok=True)))


@pytest.fixture(scope="session")
def attested(tmp_path_factory):
    """Return the folder of that world, made once for all tests, which get copies."""
    made = World(tmp_path_factory.mktemp("attested"))
    made.checkpoint.write_bytes(b"weights" * 600)
    made.write("policy.yaml", QUIET)
    made.trust()
    made.judge()
    made.attest()
    return made.folder
