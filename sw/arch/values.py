"""Values that users and files bring, checked in one place: what is no integer, no truth value or no text is named, never converted in silence."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from .errors import LiflineError


def integer(value: object, what: str, error: type[LiflineError], *, low: int | None = None, high: int | None = None) -> int:
    """A whole number: an int, or one of NumPy's or PyTorch's; not a float, even where it is whole.

    Raises
    ------
    error   naming the value, which ``what`` names, and the limits.
    """
    try:
        number = operator.index(value) if isinstance(value, SupportsIndex) else None
    except (TypeError, ValueError, RuntimeError):  # an array or tensor of several, or of fractions
        number = None
    limits = "" if low is None else f" of at least {low}" if high is None else f" in {low}..{high}"
    if number is None:
        raise error(f"{what} {short(value)} must be an integer{limits}")
    if (low is not None and number < low) or (high is not None and number > high):
        raise error(f"{what} {number} must be an integer{limits}")
    return number


def flag(value: object, what: str, error: type[LiflineError]) -> bool:
    """True or False, or the integers 1 and 0.

    Raises
    ------
    error   for everything else: texts, None and NaN count as true or false in Python, and mean neither.
    """
    if isinstance(value, bool | np.bool_) or (isinstance(value, int | np.integer) and value in (0, 1)):
        return bool(value)
    raise error(f"{what} {short(value)} must be True or False")


def text(value: object, what: str, error: type[LiflineError], *, empty: bool = False) -> str:
    """A text; an empty one only where ``empty``.

    Raises
    ------
    error   for what is none, and one that no file could hold (a lone surrogate).
    """
    if not isinstance(value, str) or not (value or empty):
        raise error(f"{what} {short(value)} must be a text{'' if empty else ' that is not empty'}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise error(f"{what} {short(value)} has characters that cannot be written as UTF-8") from None
    return str(value)


def plain_fields(instance: Any, what: str, error: type[LiflineError]) -> None:
    """Replace the fields of a frozen dataclass that are annotated ``int``, ``int | None`` or ``bool`` by plain values of that type.

    Raises
    ------
    error   as :func:`integer` and :func:`flag`, with the field's name behind ``what``.
    """
    for field in dataclasses.fields(instance):
        value = getattr(instance, field.name)
        if field.type == "bool":
            object.__setattr__(instance, field.name, flag(value, what + field.name, error))
        elif field.type == "int" or (field.type == "int | None" and value is not None):
            object.__setattr__(instance, field.name, integer(value, what + field.name, error))


def array(value: object, what: str, error: type[LiflineError]) -> NDArray[Any]:
    """An array from whatever NumPy takes; PyTorch tensors may require a gradient and be on another device.

    Raises
    ------
    error   for ragged lists, masked values, and tensors that hold no values.
    """
    detach = getattr(value, "detach", None)
    try:
        if callable(detach):
            tensor: Any = detach()
            value = tensor.cpu().numpy()
        if isinstance(value, np.ma.MaskedArray):
            if np.ma.is_masked(value):
                raise error(f"{what}: {int(np.ma.count_masked(value))} values are masked; fill them, for example with `filled(0)`")
            value = value.data
        return np.asarray(value)
    except LiflineError:
        raise
    except Exception as problem:  # ragged lists, lazy or broken tensors, objects with conversions of their own
        raise error(f"{what}: {short(value)} is no rectangular array of values ({type(problem).__name__}: {problem})") from problem


def integer_array(value: object, what: str, error: type[LiflineError]) -> NDArray[np.int64]:
    """A read-only array of integers, int64. Truth values count as 0 and 1.

    Raises
    ------
    error   for other types, and integers that need more than 64 bits with sign.
    """
    found = array(value, what, error)
    if found.dtype.kind not in "biu":
        if found.dtype.kind == "O" and found.size and all(isinstance(v, int) for v in found.flat):
            raise error(f"{what}: {max(found.flat, key=abs)} is beyond {np.iinfo(np.int64).max}, the largest integer")
        raise error(f"{what} must be integers, not {found.dtype}; quantise the network first")
    if found.dtype.kind == "u" and found.size and int(found.max()) > np.iinfo(np.int64).max:
        raise error(f"{what}: {int(found.max())} is beyond {np.iinfo(np.int64).max}, the largest integer")
    whole = found.astype(np.int64)
    whole.setflags(write=False)
    return whole


def short(value: object, longest: int = 60) -> str:
    """A value as it looks in code, cut off for a message."""
    try:
        shown = repr(value)
    except Exception:  # a broken __repr__ must not hide the message
        shown = f"<{type(value).__name__}>"
    return shown if len(shown) <= longest else f"{shown[:longest]}..."
