"""lifline: spiking neural networks on FPGAs, every bit predicted and checked."""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_IMPORTERS = ("from_snntorch", "from_norse", "from_spikingjelly", "from_sinabs", "from_rockpool", "from_relu")


def __getattr__(name: str) -> Any:
    """``lifline.from_snntorch`` and its like, loaded when first used: nothing else needs their modules."""
    if name in _IMPORTERS:
        return getattr(import_module(f"lifline.convert.{name}"), name)
    if name == "import_nir":
        return import_module("lifline.convert.nir_import").import_nir
    raise AttributeError(f"module 'lifline' has no attribute {name!r}")
