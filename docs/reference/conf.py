"""API reference from the docstrings: ``python -m sphinx -W --keep-going docs/reference build/reference``.

A page per package of ``pyproject.toml`` with all its modules is written when the build starts, so that none can be forgotten.
"""

from __future__ import annotations

import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from pkgutil import iter_modules

from sphinx.application import Sphinx

import lifline

HERE = Path(__file__).parent
PROJECT = tomllib.loads((HERE.parents[1] / "pyproject.toml").read_text())

project = PROJECT["project"]["name"]
version = release = PROJECT["project"]["version"]
sys.path.insert(0, str(HERE))
extensions = ["sphinx.ext.autodoc", "notation", "sphinx.ext.napoleon"]  # the notation before napoleon, which reads what it writes
html_theme = "furo"
html_title = f"{project} {version}: reference"
exclude_patterns: list[str] = []
suppress_warnings = ["ref.python"]  # short names in annotations that several modules have

autodoc_default_options = {"members": True, "show-inheritance": True, "member-order": "bysource"}
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = False
napoleon_use_param = False  # several names may share a description
napoleon_custom_sections = [("Attributes", "params_style"), ("Members", "params_style")]  # members: ports of a component


def modules(package: str) -> list[str]:
    """A package and its own modules, those of the packages in it left out."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    return [package, *(f"{package}.{m.name}" for m in iter_modules(spec.submodule_search_locations) if not m.ispkg)]


def write_pages(app: Sphinx) -> None:
    """Pages of the packages, and the first page that lists them."""
    packages = PROJECT["tool"]["setuptools"]["packages"]
    pages = HERE / "pages"
    pages.mkdir(exist_ok=True)
    for package in packages:
        parts = [f"{package}\n{'=' * len(package)}\n"]
        for module in modules(package):
            title = "" if module == package else f"{module}\n{'-' * len(module)}\n\n"
            parts.append(f"{title}.. automodule:: {module}\n" + ("   :no-members:\n" if module == "lifline" else ""))
            if module == "lifline":  # names of other modules, which are described there
                places = [(name, place.replace(":", ".")) for name, place in lifline._PLACES.items()]
                parts += [f"- ``lifline.{name}``: :py:obj:`lifline.{place}`" for name, place in places] + [""]
        text = "\n".join(parts)
        page = pages / f"{package}.rst"
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
    for page in pages.glob("*.rst"):
        if page.stem not in packages:
            page.unlink()


def setup(app: Sphinx) -> None:
    app.connect("config-inited", lambda app, config: write_pages(app))
