"""What the verdict is of: the checkpoint, the policy and the data, held against those here."""

from collections.abc import Mapping

from gate.approval.digests import checkpoint_files
from gate.approval.door import SHOWN, Door
from gate.approval.signers import check_key_for_policy
from gate.approval.statement import read_statement
from gate.errors import AttestationError, RefusalCode
from gate.report.statement import PREDICATE_TYPE
from gate.wording import printable


def statement(door: Door) -> str:
    """Read the statement, now that its signature holds; refuse another type, and nonsense."""
    payload = door.envelope.payload if door.envelope else door.data
    door.statement = read_statement(payload, door.where)
    return f"a test result ({PREDICATE_TYPE.removeprefix('https://')})"


def checkpoint(door: Door) -> str:
    """Hash the files that will be deployed; refuse others than were judged."""
    door.files = checkpoint_files(door.request.checkpoint)
    found, judged = door.files.digests, door.judged.files
    # A single file may have been renamed; of several, the names say which is which.
    alone = len(found) == len(judged) == 1
    same = list(found.values()) == list(judged.values()) if alone else found == judged
    # The verdict names its checkpoint too: a platform may have put it on another subject.
    if not same or door.files.sha256 != door.judged.said.checkpoint:
        raise AttestationError(
            printable(str(door.request.checkpoint)),
            RefusalCode.CHECKPOINT_DIFFERS,
            _difference(found, judged) if not same else _other_verdict(door),
            "deploy the checkpoint that was judged, or have this one judged and attested",
        )
    if door.files.beside:
        shown = ", ".join(printable(name, 60) for name in door.files.beside[:5])
        more = ", ..." if len(door.files.beside) > 5 else ""
        door.notes.append(f"not covered, though in the folder: {shown}{more}")
    count = f"{len(found)} files, each" if len(found) > 1 else "the file"
    return f"{count} as judged, sha256 {door.files.sha256[:SHOWN]}"


def _other_verdict(door: Door) -> str:
    judged = door.judged.said.checkpoint
    return f"the verdict is on another checkpoint than it was put on: on sha256 {judged}"


def _difference(found: Mapping[str, str], judged: Mapping[str, str]) -> str:
    if len(found) == len(judged) == 1:
        mine, theirs = next(iter(found.values())), next(iter(judged.values()))
        return f"the sha256 of the file is {mine}, and {theirs} was judged"
    wrong = sorted(name for name in {*found, *judged} if found.get(name) != judged.get(name))
    return f"of {len(judged)} files that were judged, these differ: " + ", ".join(
        printable(name, 60) for name in wrong[:5]
    )


def policy(door: Door) -> str:
    """Refuse a verdict by another policy than resolves here, and a key that is not for it."""
    judged, here = door.judged.configuration, door.policy.resolved_sha256
    metadata = door.policy.policy.metadata
    name = f"{printable(metadata.name, 60)} {printable(metadata.version, 40)}"
    if judged.get("policy") != here:
        raise AttestationError(
            printable(door.request.policy),
            RefusalCode.POLICY_DIFFERS,
            f"{name} resolves to sha256 {here}, and the verdict is by "
            f"{judged.get('policy', 'none')}",
            "judge the saved evidence by this policy (`validate-model judge`), and attest that",
        )
    _check_bytes_of_policy(door)
    if door.signer is not None:
        check_key_for_policy(door, door.signer, door.where)
    return f"{name}, as judged, resolved sha256 {here[:SHOWN]}"


def _check_bytes_of_policy(door: Door) -> None:
    """Note, or refuse, files that say the same in other bytes: comments, the order of keys."""
    files = {
        digest
        for name, digest in door.judged.configuration.items()
        if name.startswith("policy-file:")
    }
    if files == {source.sha256 for source in door.policy.sources}:
        return
    fact = "the files of the policy say the same in other bytes than those that were judged by"
    if not door.request.reworded:
        raise AttestationError(
            printable(door.request.policy),
            RefusalCode.POLICY_EDITED,
            fact,
            "restore the files, judge by these and attest that, or accept it: --allow-reworded",
        )
    door.notes.append(f"{fact}: comments or layout")


def data(door: Door) -> str:
    """Refuse a verdict on other data than the trust file allows, where it names any."""
    allowed = {split: digests for split, digests in door.trust.data if digests is not None}
    for split, digests in allowed.items():
        found = door.judged.configuration.get(f"data:{split}")
        if found not in digests:
            what = f"has the manifest {found}" if found else "was not given"
            raise AttestationError(
                door.where,
                RefusalCode.DATA_NOT_ALLOWED,
                f"the split {split} {what}, and the trust file allows others",
                "judge on the data that is allowed, or have the trust file's owner add this",
            )
    if not allowed:
        return "any: the trust file names none"
    return f"{' and '.join(allowed)} as the trust file allows"
