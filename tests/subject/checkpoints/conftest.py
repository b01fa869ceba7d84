"""Make the generated corpus importable, and give every test folders of its own."""

import sys
from pathlib import Path

import pytest
import torch

# The folder has no __init__.py files, so that pytest's importlib mode can read it; the corpus is
# a package of its own, shared by the tests of this folder.
sys.path.insert(0, str(Path(__file__).parent))

from checkpoint_corpus.models import small_cnn


@pytest.fixture
def model() -> torch.nn.Module:
    return small_cnn()
