"""Save a small model of transformers and the images that it learned from, as a user has them."""

import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image

NAMES = {0: "clean", 1: "scratched"}
draw = np.random.default_rng(0)


def surface(scratched):
    """Return a grey surface, with a bright line across it or without."""
    pixels = draw.normal(100, 10, (40, 40, 1)).repeat(3, 2)
    if scratched:
        row = draw.integers(6, 34)
        pixels[row - 2 : row + 2] += 100
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save_images(split, each):
    """Save images of both classes and return them with their labels."""
    made = [(surface(bool(label)), label) for label in NAMES for _ in range(each)]
    for number, (image, label) in enumerate(made):
        folder = Path("data", split, NAMES[label])
        folder.mkdir(parents=True, exist_ok=True)
        image.save(folder / f"{number:03}.png")
    return made


def hide_broken_torchvision():
    """Let transformers see no torchvision where the one here is for another torch."""
    try:
        import torchvision  # noqa: F401 -- transformers asks for it
    except ModuleNotFoundError:
        return
    except Exception:
        for name in [each for each in sys.modules if each.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision"] = None


def train(model, images, labels):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(30):
        for rows in torch.randperm(len(labels)).split(20):
            optimizer.zero_grad()
            model(pixel_values=images[rows], labels=labels[rows]).loss.backward()
            optimizer.step()


def main():
    hide_broken_torchvision()
    import transformers

    torch.manual_seed(0)
    learned = save_images("train", 100)
    save_images("test", 100)
    labels = {name: label for label, name in NAMES.items()}
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], id2label=NAMES, label2id=labels
    )
    model = transformers.ResNetForImageClassification(config)
    processor = transformers.ViTImageProcessorPil(size={"height": 32, "width": 32})
    prepared = processor([image for image, _ in learned], return_tensors="pt")
    train(model, prepared["pixel_values"], torch.tensor([label for _, label in learned]))
    model.save_pretrained("my-model")
    processor.save_pretrained("my-model")


if __name__ == "__main__":
    main()
