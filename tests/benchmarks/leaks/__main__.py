# ruff: noqa: T201 - a benchmark prints its figures
"""How many edited copies the gate finds, and how many distinct pictures it takes for copies.

    python tests/benchmarks/leaks

Of each set, copies of some pictures are planted by one edit at a time; found are those that are
paired with their original. "review" are pairs that the gate shows to a person and does not count.
A false alarm is one of the other pictures, of other scenes or objects, that is called a copy.
Photographs are those below ``--photos``, else the machine's wallpapers and the two of scikit-learn;
a set that cannot be made here is skipped, and named. Nothing asserts a figure.

``--write`` keeps the table as JSON: under "sizes" and "objects", by the pixels of a side and by
edit, how many were found of how many; under "false_alarms", by set, how many were flagged.
"""

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
from picture_sets import PARTS, LackOfPicturesError, PictureSet, Wishes, picture_sets
from PIL import Image
from planted_edits import EDITS
from planting import copied, recalls, side, table

from gate.evidence.records import Split
from gate.measure.duplicates.find_overlap import find_overlap
from gate.measure.fingerprints.fingerprint import VERSION
from gate.measure.fingerprints.looks import SMALLEST

Counts = dict[str, list[int]]  # by name: how many, of how many


def main() -> int:
    """Evaluate the parts asked for, print and write the tables, and return the status."""
    said = _arguments()
    print(f"fingerprints of version {VERSION}, seed {said.seed}")
    found: dict[str, dict[int, Counts]] = {"pictures": {}, "objects": {}}
    pictures: dict[str, int] = {}
    alarms: Counts = {}
    skipped: dict[str, str] = {}
    for part in said.only:
        try:
            for each in picture_sets(part, said.wishes):
                pictures[each.name] = len(each.pictures)
                _add(found[each.kind].setdefault(each.size, {}), _recall(each, said))
                alarms[each.name] = _false_alarms(each)
        except LackOfPicturesError as lack:
            skipped[part] = str(lack)
    for name, why in skipped.items():
        print(f"\nskipped: {name}: {why}")
    if said.write:
        written = {
            "version": VERSION,
            "seed": said.seed,
            "pictures": pictures,
            "sizes": _by_size(found["pictures"]),
            "objects": _by_size(found["objects"]),
            "false_alarms": alarms,
            "skipped": skipped,
        }
        said.write.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", "utf-8")
        print(f"\ntable: {said.write}")
    return 0 if pictures else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="by default all")
    parser.add_argument(
        "--size", type=int, nargs="+", default=[32, 64, 96, 128], help="of photographs, in pixels"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--count", type=int, default=40, help="copies of each edit")
    parser.add_argument("--images", type=int, help="pictures of either side, at most")
    parser.add_argument("--write", type=Path, help="the file that keeps the table")
    said = parser.parse_args()
    if min(said.size) < SMALLEST:
        parser.error(f"--size: pictures below {SMALLEST} pixels are compared exactly alone")
    if said.write and not said.write.parent.is_dir():
        parser.error(f"--write: {said.write.parent} is no folder")
    said.wishes = Wishes(said.size, said.seed, said.photos, said.images)
    return said


def _recall(pictures: PictureSet, said: argparse.Namespace) -> Counts:
    """Return how many copies are found of how many, by edit."""
    first = Image.fromarray(pictures.pictures[0])
    rng = np.random.default_rng(0)
    edits = {
        name: edit
        for name, edit in EDITS.items()
        if min(edit(first, rng).size) >= SMALLEST  # of fewer pixels nothing is compared by its look
    }
    began = time.process_time()
    recalled = recalls(pictures.pictures, said.count, said.seed, edits)
    spent = time.process_time() - began
    text, _ = table(recalled)
    print(f"\n{pictures.name}: {len(pictures.pictures)}; {spent:.1f} CPU s\n{text}", flush=True)
    return {each.transform: [each.found, each.planted] for each in recalled}


def _false_alarms(pictures: PictureSet) -> list[int]:
    """Return how many of the others are called copies, of how many."""
    began = time.process_time()
    overlap = find_overlap(side(Split.TRAIN, pictures.pictures), side(Split.TEST, pictures.others))
    spent = time.process_time() - began
    flagged, of = len(copied(overlap)), len(pictures.others)
    print(
        f"false alarms: {flagged} of {of} ({flagged / of:.2%}), {len(overlap.review)} for review; "
        f"{spent:.1f} CPU s",
        flush=True,
    )
    return [flagged, of]


def _add(total: Counts, more: Counts) -> None:
    for name, counts in more.items():
        total[name] = [sum(pair) for pair in zip(total.get(name, (0, 0)), counts, strict=True)]


def _by_size(found: dict[int, Counts]) -> dict[str, Counts]:
    return {str(size): found[size] for size in sorted(found)}


if __name__ == "__main__":
    sys.exit(main())
