"""The gate that decides whether a trained PyTorch image classifier may ship."""

__version__ = "0.1.0"
