"""The parts of evidence must agree: counts, pairs and names are compared."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from gate.evidence.contract import GATE_FILE, in_words
from gate.evidence.contradictions import Contradiction, require_sound_rows
from gate.evidence.measurements import ARTEFACT_NAME
from gate.evidence.operating_point import OperatingPoint, threshold_of_calibrated
from gate.evidence.records import (
    EXACT,
    MEAN,
    UNLABELLED,
    Alignment,
    ArtefactFacts,
    Baseline,
    Evidence,
    History,
    ModelProbe,
    Overlap,
    Pair,
    Picture,
    Rows,
    Split,
    SplitEvidence,
    Subject,
)
from gate.wording import quote

MADE_UP = "made-up"  # the format of what was imagined: only such rows may have no scores
NO_DATA = "0" * 64  # the digest of imagined data
NO_CHECKPOINTS = ("1" * 64, "2" * 64)  # of an imagined candidate, and of its champion
UNKNOWN = "?"  # the class of an unreadable image whose label only reading would have told
_DIGEST = re.compile(r"[0-9a-f]{64}")
_PNG = b"\x89PNG\r\n\x1a\n"
SCORE_BYTES = 256 << 20  # of a split; above this the scores of all classes are not kept
_MOST_MOVED = 100  # of a coefficient of an alignment
_MOST_WORDS = 1000  # characters of a value, or of who states it
_MOST_PICTURE = 1 << 20  # bytes; one of 96 x 96 pixels takes 36 KB at most

Labels = Callable[[Split], Mapping[str, str]]  # of a split: the class of each image, by its id


def require_agreement(evidence: Evidence) -> None:
    """Raise Contradiction where evidence contradicts itself.

    What it cannot find is evidence that was made up as a whole: it says nothing of who wrote it.
    """
    _require_classes(evidence)
    if evidence.subject is not None:
        require_sound_subject(evidence.subject)
    require_sound_artefacts(evidence.artefacts)
    for split in evidence.splits.values():
        _require_split(split, evidence.classes)
    _require_all_made_up_or_nothing(evidence)
    if evidence.baseline is not None:
        _require_champion(evidence.baseline, evidence)

    @cache
    def labels(split: Split) -> Mapping[str, str]:
        return labels_of(evidence.splits[split].rows, evidence.classes)

    images = {split: len(each.rows) for split, each in evidence.splits.items()}
    for overlap in evidence.overlaps:
        require_sound_overlap(overlap, images, labels)
    compared = [(overlap.split_a, overlap.split_b) for overlap in evidence.overlaps]
    if len(set(compared)) != len(compared):
        raise Contradiction("overlaps", "two splits are compared twice")
    _require_pictures(evidence.pictures, images, labels)
    _require_contract(evidence)
    _require_operating_points(evidence)
    if evidence.probe is not None:
        _require_probe(evidence.probe)
    if evidence.history is not None:
        _require_history(evidence.history)


def name_of_label(label: int | None, classes: Sequence[str]) -> str:
    """Return the name of a class; ``?`` of an image that has no label, or none yet."""
    return UNKNOWN if label is None or label == UNLABELLED else classes[label]


def labels_of(rows: Rows, classes: tuple[str, ...]) -> dict[str, str]:
    """Return the name of the class of each image, by its id; ``?`` of one without a label."""
    names = np.array([*classes, UNKNOWN], dtype=object)[rows.labels]  # -1 is the last
    return dict(zip(rows.ids.tolist(), names.tolist(), strict=True))


def require_sound_overlap(overlap: Overlap, images: Mapping[Split, int], labels: Labels) -> None:
    """Raise Contradiction where an overlap speaks of other images than those of its splits.

    ``images`` are the rows of each split; ``labels`` are asked for only where there are pairs.
    """
    a, b = overlap.split_a, overlap.split_b
    place = f"overlap of {a} and {b}"
    if not {a, b} <= images.keys():
        raise Contradiction(place, "one of them was not measured")
    if (overlap.images_a, overlap.images_b) != (images[a], images[b]):
        raise Contradiction(
            place,
            f"is of {overlap.images_a:,} and {overlap.images_b:,} images, and they have "
            f"{images[a]:,} and {images[b]:,}",
        )
    most = images[a] * (images[a] - 1) // 2 if a is b else images[a] * images[b]
    exact = {(pair.a, pair.b) for pair in overlap.pairs if pair.kind in EXACT}
    if not len(exact) <= overlap.exact_pairs <= most:
        raise Contradiction(
            place, f"counts {overlap.exact_pairs:,} exact pairs, and lists {len(exact):,}"
        )
    if not 0 <= overlap.featureless <= images[a] + images[b]:
        raise Contradiction(place, f"counts {overlap.featureless:,} images without features")
    if not 0 <= overlap.look_alikes <= images[b]:
        raise Contradiction(place, f"counts {overlap.look_alikes:,} images that look like many")
    for pair in (*overlap.pairs, *overlap.review):
        _require_pair(pair, overlap, labels, place)


def alignment_of(given: Any) -> Alignment | None:  # noqa: ANN401 -- what JSON gave
    """Return the alignment that JSON holds, or None; raises Contradiction where it is none."""
    if given is None:
        return None
    try:
        down, right, inverted = given
        (a, b, c), (d, e, f) = down, right
    except (TypeError, ValueError):
        raise Contradiction("pairs", "an alignment is not two rows of three and a flag") from None
    numbers = [a, b, c, d, e, f]
    if not all(type(each) in (int, float) and abs(each) <= _MOST_MOVED for each in numbers):
        raise Contradiction("pairs", "an alignment has what is no small number")
    if type(inverted) is not bool or a * e == b * d:
        raise Contradiction("pairs", "an alignment cannot be undone, or has no flag")
    return Alignment((a, b, c), (d, e, f), inverted)


def _require_pair(pair: Pair, overlap: Overlap, labels: Labels, place: str) -> None:
    if (pair.split_a, pair.split_b) != (overlap.split_a, overlap.split_b):
        raise Contradiction(place, f"lists a pair of {pair.split_a} and {pair.split_b}")
    if pair.kind not in overlap.compared:
        raise Contradiction(place, f"lists a pair of the kind {pair.kind}, which was not compared")
    if (overlap.split_a, pair.a) == (overlap.split_b, pair.b):
        raise Contradiction(f"{place}: {pair.a!r:.80}", "is listed as a copy of itself")
    if pair.distance is not None and not 0 <= pair.distance <= 256:
        raise Contradiction(f"{place}: {pair.b!r:.80}", f"has the distance {pair.distance}")
    sides = ((pair.split_a, pair.a, pair.label_a), (pair.split_b, pair.b, pair.label_b))
    for split, name, label in sides:
        known = labels(split).get(name)
        if known is None:
            raise Contradiction(f"{place}: {name!r:.80}", f"is listed, and no image of {split}")
        if known != label:
            raise Contradiction(
                f"{place}: {name!r:.80}", f"is {label!r:.80} there, and {known!r:.80} in {split}"
            )


def _require_classes(evidence: Evidence) -> None:
    names = evidence.classes
    if len(set(names)) != len(names):
        raise Contradiction("classes", "one is there more than once")
    if evidence.splits and len(names) < 2:
        raise Contradiction("classes", f"there are {len(names)}, and a classifier has two or more")


def _require_all_made_up_or_nothing(evidence: Evidence) -> None:
    """Raise Contradiction where made-up answers are said of a checkpoint, or of data.

    Nobody looks at what was made up, so it must not speak of anything that there is.
    """
    synthetic = [split for split in evidence.splits.values() if split.format == MADE_UP]
    if not synthetic:
        return
    for split in evidence.splits.values():
        if split.format != MADE_UP or split.manifest_sha256 != NO_DATA:
            raise Contradiction(
                str(synthetic[0].split), "is made up, and the evidence has a digest of data"
            )
    subject = evidence.subject
    if subject is not None and (subject.format, subject.sha256) != (MADE_UP, NO_CHECKPOINTS[0]):
        raise Contradiction(
            str(synthetic[0].split), "is made up, and the evidence is of a checkpoint"
        )


def require_sound_subject(subject: Subject) -> None:
    """Raise Contradiction for a checkpoint without a digest, or of less than no bytes."""
    if not _DIGEST.fullmatch(subject.sha256):
        raise Contradiction("subject", "has no digest of its checkpoint")
    if subject.size_bytes < 0 or (subject.parameters or 0) < 0:
        raise Contradiction("subject", "counts less than nothing")


def require_sound_artefacts(artefacts: tuple[ArtefactFacts, ...]) -> None:
    """Raise Contradiction for artefacts without a digest, twice under a name, or out of order."""
    names = [each.name for each in artefacts]
    if sorted(set(names)) != names:
        raise Contradiction("artefacts", "are not each there once, in the order of their names")
    for each in artefacts:
        place = f"artefact {each.name!r:.80}"
        if not re.fullmatch(ARTEFACT_NAME.strip("^$"), each.name):
            raise Contradiction(place, "has a name that no gate file gives")
        if not _DIGEST.fullmatch(each.sha256):
            raise Contradiction(place, "has no digest")
        if each.size_bytes < 0 or (each.parameters or 0) < 0:
            raise Contradiction(place, "counts less than nothing")


def _require_split(split: SplitEvidence, classes: tuple[str, ...]) -> None:
    """Raise Contradiction where a split is not as many images as it counts, each with its name."""
    rows, place = split.rows, str(split.split)
    if split.images != len(rows) + len(split.unreadable):
        raise Contradiction(
            place,
            f"counts {split.images:,} images, and lists {len(rows):,} answers and "
            f"{len(split.unreadable):,} that could not be read",
        )
    if not _DIGEST.fullmatch(split.manifest_sha256):
        raise Contradiction(place, "has no digest of its data")
    if (rows.groups is None) is not (split.group_column is None):
        raise Contradiction(place, "has groups without a column, or a column without groups")
    synthetic = split.format == MADE_UP
    labelled = split.split.is_labelled
    require_sound_rows(rows, len(classes), place=place, synthetic=synthetic, labelled=labelled)
    fits = split.images * len(classes) * 4 <= SCORE_BYTES
    if rows.scores is None and fits and not synthetic:
        raise Contradiction(place, "has no scores, and so few would have been kept")
    keys = {key for key, _ in (*rows.observations, *rows.kept)}
    if len(rows) and keys != set(split.measurements):
        odd = min(keys ^ set(split.measurements))
        raise Contradiction(
            f"{place}: measurement {odd!r:.80}", "has no columns, or columns and no facts"
        )
    _require_unreadable(split, classes)


def _require_unreadable(split: SplitEvidence, classes: tuple[str, ...]) -> None:
    if not split.unreadable:
        return
    taken = set(split.rows.ids.tolist())
    for image in split.unreadable:
        where = f"{split.split}: {image.id!r:.80}"
        if image.id in taken:
            raise Contradiction(where, "could not be read, and is there more than once")
        taken.add(image.id)
        if image.label not in (*classes, UNKNOWN):
            raise Contradiction(where, f"is {image.label!r:.80}, which is none of the classes")


def _require_champion(champion: Baseline, evidence: Evidence) -> None:
    """Raise Contradiction where the champion answered to other images than the candidate."""
    if champion.sha256 is not None and not _DIGEST.fullmatch(champion.sha256):
        raise Contradiction("champion", "has no digest of its checkpoint")
    for split, rows in champion.rows.items():
        place = f"champion on {split}"
        if split not in evidence.splits:
            raise Contradiction(place, "was measured, and the candidate was not")
        measured = evidence.splits[split]
        synthetic = measured.format == MADE_UP
        labelled = split.is_labelled
        require_sound_rows(
            rows, len(evidence.classes), place=place, synthetic=synthetic, labelled=labelled
        )
        if not _same_images(rows, measured.rows):
            raise Contradiction(place, "answers to other images, or to other labels")


def _same_images(one: Rows, other: Rows) -> bool:
    """Return whether both are of the same images with the same labels, in any order."""
    if np.array_equal(one.ids, other.ids):
        return np.array_equal(one.labels, other.labels)
    labels = [
        dict(zip(each.ids.tolist(), each.labels.tolist(), strict=True)) for each in (one, other)
    ]
    return labels[0] == labels[1]


def _require_pictures(
    pictures: Iterable[Picture], images: Mapping[Split, int], labels: Labels
) -> None:
    for picture in pictures:
        place = f"picture {picture.id!r:.80}"
        is_mean = picture.view == MEAN and not picture.id
        if picture.split not in images or not (is_mean or picture.id in labels(picture.split)):
            raise Contradiction(place, f"is of no image of {picture.split}")
        if not picture.png.startswith(_PNG) or len(picture.png) > _MOST_PICTURE:
            raise Contradiction(place, "is no small PNG")


def _require_operating_points(evidence: Evidence) -> None:
    """Raise Contradiction for thresholds of classes that there are not, or of one twice."""
    champion = evidence.baseline
    points = {
        "operating point": evidence.configuration.operating_point,
        "operating point of the champion": None if champion is None else champion.operating_point,
    }
    for place, point in points.items():
        names = [] if point is None else [each.class_name for each in point.order]
        if point is not None and not names:
            raise Contradiction(place, "lists no class")
        if len(set(names)) < len(names) or not set(names) <= set(evidence.classes):
            raise Contradiction(place, "lists a class twice, or one that is none of the classes")
        if point is not None and (fault := _fault_of(point)):
            raise Contradiction(place, fault)


def _fault_of(point: OperatingPoint) -> str:
    """Return what no gate file states and no fit finds; nothing where there is no such thing."""
    if point.fitted_on is not None and not point.is_fitted:
        return "was fitted on rows, and has nothing to fit"
    for each in point.order:
        fit = each.fit
        if fit is None:
            if each.at_least is None:
                return f"has no threshold of {quote(each.class_name)}, and nothing to fit it to"
            continue
        of_costs = fit.target == "cost"
        if of_costs is (fit.costs is None) or of_costs is (fit.goal is not None):
            return f"fits {quote(each.class_name)} to no target"
        if fit.costs is None:
            continue
        if not fit.costs.mistakes_cost:
            return f"fits {quote(each.class_name)} to mistakes that cost nothing"
        if fit.costs.calibrated and each.at_least != threshold_of_calibrated(fit.costs):
            return f"has another threshold of {quote(each.class_name)} than its costs give"
    return ""


def _require_contract(evidence: Evidence) -> None:
    """Raise Contradiction where the gate file is said to state what was not measured with."""
    topics = [(each.topic, each.kind, each.other_source) for each in evidence.contract]
    if len(set(topics)) != len(topics):
        raise Contradiction("contract", "two sources are compared twice on the same")
    used = evidence.configuration.input
    output = (evidence.configuration.output or {}).get("values")
    known = {f"class {place}": quote(name) for place, name in enumerate(evidence.classes)}
    known |= {"output.values": in_words(output)}
    known |= {f"input.{key}": in_words(value) for key, value in (used or {}).items()}
    for each in evidence.contract:
        place = f"contract: {each.topic!r:.80}"
        words = (each.topic, each.value, each.source, each.other, each.other_source)
        if not all(0 < len(word) <= _MOST_WORDS and word.isprintable() for word in words):
            raise Contradiction(place, "is not said in words")
        if each.kind != "override":
            continue
        if each.source != GATE_FILE:
            raise Contradiction(place, "is overridden, and not by the gate file")
        is_known = used is not None and each.topic != "model.factory"
        if is_known and known.get(each.topic) != each.value:
            raise Contradiction(place, "was measured with another value")


def _require_probe(probe: ModelProbe) -> None:
    counts = (
        0 <= probe.nonfinite_outputs <= probe.outputs,
        0 <= probe.batch_disagreements <= probe.checked_individually,
        probe.parameters is None or probe.parameters >= 0,
    )
    if not all(counts):
        raise Contradiction("probe", "counts more of something than there is")


def _require_history(history: History) -> None:
    named = (
        history.train_loss,
        *history.validation_losses,
        history.train_accuracy,
        history.validation_accuracy,
    )
    for name in named:
        if name is not None and name not in history.series:
            raise Contradiction("history", f"names the column {name!r:.80}, which it does not have")
