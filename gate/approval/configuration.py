"""The configuration of a verdict is compared with the values that are pinned."""

from collections.abc import Iterable

from gate.approval.packages import check_packages
from gate.approval.statement import Decision
from gate.approval.verification import SHOWN, Verification
from gate.errors import AttestationError, RefusalCode
from gate.policy.fit import misfits
from gate.policy.operating_point import OperatingPointPin
from gate.report.canonical import decimal
from gate.wording import printable


def configuration(verification: Verification) -> str:
    """Return in words what is pinned of the configuration.

    Raises AttestationError for other classes, critical classes, champion, configuration or packages
    than are pinned.
    """
    pinned = [
        *_classes(verification),
        *_critical(verification),
        *_operating_point(verification),
        *_champion(verification),
        *_champion_evidence(verification),
        *_digests(verification),
        *check_packages(verification),
    ]
    _check_fit(verification)
    return f"{', '.join(pinned)} as pinned" if pinned else "any: nothing of it is pinned"


def _classes(verification: Verification) -> list[str]:
    found, trust = tuple(verification.judged.said.classes), verification.trust.classes
    pins = {"trust file": trust, "policy": verification.policy.policy.classes}
    named = {whose: classes for whose, classes in pins.items() if classes}
    for whose, classes in named.items():
        if found != classes:
            raise AttestationError(
                verification.where,
                RefusalCode.CLASSES_DIFFER,
                f"the classes are {_list(found)}, in this order, and the {whose} pins "
                f"{_list(classes)}",
                "judge a model with these classes in this order, and attest that",
            )
    return ["classes"] if named else []


def _critical(verification: Verification) -> list[str]:
    """Refuse what is critical for a verdict otherwise than for whoever deploys.

    The trust file names all of them; a policy names the least, and whoever judges may add more.
    """
    found, trust = set(verification.judged.said.critical), verification.trust.critical
    policy = verification.policy.policy
    if trust is not None and found != set(trust):
        raise _another_critical(verification, f"the trust file pins {_list(trust)}")
    if not found >= set(policy.critical):
        raise _another_critical(verification, f"the policy names {_list(policy.critical)}")
    if trust is None and not policy.critical and policy.speaks_of_critical:
        raise AttestationError(
            verification.where,
            RefusalCode.CRITICAL_NOT_NAMED,
            f"whoever had it judged chose the critical classes ({_show(verification)}), "
            "which decide under this policy",
            "name them: critical: [...] in the policy or in the trust file",
        )
    if trust is None and (more := [name for name in found if name not in policy.critical]):
        verification.notes.append(f"critical beside what the policy names: {_list(sorted(more))}")
    return ["critical classes"] if trust is not None or policy.critical else []


def _another_critical(verification: Verification, wanted: str) -> AttestationError:
    return AttestationError(
        verification.where,
        RefusalCode.CRITICAL_DIFFERS,
        f"critical when it was judged: {_show(verification)}; {wanted}",
        "judge the evidence by a policy that names these as critical, and attest that",
    )


def _operating_point(verification: Verification) -> list[str]:
    """Refuse other thresholds than the policy writes out; those of a trust file are a digest.

    Where neither names any, whoever had it judged chose them, and that is said.
    """
    found, pin = (
        verification.judged.said.operating_point,
        verification.policy.policy.operating_point,
    )
    if pin is not None and (other := _other_thresholds(pin, found)):
        raise AttestationError(
            verification.where,
            RefusalCode.OPERATING_POINT_DIFFERS,
            f"{other}, and the policy pins another operating point",
            "judge the evidence at the operating point of the policy, and attest that",
        )
    by_digest = verification.trust.configuration.operating_point is not None
    if found is not None and not by_digest and (pin is None or pin == "required"):
        notes = f"operating point, as whoever had it judged chose it: {found.in_words()}"
        verification.notes.append(notes)
    return ["operating point"] if pin is not None else []


def _other_thresholds(pin: OperatingPointPin, found: Decision | None) -> str:
    """Return which thresholds a verdict is by, in words, if they are not those of a policy."""
    if found is None:
        return "the class with the highest score was the answer"
    if pin == "required":
        return ""
    said = [(each.class_, each.at_least) for each in found.order]
    wanted = [(each.class_, each.at_least) for each in pin.order]
    same = [name for name, _ in said] == [name for name, _ in wanted] and all(
        asked is None or found_at == decimal(asked)  # None: fitted, as the judgement has checked
        for (_, found_at), (_, asked) in zip(said, wanted, strict=True)
    )
    return (
        "" if same and found.otherwise == pin.otherwise else f"scores decided: {found.in_words()}"
    )


def _champion(verification: Verification) -> list[str]:
    champion = verification.judged.said.champion
    found = None if champion is None else champion.checkpoint
    policy, trust = verification.policy.policy.champion, verification.trust.champion
    pins = {"trust file": trust, "policy": (policy,) if policy else None}
    named = {whose: allowed for whose, allowed in pins.items() if allowed is not None}
    for whose, allowed in named.items():
        if found not in allowed:
            if champion is None:
                what = "no champion was compared with"
            else:
                what = f"the champion is {f'sha256 {found}' if found else 'of no known checkpoint'}"
            raise AttestationError(
                verification.where,
                RefusalCode.CHAMPION_DIFFERS,
                f"{what}, and the {whose} pins another",
                "compare with the champion in production (baseline), and attest that",
            )
    return ["champion"] if named else []


def _champion_evidence(verification: Verification) -> list[str]:
    champion, allowed = verification.judged.said.champion, verification.trust.champion_evidence
    if allowed is None:
        return []
    found = None if champion is None else champion.evidence_file
    if found not in allowed:
        what = f"are from evidence of sha256 {found}" if found else "are from no known evidence"
        raise AttestationError(
            verification.where,
            RefusalCode.CHAMPION_EVIDENCE_DIFFERS,
            f"the champion's answers {what}" if champion else "no champion was compared with",
            "compare with the evidence that the trust file names (baseline: its file or folder), "
            "and attest that",
        )
    return ["champion's evidence"]


def _digests(verification: Verification) -> list[str]:
    named = verification.trust.configuration.named()
    for name, allowed in named.items():
        found = verification.judged.configuration.get(f"configuration:{name}")
        if found not in allowed:
            raise AttestationError(
                verification.where,
                RefusalCode.CONFIGURATION_DIFFERS,
                f"the sha256 of {name} is {found or 'not there'}, and the trust file allows "
                f"{', '.join(each[:SHOWN] for each in allowed[:3])}",
                "judge as it was agreed, or have the trust file's owner add this",
            )
    return list(named)


def _check_fit(verification: Verification) -> None:
    """Refuse other classes than the rules speak of: on one that is not there they ask nothing."""
    said = verification.judged.said
    for misfit in misfits(verification.policy.policy, said.classes, said.critical):
        raise AttestationError(
            verification.where,
            RefusalCode.POLICY_DOES_NOT_FIT,
            f"the policy does not fit the classes of the verdict: {printable(misfit.fact, 200)}",
            "judge a model with the classes that the policy speaks of, and attest that",
        )


def _show(verification: Verification) -> str:
    return _list(verification.judged.said.critical) or "none"


def _list(names: Iterable[str]) -> str:
    return ", ".join(printable(name, 60) for name in names)
