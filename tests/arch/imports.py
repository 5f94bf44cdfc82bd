"""Which modules of lifline a source imports: at the top, inside functions, relative to itself, or by a name in a string."""

from __future__ import annotations

import ast
from collections.abc import Iterator

COMPUTED = "?"
"""In place of a name that only the run knows."""


class _OnlyRun(ast.NodeTransformer):
    """Drops what stands under ``if TYPE_CHECKING:``."""

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING") else node


def imported(source: str, package: str, *, types: bool = True) -> Iterator[str]:
    """Full names of what a module in ``package`` (``lifline.sim``) imports; ``from a import b`` gives ``a.b``.

    Without ``types``, not what only a type checker imports. Of a name that begins with a text and goes on with a value, the text; :data:`COMPUTED` for one of which nothing is known.

    Raises
    ------
    ValueError   for a relative import that leaves the top.
    """
    tree = ast.parse(source)
    for node in ast.walk(tree if types else _OnlyRun().visit(tree)):
        match node:
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = resolved("." * level + (module or ""), package)
                yield from (f"{base}.{alias.name}" for alias in names)
            case ast.Call(func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"), args=args, keywords=keywords):
                asked = [*args, *(k.value for k in keywords if k.arg == "name")]
                name = asked[0].values[0] if asked and isinstance(asked[0], ast.JoinedStr) else asked[0] if asked else None
                yield resolved(str(name.value), package) if isinstance(name, ast.Constant) else COMPUTED


def resolved(name: str, package: str) -> str:
    """A name relative to ``package`` in full."""
    bare = name.lstrip(".")
    level = len(name) - len(bare)
    if not level:
        return name
    parents = package.split(".")
    if level > len(parents):
        raise ValueError(f"`{name}` in {package} lies above the top")
    return ".".join([*parents[: len(parents) - level + 1], *([bare] if bare else [])])
