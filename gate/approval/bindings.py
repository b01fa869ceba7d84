"""The checkpoint, policy and data of a verdict are compared with those at hand."""

from collections.abc import Mapping

from gate.approval.digests import checkpoint_files
from gate.approval.signers import check_key_for_policy
from gate.approval.statement import PLUGIN, read_statement
from gate.approval.verification import SHOWN, Verification
from gate.errors import AttestationError, RefusalCode
from gate.report.statement import PREDICATE_TYPE
from gate.wording import printable


def statement(verification: Verification) -> str:
    """Read the statement, now that its signature holds, and return its type in words.

    Raises AttestationError for another type, and for what is no statement.
    """
    payload = verification.envelope.payload if verification.envelope else verification.data
    verification.statement = read_statement(payload, verification.where)
    return f"a test result ({PREDICATE_TYPE.removeprefix('https://')})"


def checkpoint(verification: Verification) -> str:
    """Hash the files that will be deployed, and return in words that they are those judged.

    An artefact that the verdict covers is as good as the checkpoint.

    Raises AttestationError for other files than were judged, UsageError for files that cannot be
    read.
    """
    verification.files = checkpoint_files(verification.request.checkpoint)
    if (artefact := _artefact(verification, verification.files.sha256)) is not None:
        shown = verification.files.sha256[:SHOWN]
        return f"the artefact {printable(artefact, 40)}, found to answer as judged, sha256 {shown}"
    found, judged = verification.files.digests, verification.judged.files
    # A single file may have been renamed; of several, the names say which is which.
    alone = len(found) == len(judged) == 1
    same = list(found.values()) == list(judged.values()) if alone else found == judged
    # The verdict names its checkpoint too: a platform may have put it on another subject.
    if not same or verification.files.sha256 != verification.judged.said.checkpoint:
        raise AttestationError(
            printable(str(verification.request.checkpoint)),
            RefusalCode.CHECKPOINT_DIFFERS,
            _difference(found, judged) if not same else _other_verdict(verification),
            "deploy the checkpoint that was judged, or have this one judged and attested",
        )
    if verification.files.beside:
        shown = ", ".join(printable(name, 60) for name in verification.files.beside[:5])
        more = ", ..." if len(verification.files.beside) > 5 else ""
        verification.notes.append(f"not covered, though in the folder: {shown}{more}")
    count = f"{len(found)} files, each" if len(found) > 1 else "the file"
    return f"{count} as judged, sha256 {verification.files.sha256[:SHOWN]}"


def _artefact(verification: Verification, sha256: str) -> str | None:
    """Return the name of the artefact with a digest that the verdict is on; None for another."""
    covered = verification.judged.said.artefacts
    return next((name for name, each in covered.items() if each == sha256), None)


def _other_verdict(verification: Verification) -> str:
    judged = verification.judged.said.checkpoint
    return f"the verdict is on another checkpoint than it was put on: on sha256 {judged}"


def _difference(found: Mapping[str, str], judged: Mapping[str, str]) -> str:
    if len(found) == len(judged) == 1:
        mine, theirs = next(iter(found.values())), next(iter(judged.values()))
        return f"the sha256 of the file is {mine}, and {theirs} was judged"
    wrong = sorted(name for name in {*found, *judged} if found.get(name) != judged.get(name))
    return f"of {len(judged)} files that were judged, these differ: " + ", ".join(
        printable(name, 60) for name in wrong[:5]
    )


def policy(verification: Verification) -> str:
    """Return in words that the verdict is by the policy that resolves here.

    Raises AttestationError for another policy, and for a key that is not for it.
    """
    judged, here = verification.judged.configuration, verification.policy.resolved_sha256
    metadata = verification.policy.policy.metadata
    name = f"{printable(metadata.name, 60)} {printable(metadata.version, 40)}"
    _check_plugins(verification)
    if judged.get("policy") != here:
        raise AttestationError(
            printable(verification.request.policy),
            RefusalCode.POLICY_DIFFERS,
            f"{name} resolves to sha256 {here}, and the verdict is by "
            f"{judged.get('policy', 'none')}",
            "judge the saved evidence by this policy (`validate-model judge`), and attest that",
        )
    _check_bytes_of_policy(verification)
    if verification.signer is not None:
        check_key_for_policy(verification, verification.signer, verification.where)
    return f"{name}, as judged, resolved sha256 {here[:SHOWN]}"


def _check_plugins(verification: Verification) -> None:
    """Refuse a verdict by checks of another version of a package than is installed here."""
    judged = verification.judged
    same_policy = judged.configuration.get("policy") == verification.policy.resolved_sha256
    for here in verification.policy.packages:
        version = judged.said.plugins.checks.get(here.name)
        if version is None and not same_policy:
            continue  # and said by the policy, which lists other packages
        digest = judged.configuration.get(f"{PLUGIN}{here.name}")
        if (version, digest) == (here.version, here.sha256):
            continue
        then = "no known version" if version is None else f"version {printable(version, 40)}"
        now = f"{here.version} is installed here"
        if version == here.version:
            now = f"its files are others here (sha256 {here.sha256}, and {digest} then)"
        raise AttestationError(
            f"plugin {printable(here.name, 80)}",
            RefusalCode.PLUGIN_DIFFERS,
            f"the verdict is by its checks of {then}, and {now}",
            f"install the {printable(here.name, 80)} that judged, or judge the saved evidence by "
            "this one (`validate-model judge`), and attest that",
        )


def _check_bytes_of_policy(verification: Verification) -> None:
    """Note, or refuse, files that say the same in other bytes: comments, the order of keys."""
    files = {
        digest
        for name, digest in verification.judged.configuration.items()
        if name.startswith("policy-file:")
    }
    if files == {source.sha256 for source in verification.policy.sources}:
        return
    fact = "the files of the policy say the same in other bytes than those that were judged by"
    if not verification.request.reworded:
        raise AttestationError(
            printable(verification.request.policy),
            RefusalCode.POLICY_EDITED,
            fact,
            "restore the files, judge by these and attest that, or accept it: --allow-reworded",
        )
    verification.notes.append(f"{fact}: comments or layout")


def data(verification: Verification) -> str:
    """Return in words that the data is what the trust file allows, where it names any.

    Raises AttestationError for other data.
    """
    allowed = {split: digests for split, digests in verification.trust.data if digests is not None}
    for split, digests in allowed.items():
        found = verification.judged.configuration.get(f"data:{split}")
        if found not in digests:
            what = f"has the manifest {found}" if found else "was not given"
            raise AttestationError(
                verification.where,
                RefusalCode.DATA_NOT_ALLOWED,
                f"the split {split} {what}, and the trust file allows others",
                "judge on the data that is allowed, or have the trust file's owner add this",
            )
    if not allowed:
        return "any: the trust file names none"
    return f"{' and '.join(allowed)} as the trust file allows"
