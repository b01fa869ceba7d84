# ruff: noqa: T201 - a benchmark prints its figures
"""How many edited copies the gate finds, and how many distinct pictures it takes for copies.

    python tests/benchmarks/leaks
    python tests/benchmarks/leaks --write-table

Of each set, copies of some pictures are planted by one edit at a time; found are those that are
paired with their original. "review" are pairs that the gate shows to a person and does not count.
A false alarm is one of the other pictures, of other scenes or objects, that is called a copy.
Photographs are those below ``--photos``, else the machine's wallpapers and the two of scikit-learn;
a set that cannot be made here is skipped, and named. Nothing asserts a figure.

``--write-table`` plants 200 copies of tiles of photographs at the four sizes that the report tells
of, and writes which share of each edit was found: ``gate/report/copies_found.csv``.
"""

import argparse
import csv
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from picture_sets import PARTS, LackOfPicturesError, PictureSet, Wishes, picture_sets
from planted_edits import EDITS
from planting import Recall, copied, recalls, side, table

from gate.evidence.records import Split
from gate.measure.duplicates.find_overlap import find_overlap
from gate.measure.fingerprints.fingerprint import VERSION
from gate.measure.fingerprints.looks import SMALLEST

SHIPPED = Path(__file__).parents[3] / "gate" / "report" / "copies_found.csv"
TOLD_SIZES, TOLD_COPIES = (28, 32, 64, 96), 200  # of the table that the report shows

Shares = dict[str, list[float]]  # found of planted by edit, one for each size


def main() -> int:
    """Evaluate the parts asked for, print and write what is found, and return the status."""
    said = _arguments()
    print(f"fingerprints of version {VERSION}, seed {said.seed}")
    shares: Shares = {name: [] for name in EDITS}
    evaluated = False
    skipped: dict[str, str] = {}
    for part in said.only:
        try:
            for each in picture_sets(part, said.wishes):
                for recall in _recall(each, said):
                    shares[recall.transform].append(recall.found / recall.planted)
                _print_false_alarms(each)
                evaluated = True
        except LackOfPicturesError as lack:
            skipped[part] = str(lack)
    for name, why in skipped.items():
        print(f"\nskipped: {name}: {why}")
    if evaluated and said.write_table:
        _write(shares, said.write_table)
        print(f"\ntable: {said.write_table}")
    return 0 if evaluated else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=PARTS, help="by default all")
    parser.add_argument(
        "--size", type=int, nargs="+", help="of photographs, in pixels; by default 32, 64, 96, 128"
    )
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn")
    parser.add_argument("--photos", type=Path, help="a folder of photographs")
    parser.add_argument("--count", type=int, help="copies of each edit; by default 40")
    parser.add_argument("--images", type=int, help="pictures of either side, at most")
    parser.add_argument(
        "--write-table",
        type=Path,
        nargs="?",
        const=SHIPPED,
        metavar="FILE",
        help="write what the report tells, by default where it reads it",
    )
    said = parser.parse_args()
    if said.write_table and (said.only or said.size):
        parser.error("--write-table: the table is of tiles, at sizes of its own")
    if said.write_table and not said.write_table.parent.is_dir():
        parser.error(f"--write-table: {said.write_table.parent} is no folder")
    said.only = ["tiles"] if said.write_table else said.only or PARTS
    said.count = said.count or (TOLD_COPIES if said.write_table else 40)
    sizes = TOLD_SIZES if said.write_table else said.size or (32, 64, 96, 128)
    if min(sizes) < SMALLEST:
        parser.error(f"--size: pictures below {SMALLEST} pixels are compared exactly alone")
    said.wishes = Wishes(sizes, said.seed, said.photos, said.images)
    return said


def _recall(pictures: PictureSet, said: argparse.Namespace) -> Sequence[Recall]:
    """Return what is found of each edit."""
    began = time.process_time()
    recalled = recalls(pictures.pictures, said.count, said.seed, EDITS)
    spent = time.process_time() - began
    text, _ = table(recalled)
    print(f"\n{pictures.name}: {len(pictures.pictures)}; {spent:.1f} CPU s\n{text}", flush=True)
    return recalled


def _print_false_alarms(pictures: PictureSet) -> None:
    """Print how many of the others are called copies, of how many."""
    began = time.process_time()
    overlap = find_overlap(side(Split.TRAIN, pictures.pictures), side(Split.TEST, pictures.others))
    spent = time.process_time() - began
    flagged, of = len(copied(overlap)), len(pictures.others)
    print(
        f"false alarms: {flagged} of {of} ({flagged / of:.2%}), {len(overlap.review)} for review; "
        f"{spent:.1f} CPU s",
        flush=True,
    )


def _write(shares: Shares, path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["edit", *TOLD_SIZES])
        for name, found in shares.items():
            writer.writerow([name, *(f"{share:.2f}" for share in found)])


if __name__ == "__main__":
    sys.exit(main())
