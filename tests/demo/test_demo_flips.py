"""The page of the shortcut shows where the evidence lies, and pictures of what changed."""

import io

import numpy as np
import pytest
from PIL import Image

from gate.cli import main
from gate.evidence.records import MEAN
from gate.evidence.store import load

CORNER = "swap:cell:4:0"


def page(demo, tmp_path, *options):
    path = tmp_path / "page.html"
    folder = str(demo.folder / "shortcut" / "gate-out")
    assert main(["render", folder, "-o", f"html={path}", *options]) == 0
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pictures(demo):
    """Return the pictures of the evidence as RGB, by image and view."""
    evidence = load(demo.folder / "shortcut" / "gate-out")
    return {
        (each.id, each.view): np.asarray(Image.open(io.BytesIO(each.png)).convert("RGB"), int)
        for each in evidence.pictures
    }


def test_the_mean_of_the_sample_is_kept(pictures):
    assert pictures["", MEAN].shape == (96, 96, 3)


def test_a_flip_by_the_corner_shows_the_image_and_the_same_with_another_corner(pictures):
    [(name, view)] = [(name, view) for name, view in pictures if view.startswith(CORNER)]

    differs = (pictures[name, ""] != pictures[name, view]).any(axis=2)

    assert view == f"{CORNER}:other"
    assert differs[:9, :9].any()
    assert not differs[9:].any()
    assert not differs[:, 9:].any()


def test_the_page_names_the_corner_and_the_flip(demo, tmp_path):
    shown = page(demo, tmp_path)

    assert '<h2 id="asked-again">' in shown
    assert '<rect class="fail" x="0.0" y="0.0" width="25.0"' in shown
    assert f"{CORNER}:other" in shown
    assert "over their mean" in shown


def test_without_images_the_map_stays_and_no_picture_is_embedded(demo, tmp_path):
    shown = page(demo, tmp_path, "--no-images")

    assert '<rect class="fail" x="0.0" y="0.0" width="25.0"' in shown
    assert "data:image/png" not in shown
