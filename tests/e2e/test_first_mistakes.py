"""The mistakes of a first run: what is to be done is said, and done to the letter it ends well."""

import numpy as np
import pytest
from PIL import Image

SIZES = {"train": ((8, 8), (12, 8), (8, 14)), "test": ((8, 11), (13, 8), (8, 8))}


@pytest.fixture
def photos(project):
    """A project whose images are files of mixed sizes, in folders."""
    for seed, (split, sizes) in enumerate(SIZES.items()):
        images, labels = project.images(40, seed)
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            name = f"data/{split}/{('dark', 'bright')[label]}/{index:03}.png"
            path = project.write(name, b"")
            height, width = sizes[index % len(sizes)]
            Image.fromarray(np.resize(image, (height, width))).save(path)
    policy = (project.folder / "policy.yaml").read_text()
    project.write("policy.yaml", policy + "  - {check: dataset-integrity}\n")
    project.gatefile |= {
        "classes": ["dark", "bright"],
        "data": {split: {"path": f"data/{split}"} for split in SIZES},
        "input": {"size": [8, 8], "channels": "L"},
    }
    return project


def to_do(ran):
    """Return the part of the text that says what to do, on one line."""
    lines = ran.out.split("\n\n")
    return " ".join(next(part for part in lines if part.startswith("do ")).split())


def test_photos_that_are_larger_than_the_input_get_resize_and_crop(photos):
    photos.gatefile["data"]["train"]["path"] = "data/large"
    for index in range(40):
        path = photos.write(f"data/large/{('dark', 'bright')[index % 2]}/{index}.png", b"")
        shade = np.random.default_rng(index).integers(0, 40, (16, 12 + index % 3))
        Image.fromarray((shade + 170 * (index % 2) + 20).astype(np.uint8)).save(path)
    ran = photos.run("--no-cache")

    assert ran.status == 4
    assert "--resize shorter-side --crop center" in to_do(ran)
    mended = photos.run("--no-cache", "--resize", "shorter-side", "--crop", "center")
    assert mended.status == 0, mended.out


def test_photos_that_are_resized_and_not_cropped_are_whole_and_need_a_crop(photos):
    photos.gatefile["input"]["resize"] = "shorter-side"
    ran = photos.run("--no-cache")

    assert ran.status == 4
    assert "test images cannot be used" in " ".join(ran.out.split())
    assert "declare input.crop: center (--crop center)" in to_do(ran)
    assert photos.run("--no-cache", "--crop", "center").status == 0


def test_damaged_photos_are_to_be_restored_and_no_crop_is_advised(photos):
    photos.gatefile["input"] |= {"resize": "shorter-side", "crop": "center"}
    (photos.folder / "data/test/dark/000.png").write_bytes(b"\x89PNG\r\n\x1a\n; declare input.x")
    ran = photos.run("--no-cache")

    assert ran.status == 4
    assert "1 of 80 test images cannot be read" in " ".join(ran.out.split())
    assert to_do(ran).startswith("do 1 restore or remove the named files")


def test_the_folder_of_all_splits_is_not_taken_for_test(photos):
    photos.gatefile["input"] |= {"resize": "shorter-side", "crop": "center"}
    ran = photos.run("--no-cache", "--test", "data")

    assert ran.status == 4
    assert to_do(ran).endswith("which look like splits: give one of them, such as data/test")
    assert photos.run("--no-cache", "--test", "data/test").status == 0


def test_a_class_without_images_is_asked_for_once(photos):
    photos.gatefile["input"] |= {"resize": "shorter-side", "crop": "center"}
    photos.gatefile["classes"] = ["dark", "grey", "bright"]
    photos.checkpoint(classes=3)
    photos.gatefile["model"]["kwargs"] = {"classes": 3}
    ran = photos.run("--no-cache")

    assert ran.status == 4
    assert to_do(ran) == (
        "do 1 give train images of each class, or correct `classes:` "
        "2 give test images of each class, or correct `classes:`"
    )


def test_a_checkpoint_that_is_not_there_is_not_to_be_inspected(project):
    ran = project.run(model={"checkpoint": "modle.pt", "factory": "nets:build"})

    assert ran.status == 4
    assert "did you mean 'model.pt'?" in ran.out
    assert "inspect" not in ran.out


def test_a_checkpoint_that_was_refused_is_to_be_inspected(project):
    project.write("damaged.pt", b"no weights at all")

    assert (
        "validate-model inspect"
        in project.run(model={"checkpoint": "damaged.pt", "factory": "nets:build"}).out
    )


def test_a_module_beside_another_folder_is_copied_beside_the_gate_file(project):
    for name in ("model.pt", "train.npz", "test.npz", "policy.yaml", "nets.py"):
        (project.folder / "there").mkdir(exist_ok=True)
        (project.folder / name).rename(project.folder / "there" / name)
    (project.folder / "there" / "nets.py").rename(project.folder / "nets.py")
    project.write_gatefile()
    (project.folder / "gate.yaml").rename(project.folder / "there" / "gate.yaml")
    ran = project.command("run", "there/gate.yaml", "--no-cache")

    assert to_do(ran) == "do 1 copy its code beside the gate file, or install it"
    (project.folder / "nets.py").rename(project.folder / "there" / "nets.py")
    assert project.command("run", "there/gate.yaml", "--no-cache").status == 0


def test_a_champion_that_measured_nothing_is_no_comparison_in_any_format(project):
    project.run("--out", "broken", model={"checkpoint": "modle.pt", "factory": "nets:build"})

    ran = project.run("--no-cache", "--baseline", "broken", "-o", "markdown=gate.md")

    said = "not measured on the same images"
    assert said in " ".join(ran.out.split())
    assert said in (project.folder / "gate.md").read_text()
