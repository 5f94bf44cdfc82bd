"""Values of NIR nodes as NumPy arrays, whatever an exporter put there: tensors of any type and place, tuples, numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

LARGEST_LAYER = 1 << 28
"""Values in one layer; more would not fit into any memory once they are evaluated."""
Shape = tuple[int, ...]


def as_array(where: str, value: Any) -> NDArray[np.float64]:
    """A value as float64. Tensors may require a gradient, be parameters, sparse, of half precision, or on another device.

    Raises
    ------
    ConversionError   for tensors without values (on ``meta``, not initialised), complex and masked values, NaN and infinities, and what
        is no number.
    """
    if callable(getattr(value, "detach", None)):
        value = _from_tensor(where, value)
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise ConversionError(f"{where} holds masked values; fill them")
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biufO":
            raise TypeError(f"type {array.dtype}")
        array = array.astype(np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ConversionError(f"{where} is not a number or an array of numbers ({error})") from error
    if not np.isfinite(array).all():
        raise ConversionError(f"{where} is not finite: {int((~np.isfinite(array)).sum())} of {array.size} values are NaN or infinite")
    return array


def _from_tensor(where: str, tensor: Any) -> Any:
    device = str(getattr(tensor, "device", ""))
    if device == "meta":
        raise ConversionError(f"{where} is a tensor on device meta, which holds no values; load the weights before the export")
    try:
        if tensor.is_complex():
            raise ConversionError(f"{where} is complex; there are real numbers only")
        tensor = tensor.detach()
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        if "strided" not in str(tensor.layout):
            tensor = tensor.to_dense()
        return tensor.cpu().double().numpy()
    except ConversionError:
        raise
    except Exception as error:  # lazily initialised parameters and broken devices raise whatever they like
        raise ConversionError(f"{where} is a {type(tensor).__name__} whose values cannot be read ({type(error).__name__}: {error})") from error


def as_shape(where: str, value: Any) -> Shape:
    """A value as a shape; empty if there is none.

    Raises
    ------
    ConversionError   unless it is made of integers, or if one layer of it would be larger than :data:`LARGEST_LAYER`.
    """
    if isinstance(value, dict):
        if len(value) > 1:
            raise ConversionError(f"{where} has {len(value)} shapes {sorted(map(str, value))}; one is supported")
        value = next(iter(value.values()), None)
    if value is None:
        return ()
    if isinstance(value, (list, tuple)) and any(entry is None for entry in value):
        return ()
    array = as_array(where, value).ravel()
    if (array != np.rint(array)).any():
        raise ConversionError(f"{where} {array.tolist()} must be integers")
    shape = tuple(int(n) for n in array)
    check_size(where, shape)
    return shape


def check_size(where: str, shape: Shape) -> None:
    """Refuse shapes of more than :data:`LARGEST_LAYER` values."""
    size = 1
    for n in shape:
        size *= max(n, 1)
    if size > LARGEST_LAYER:
        raise ConversionError(f"{where} {shape} is {size:,} values; at most {LARGEST_LAYER:,} in one layer")
