"""The numbers that a tensor holds, however it holds them: sparse, complex, quantised, in 8 bits."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def has_values(tensor: "torch.Tensor") -> bool:
    """Return whether a tensor holds numbers at all: not on the meta device, nor without a shape.

    A lazy module's parameter has no shape before it is loaded or used.
    """
    from torch.nn.parameter import is_lazy

    return not is_lazy(tensor) and tensor.device.type != "meta"


def floats_of(tensor: "torch.Tensor") -> "torch.Tensor | None":
    """Return the floating-point numbers of a tensor, dense and of a type that torch computes with.

    None where it has none: of integers, or without values. What a sparse one leaves out is zero.
    """
    import torch

    if not has_values(tensor):
        return None
    plain = tensor.detach()
    if plain.is_quantized:
        plain = plain.dequantize()
    if plain.is_nested or plain.layout is torch.jagged:
        plain = plain.values()
    elif plain.layout is torch.sparse_coo:
        plain = plain.coalesce().values()
    elif plain.layout is not torch.strided:
        plain = plain.values() if plain.layout in _compressed() else plain.to_dense()
    if plain.is_complex():
        plain = torch.view_as_real(plain.resolve_conj())
    if not plain.is_floating_point() or plain.numel() == 0:
        return None
    return plain.float() if plain.element_size() == 1 else plain


def _compressed() -> "frozenset[torch.layout]":
    import torch

    return frozenset({torch.sparse_csr, torch.sparse_csc, torch.sparse_bsr, torch.sparse_bsc})
