"""What a user meets who has not installed the framework, or passes something else than its network."""

from __future__ import annotations

import sys

import pytest

import lifline
from lifline.arch.errors import ConversionError, MissingLibraryError
from lifline.convert.frameworks.torch_layers import checked

IMPORTERS = {
    "snntorch": lifline.from_snntorch, "torch": lifline.from_norse, "spikingjelly": lifline.from_spikingjelly,
    "sinabs": lifline.from_sinabs, "rockpool": lifline.from_rockpool,
}  # fmt: skip


@pytest.mark.parametrize("package", IMPORTERS)
def test_a_missing_framework_is_named_with_the_way_to_install_it(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(f"{package}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not installed
    with pytest.raises(MissingLibraryError, match=f"pip install {package}"):
        IMPORTERS[package](object())


def test_an_object_that_is_no_network_is_refused_by_its_type() -> None:
    pytest.importorskip("torch")
    with pytest.raises(ConversionError, match="a network of Norse is a PyTorch module, got dict"):
        checked({}, "Norse")
