"""One byte of what is held up at deployment is another: nothing else is accepted in its place.

Each position of a file takes several values, loses its byte and gains one. Where bytes may differ
without meaning anything else (a comment in a policy), the claim says so.
"""

import random
from dataclasses import replace

import pytest

from gate.approval.trust import read_trust
from gate.approval.verify import begin, go_through
from gate.errors import DocumentError, UsageError
from gate.policy.reading import read_policy

pytestmark = pytest.mark.slow  # thousands of changed documents

SPACES = b" \t\r\n"


def changed(data, position, values):
    """Yield other bytes: one bit, the case, a value in place; one byte less, one byte more."""
    byte = data[position]
    for other in sorted({byte ^ 1, byte ^ 0x20, byte ^ 0x80, *values} - {byte}):
        yield data[:position] + bytes([other]) + data[position + 1 :]
    yield data[:position] + data[position + 1 :]
    for other in b" A":
        yield data[:position] + bytes([other]) + data[position:]


def every_change(data, values=b"A=" + SPACES):
    """Yield every change of every position, and what may be added at the end; each once."""
    seen = {data}
    for position in range(len(data)):
        for other in changed(data, position, values):
            if other not in seen:
                seen.add(other)
                yield other
    yield from (data + bytes([more]) for more in b" \n\x00}")


def test_every_change_of_the_envelope_is_refused(world):
    verification = begin(world.request())
    assert go_through(verification).accepted

    accepted = [
        other
        for other in every_change(verification.data)
        if go_through(replace(verification, data=other, envelope=None, signer=None)).accepted
    ]

    assert accepted == []


def test_every_change_of_an_approval_is_refused(world):
    world.trust(approvals=1)
    path = world.approve()
    verification = begin(world.request(approvals=(path,)))
    assert go_through(replace(verification, approvals=[])).accepted

    accepted = [
        other
        for other in every_change(path.read_bytes())
        if go_through(replace(verification, approval_data=(other,), approvals=[])).accepted
    ]

    assert accepted == []


def test_an_approval_is_refused_after_every_change_of_what_it_approves(world):
    """Not only because the signature breaks: the digest of the whole file is bound."""
    path = world.approve()
    verification = begin(world.request(approvals=(path,)))
    signed = world.sign(world.statement() | {"x": 1}).read_bytes()

    came = go_through(replace(verification, data=signed))

    assert came.refused == "approvals"


def read_after_every_change(path, read):
    """Return (bytes, what they say) of every change of a document that can still be read."""
    found = []
    for other in every_change(path.read_bytes(), values=b" \n"):
        path.write_bytes(other)
        try:
            found.append((other, read(str(path))))
        except (DocumentError, UsageError):
            continue
    assert found, "some change can be read: of a comment, a name, a day"
    return found


def test_every_change_of_the_policy_is_refused_or_says_the_very_same(world):
    exact = begin(world.request())
    verification = replace(exact, request=world.request(reworded=True))
    before = verification.policy.policy.resolved()
    assert go_through(exact).accepted

    read = read_after_every_change(world.policy, read_policy)

    accepted = [
        policy for _, policy in read if go_through(replace(verification, policy=policy)).accepted
    ]
    assert accepted  # the comment
    assert all(policy.policy.resolved() == before for policy in accepted)
    # Unless rewording is allowed, not even a comment may differ.
    assert not any(go_through(replace(exact, policy=policy)).accepted for _, policy in read)


def test_no_change_of_the_trust_file_lets_another_key_sign_and_none_passes_its_pin(world):
    path = world.trust(keys=("ci",))
    pinned = begin(world.request(trust_sha256=read_trust(str(path)).sha256))
    forged = world.sign(world.statement(), "stranger", name="forged.jsonl")
    verification = begin(world.request(attestation=forged))
    assert go_through(pinned).accepted

    read = read_after_every_change(path, read_trust)

    keys = {key.public for _, trust in read for key in trust.root.keys}
    assert keys == {world.public_of("ci")}
    assert not any(
        go_through(replace(verification, trust_file=trust)).accepted for _, trust in read
    )
    assert not any(go_through(replace(pinned, trust_file=trust)).accepted for _, trust in read)


def test_sampled_changes_of_the_checkpoint_are_refused(world):
    data = world.checkpoint.read_bytes()
    verification = begin(world.request())
    sample = random.Random(9).sample(range(len(data)), 60)

    accepted = []
    for position in [0, len(data) - 1, *sample]:
        for other in changed(data, position, values=b"A"):
            world.checkpoint.write_bytes(other)
            if go_through(verification).accepted:
                accepted.append(position)

    assert accepted == []


@pytest.mark.parametrize("more", [b"", b"\x00"])
def test_a_shorter_or_longer_checkpoint_is_refused(more, world):
    world.checkpoint.write_bytes(world.checkpoint.read_bytes()[: -1 if not more else None] + more)

    assert world.verify().refused == "checkpoint"
