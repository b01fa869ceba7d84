"""A measurement chooses its engine, backend and device."""

from typing import Literal

Engine = Literal["local", "ray"]
Backend = Literal["torch", "onnxruntime"]
Device = Literal["auto", "cpu", "cuda", "mps"]
