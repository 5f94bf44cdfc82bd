"""The sources are clean for pyright, as an editor shows them: settings of ``pyproject.toml``, lifline installed in strict editable mode.

Libraries that are not installed with the tests, such as the frameworks that ``convert`` reads objects of, count as ``Any``; ``train`` is
checked where PyTorch is installed.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from .installs import STRICT, copy_checkout, install, make_environment

WRONG = {
    "sw/arch/wrong.py": "from .config import preset\n\nname: str = preset('tiny').window\n",
    "boards/wrong.py": "import lifline.nowhere\n",
    "sim/wrong.py": "from lifline.arch.config import preset\n\nname: str = preset('tiny').window\n",
    "rtl/wrong.py": "from amaranth import Module\n\nfrom .cells.select import parts_of\n\nname: str = Module()\nparts: str = parts_of(name, 3)\n",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources, installed in the environment beside it."""
    copied = copy_checkout(tmp_path_factory.mktemp("checkout"))
    install(make_environment(copied / ".venv"), *STRICT, str(copied))
    return copied


def elsewhere(diagnostic: dict) -> bool:
    """Whether it is about a library that is not installed; lifline's own modules must all be found."""
    return diagnostic.get("rule") == "reportMissingImports" and '"lifline' not in diagnostic["message"]


@pytest.fixture(scope="module")
def errors(checkout: Path) -> dict[str, list[str]]:
    """File -> its errors, of the sources and of some wrong ones among them."""
    for file, text in WRONG.items():
        (checkout / file).write_text(text)
    pyright = [sys.executable, "-m", "pyright", "--project", str(checkout), "--pythonpath", str(checkout / ".venv/bin/python"), "--outputjson"]
    report = json.loads(subprocess.run(pyright, capture_output=True, text=True, cwd=checkout, check=False).stdout)
    assert report["summary"]["filesAnalyzed"] > 150
    found: dict[str, list[str]] = {}
    for d in report["generalDiagnostics"]:
        file = Path(d["file"]).resolve().relative_to(checkout.resolve()).as_posix()
        if d["severity"] == "error" and not elsewhere(d) and (find_spec("torch") or not file.startswith("sw/train/")):
            found.setdefault(file, []).append(f"{d['range']['start']['line'] + 1}: {d['message']}")
    return found


def test_sources_have_no_type_errors(errors: dict[str, list[str]]) -> None:
    assert {file: lines for file, lines in errors.items() if file not in WRONG} == {}


def test_wrong_types_are_noticed(errors: dict[str, list[str]]) -> None:
    """The check can fail, in every folder; what lifline says of itself and what Amaranth's stubs say is known."""
    assert {file: [line.partition(": ")[0] for line in lines] for file, lines in errors.items() if file in WRONG} == {
        "sw/arch/wrong.py": ["3"], "boards/wrong.py": ["1"], "sim/wrong.py": ["3"], "rtl/wrong.py": ["5", "6", "6"],
    }  # fmt: skip
