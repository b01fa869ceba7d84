"""Images as the ecosystem's own pipelines give them to a model, and the `input:` that says so.

Run by hand, in an environment of its own, to write native_inputs.npz beside it:

    pip install torch==2.13.0 torchvision==0.28.0 transformers==5.24.0 timm==1.0.31 pillow==13.0.0
    python tests/subject/reference/native_inputs.py

The fast tests compare our transform with that file; the slow ones run the libraries where they are
installed. Levels are stored as uint8, as the libraries give them when told not to normalise, or as
the normalised values are turned back into them without a remainder.
"""

import json
from pathlib import Path

import numpy as np
from PIL import Image

MEAN, STD = [0.48, 0.46, 0.41], [0.23, 0.22, 0.225]
HALF = [0.5, 0.5, 0.5]
RAW = {"do_rescale": False, "do_normalize": False}
NORMAL = {"image_mean": MEAN, "image_std": STD}

# name: (pipeline, its options, what the gate file says)
CASES = {
    "timm center": (
        "timm",
        {"size": [10, 10], "crop_pct": 0.875, "interpolation": "bicubic"},
        {
            "size": [10, 10],
            "resize": "shorter-side",
            "crop_ratio": 0.875,
            "crop": "center",
            "interpolation": "bicubic",
        },
    ),
    "timm center, not square": (
        "timm",
        {"size": [10, 14], "crop_pct": 0.9, "interpolation": "bicubic"},
        {
            "size": [10, 14],
            "resize": "shorter-side",
            "rounding": "round",
            "crop_ratio": 0.9,
            "crop": "center",
            "interpolation": "bicubic",
        },
    ),
    "timm center, crop larger than the image": (
        "timm",
        {"size": [11, 11], "crop_pct": 1.25, "interpolation": "bilinear"},
        {
            "size": [11, 11],
            "resize": "shorter-side",
            "crop_ratio": 1.25,
            "pad": 0,
            "crop": "center",
        },
    ),
    "timm squash": (
        "timm",
        {"size": [10, 14], "crop_pct": 0.9, "crop_mode": "squash", "interpolation": "bilinear"},
        {"size": [10, 14], "resize": "stretch", "crop_ratio": 0.9, "crop": "center"},
    ),
    "timm border": (
        "timm",
        {"size": [11, 11], "crop_pct": 1.0, "crop_mode": "border", "interpolation": "bilinear"},
        {"size": [11, 11], "resize": "longer-side", "rounding": "round", "pad": "mean"},
    ),
    "timm border, cropped": (
        "timm",
        {"size": [10, 11], "crop_pct": 0.8, "crop_mode": "border", "interpolation": "bicubic"},
        {
            "size": [10, 11],
            "resize": "longer-side",
            "rounding": "round",
            "crop_ratio": 0.8,
            "pad": "mean",
            "crop": "center",
            "interpolation": "bicubic",
        },
    ),
    **{
        f"timm {name}": (
            "timm",
            {"size": [9, 9], "crop_pct": 0.9, "interpolation": name},
            {"size": [9, 9], "resize": 10, "crop": "center", "interpolation": name},
        )
        for name in ("nearest", "lanczos", "box", "hamming")
    },
    "ViT": (
        "ViTImageProcessor",
        {"size": {"height": 10, "width": 12}, "resample": 2, **RAW},
        {"size": [10, 12], "resize": "stretch", "resizer": "tensor"},
    ),
    "ViT by Pillow": (
        "ViTImageProcessorPil",
        {"size": {"height": 10, "width": 12}, "resample": 3, **RAW},
        {"size": [10, 12], "resize": "stretch", "interpolation": "bicubic"},
    ),
    "MobileNet, odd margins": (
        "MobileNetV1ImageProcessor",
        {"size": {"shortest_edge": 13}, "crop_size": {"height": 10, "width": 8}, **RAW},
        {"size": [10, 8], "resize": 13, "crop": "center-floor", "resizer": "tensor"},
    ),
    "MobileNet by Pillow, odd margins": (
        "MobileNetV1ImageProcessorPil",
        {"size": {"shortest_edge": 13}, "crop_size": {"height": 10, "width": 8}, **RAW},
        {"size": [10, 8], "resize": 13, "crop": "center-floor"},
    ),
    "MobileNet, crop larger than the image": (
        "MobileNetV1ImageProcessor",
        {"size": {"shortest_edge": 8}, "crop_size": {"height": 11, "width": 12}, **RAW},
        {"size": [11, 12], "resize": 8, "pad": 0, "crop": "center-floor", "resizer": "tensor"},
    ),
    "CLIP, stretched and cropped": (
        "ViTImageProcessor",
        {
            "size": {"height": 13, "width": 15},
            "do_center_crop": True,
            "crop_size": {"height": 10, "width": 10},
            **RAW,
        },
        {"size": [10, 10], "resize": [13, 15], "crop": "center-floor", "resizer": "tensor"},
    ),
    "nearest by tensors": (
        "ViTImageProcessor",
        {"size": {"height": 9, "width": 9}, "resample": 0, **RAW},
        {"size": [9, 9], "resize": "stretch", "interpolation": "nearest", "resizer": "tensor"},
    ),
    "lanczos by tensors": (
        "ViTImageProcessor",
        {"size": {"height": 9, "width": 9}, "resample": 1, **RAW},
        {"size": [9, 9], "resize": "stretch", "interpolation": "lanczos", "resizer": "tensor"},
    ),
    "ConvNeXT": (
        "ConvNextImageProcessor",
        {"size": {"shortest_edge": 9}, "crop_pct": 0.875, **NORMAL},
        {
            "size": [9, 9],
            "resize": "shorter-side",
            "crop_ratio": 0.875,
            "crop": "center-floor",
            "interpolation": "bicubic",
            "resizer": "tensor",
            "mean": MEAN,
            "std": STD,
        },
    ),
    "EfficientNet": (
        "EfficientNetImageProcessor",
        {
            "size": {"height": 9, "width": 9},
            "rescale_factor": 1 / 127.5,
            "rescale_offset": True,
            "include_top": True,
            **NORMAL,
        },
        {
            "size": [9, 9],
            "resize": "stretch",
            "interpolation": "bicubic",
            "resizer": "tensor",
            "scale": 1 / 127.5,
            "offset": -1,
            "mean": MEAN,
            "std": [value * value for value in STD],
        },
    ),
    "MobileViT": (
        "MobileViTImageProcessor",
        {"size": {"shortest_edge": 12}, "crop_size": {"height": 9, "width": 9}},
        {
            "size": [9, 9],
            "channels": "BGR",
            "resize": 12,
            "crop": "center-floor",
            "interpolation": "bicubic",
            "resizer": "tensor",
        },
    ),
    "torchvision by PIL": (
        "torchvision pil",
        {"resize": 12, "crop": 9},
        {"size": [9, 9], "resize": 12, "crop": "center", "mean": MEAN, "std": STD},
    ),
    "torchvision by tensors": (
        "torchvision tensor",
        {"resize": 12, "crop": 9},
        {
            "size": [9, 9],
            "resize": 12,
            "crop": "center",
            "resizer": "tensor",
            "mean": MEAN,
            "std": STD,
        },
    ),
}


def pictures():
    """Return pictures, by name: smooth with noise, wide, tall, smaller than every size."""
    shapes = {"wide": (14, 23), "tall": (27, 11), "small": (5, 7)}
    return {name: picture(*shape, seed) for seed, (name, shape) in enumerate(shapes.items())}


def picture(height, width, seed):
    """Return uint8 (height, width, 3): waves with noise, which every interpolation treats apart."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [np.sin(rows * draw.uniform(0, 1) + columns * draw.uniform(0, 1)) for _ in range(3)]
    noisy = 128 + 90 * np.stack(waves, axis=-1) + draw.normal(0, 40, (height, width, 3))
    return noisy.clip(0, 255).round().astype(np.uint8)


def gatefile_input(name):
    """Return what the gate file says for a case."""
    _, _, keys = CASES[name]
    statistics = {"mean": MEAN, "std": STD} if name.startswith("timm") else {}
    return {"channels": "RGB", **statistics, **keys}


def native(name, pixels):
    """Return what the pipeline of a case gives for uint8 (H, W, 3): float32 or uint8 (C, H, W)."""
    pipeline, options, _ = CASES[name]
    image = Image.fromarray(pixels)
    if pipeline == "timm":
        return _timm(image, **options)
    if pipeline.startswith("torchvision"):
        return _torchvision(image, as_tensor=pipeline.endswith("tensor"), **options)
    import transformers

    processor = getattr(transformers, pipeline)(**options)
    made = processor(images=image, return_tensors="np")["pixel_values"][0]
    return np.asarray(made)


def _timm(image, *, size, **options):
    from timm.data import create_transform

    transform = create_transform([3, *size], mean=MEAN, std=STD, **options)
    return transform(image).numpy()


def _torchvision(image, *, as_tensor, resize, crop):
    """Return what the reference's ClassificationPresetEval gives, of backend pil or tensor."""
    from torchvision.transforms import v2

    first = [v2.PILToTensor()] if as_tensor else []
    last = [] if as_tensor else [v2.PILToTensor()]
    import torch

    steps = [
        *(*first, v2.Resize(resize, antialias=True), v2.CenterCrop(crop), *last),
        *(v2.ToDtype(torch.float, scale=True), v2.Normalize(MEAN, STD)),
    ]
    return v2.Compose(steps)(image).numpy()


def define_operators():
    """Define the operators that torchvision's wheel misses beside the CPU build of torch."""
    import torch

    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library  # it is undone when nobody holds it


def main():
    """Write the reference values beside this file."""
    held = define_operators()
    import timm
    import torch
    import torchvision
    import transformers
    from PIL import __version__ as pillow

    modules = {"torch": torch, "torchvision": torchvision, "transformers": transformers}
    versions = {name: module.__version__ for name, module in {**modules, "timm": timm}.items()}
    images = pictures()
    arrays = {f"image {name}": pixels for name, pixels in images.items()}
    for name in CASES:
        arrays[name] = _stored(np.stack([native(name, each) for each in images.values()]))
    arrays["versions"] = np.array(json.dumps({**versions, "pillow": pillow}))
    np.savez_compressed(Path(__file__).with_suffix(".npz"), **arrays)
    del held


def _stored(made):
    """Return values as uint8 levels where they are such: as they are, scaled, or normalised."""
    mean, std = (np.array(each).reshape(3, 1, 1) for each in (MEAN, STD))
    for levels in (made * 1.0, made * 255.0, (made * std + mean) * 255):
        is_whole = np.abs(levels - levels.round()).max() < 1e-3
        if is_whole and levels.min() > -0.5 and levels.max() < 255.5:
            return levels.round().astype(np.uint8)
    return made.astype(np.float32)


if __name__ == "__main__":
    main()
