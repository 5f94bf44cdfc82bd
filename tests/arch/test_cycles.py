"""No module needs another one that needs it: each can be read, and imported, after those that it names."""

from __future__ import annotations

from pathlib import Path

import pytest

from .cycles import cycle, graph, modules
from .imports import imported

PACKAGES = ("lifline", "lifline.rtl", "lifline.sim", "lifline.boards")


def written(folder: Path, **sources: str) -> dict[str, Path]:
    """Modules of a made-up package ``p``; ``a_b`` is ``p.a.b``."""
    found = {"p": folder / "__init__.py"}
    found["p"].write_text("")
    for name, source in sources.items():
        path = (folder / name.replace("_", "/")).with_suffix(".py")
        path.parent.mkdir(exist_ok=True)
        path.write_text(source)
        found[f"p.{name.replace('_', '.')}"] = path
    return found


def test_no_modules_import_each_other() -> None:
    sources = {name: source for package in PACKAGES for name, source in modules(package).items()}
    assert len(sources) > 150
    imports = graph(sources)
    assert "lifline.compiler.rings" in imports["lifline.compiler.compile"]
    assert cycle(imports) == []


@pytest.mark.parametrize(
    ("a", "b", "found"),
    [
        ("from . import b", "from . import a", True),
        ("from .b import C", "import p.a", True),
        ("from p.b import C", "def f():\n    from .a import C", True),
        ("def f():\n    import p.b", "def g():\n    from p import a", True),
        ("from importlib import import_module\nimport_module('p.b')", "from .a import C", True),
        ("if True:\n    from .b import C", "from .a import C", True),
        ("from .b import C", "import numpy", False),
        ("from .b import C", "if TYPE_CHECKING:\n    from .a import C", False),
        ("from .b import C", "if typing.TYPE_CHECKING:\n    from .a import C", False),
        ("from .b import C", "if TYPE_CHECKING:\n    pass\nelse:\n    from .a import C", True),
    ],
)
def test_circles_of_two_are_found(tmp_path: Path, a: str, b: str, found: bool) -> None:
    assert cycle(graph(written(tmp_path, a=a, b=b))) in ([["p.a", "p.b", "p.a"], ["p.b", "p.a", "p.b"]] if found else [[]])


def test_longer_circles_name_every_module_in_the_order_of_their_imports(tmp_path: Path) -> None:
    sources = written(tmp_path, a="from .b import x", b="from .c.d import x", c_d="from ..a import x", e="from . import a, b")
    circle = cycle(graph(sources))
    assert circle[0] == circle[-1] and set(circle) == {"p.a", "p.b", "p.c.d"}
    assert all(after in graph(sources)[before] for before, after in zip(circle, circle[1:], strict=False))


def test_a_package_that_gathers_names_of_its_modules_is_no_circle(tmp_path: Path) -> None:
    sources = written(tmp_path, a="from .b import x", b="")
    sources["p"].write_text("from .a import x")
    assert cycle(graph(sources)) == []
    sources["p.b"].write_text("from p import x")
    assert set(cycle(graph(sources))) == {"p", "p.a", "p.b"}


def test_what_only_types_need_is_told_apart() -> None:
    source = "if TYPE_CHECKING:\n    import a\nimport b"
    assert set(imported(source, "p")) == {"a", "b"} and set(imported(source, "p", types=False)) == {"b"}
