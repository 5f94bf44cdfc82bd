"""Names of PyTorch's operations, and those that ask a value for nothing but its shape and type."""

from __future__ import annotations

from typing import Any

QUESTIONS = frozenset(
    "size dim ndim numel nelement shape dtype device layout stride is_contiguous is_floating_point is_complex is_cuda is_sparse is_quantized requires_grad "
    "requires_grad_ grad_fn grad is_leaf names storage_offset element_size data_ptr is_signed get_device is_meta is_nested is_mps is_xpu is_same_size len hash "
    "version backward_hooks untyped_storage typed_storage storage is_inference is_conj is_neg retains_grad output_nr is_mkldnn itemsize nbytes new_zeros new_ones new_full new_empty zeros_like ones_like full_like "
    "empty_like is_tensor numel".split()
)
"""Operations whose result depends on a value's shape and type only."""


def name_of(func: Any) -> str:
    """Plain name of a function, method, operator or property: ``add`` for ``Tensor.__iadd__``, ``T`` for the property."""
    name = getattr(func, "__name__", str(func))
    if name in ("__get__", "__set__"):
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name
