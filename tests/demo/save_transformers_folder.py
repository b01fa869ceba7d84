"""Save a small model of transformers and the images that it learned from, as a user has them."""

import sys
from pathlib import Path

try:
    import torchvision  # noqa: F401 -- transformers asks for it
except ModuleNotFoundError:
    pass
except Exception:  # a wheel for another torch
    for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
        del sys.modules[name]
    sys.modules["torchvision"] = None
import numpy as np
import torch
import transformers
from PIL import Image

NAMES = {0: "clean", 1: "scratched"}
torch.manual_seed(0)
draw = np.random.default_rng(0)


def surface(scratched):
    """Return a grey surface, with a bright line across it or without."""
    pixels = draw.normal(100, 10, (40, 40, 1)).repeat(3, 2)
    if scratched:
        row = draw.integers(6, 34)
        pixels[row - 2 : row + 2] += 100
    return pixels.clip(0, 255).astype(np.uint8)


def save_images(split, each):
    for label, name in NAMES.items():
        folder = Path("data", split, name)
        folder.mkdir(parents=True)
        for number in range(each):
            Image.fromarray(surface(bool(label))).save(folder / f"{number:03}.png")


save_images("train", 100)
save_images("test", 100)
config = transformers.ResNetConfig(
    embedding_size=8,
    hidden_sizes=[8, 16],
    depths=[1, 1],
    id2label=NAMES,
    label2id={name: label for label, name in NAMES.items()},
)
model = transformers.ResNetForImageClassification(config)
processor = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})
paths = [
    (path, label)
    for label, name in NAMES.items()
    for path in sorted(Path("data/train", name).iterdir())
]
images = processor([Image.open(path) for path, _ in paths], return_tensors="pt")["pixel_values"]
labels = torch.tensor([label for _, label in paths])
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
for _ in range(30):
    for rows in torch.randperm(len(labels)).split(20):
        optimizer.zero_grad()
        loss = model(pixel_values=images[rows], labels=labels[rows]).loss
        loss.backward()
        optimizer.step()
model.save_pretrained("my-model")
processor.save_pretrained("my-model")
