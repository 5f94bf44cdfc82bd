"""The installed package is clean for pyright; an editable install would not do, its folders are not those of the package.

Not checked: ``rtl``, whose components get their members at run time (every one is elaborated by other tests). ``train`` is checked
where PyTorch is installed. Libraries that are not installed with the tests, such as the frameworks that ``convert`` reads objects
of, count as ``Any``.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECKED = ("arch", "boards", "cli", "compiler", "convert", "data", "driver", "network", "sim", *(("train",) if find_spec("torch") else ()))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which a wheel of this checkout is installed."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in ("sw", "rtl", "sim", "boards"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--target", str(target), str(source)]
    subprocess.run(pip, check=True)
    return target


def elsewhere(diagnostic: dict) -> bool:
    """Whether it is about a library that is not installed; lifline's own modules must all be found."""
    return diagnostic.get("rule") == "reportMissingImports" and '"lifline' not in diagnostic["message"]


def errors(installed: Path, *folders: Path) -> list[str]:
    settings = {"include": [f.relative_to(installed).as_posix() for f in folders], "pythonVersion": "3.11", "typeCheckingMode": "basic"}
    (installed / "pyrightconfig.json").write_text(json.dumps(settings))
    pyright = [sys.executable, "-m", "pyright", "--project", str(installed), "--pythonpath", sys.executable, "--outputjson"]
    done = subprocess.run(pyright, capture_output=True, text=True, cwd=installed, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["filesAnalyzed"] > 0, done.stdout
    found = (d for d in report["generalDiagnostics"] if d["severity"] == "error" and not elsewhere(d))
    return [f"{Path(d['file']).relative_to(installed)}:{d['range']['start']['line'] + 1}: {d['message']}" for d in found]


def test_installed_package_has_no_type_errors(installed: Path) -> None:
    assert errors(installed, *(installed / "lifline" / name for name in CHECKED)) == []


def test_wrong_types_are_noticed(installed: Path) -> None:
    """The check can fail, and it is the installed package that it looks at."""
    wrong = installed / "wrong"
    wrong.mkdir()
    (wrong / "use.py").write_text("import lifline.nowhere\nfrom lifline.arch.config import preset\n\nname: str = preset('tiny').window\n")
    found = errors(installed, wrong)
    assert [f.partition(": ")[0] for f in found] == ["wrong/use.py:1", "wrong/use.py:4"]
