"""A measurement chooses its engine, backend and device."""

from typing import Literal

EngineName = Literal["isolated", "inline", "pool", "ray"]
Backend = Literal["torch", "onnxruntime"]
Device = Literal["auto", "cpu", "cuda", "mps"]
