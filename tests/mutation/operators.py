"""Single changes of a Python source: what a slip of the hand could have written instead."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="),
}  # fmt: skip
OPERATIONS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.LShift: ("<<", ">>"), ast.RShift: (">>", "<<"), ast.BitAnd: ("&", "|"), ast.BitOr: ("|", "&"),
    ast.Mod: ("%", "//"), ast.FloorDiv: ("//", "%"),
}  # fmt: skip
EXTREMES = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}
SHAPED = ("Signal", "In", "Out")
"""Calls whose first argument is a shape. A signal that is wider than it has to be computes the same: only narrower ones are tried."""
NOT_CODE = (ast.Raise, ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
"""Messages, checks of the code by itself, and names: a change there changes no result."""


@dataclass(frozen=True, order=True)
class Change:
    """One change: ``before`` becomes ``after`` at a place of a file, which is given by its line and column, both from 0."""

    file: str
    line: int
    column: int
    before: str
    after: str
    text: str = ""

    def apply(self, source: str) -> str:
        """The changed source.

        Raises
        ------
        ValueError   if ``before`` does not stand there.
        """
        lines = source.split("\n")
        line = lines[self.line]
        if not line.startswith(self.before, self.column):
            raise ValueError(f"{self.file}, line {self.line + 1}: `{self.before}` does not stand at column {self.column}")
        lines[self.line] = line[: self.column] + self.after + line[self.column + len(self.before) :]
        return "\n".join(lines)

    @property
    def changed_text(self) -> str:
        """The line as it reads afterwards."""
        return Change("", 0, self.column, self.before, self.after).apply(self.text).strip()


def _nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Everything that computes: without messages, annotations and documentation."""
    yield node
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, NOT_CODE):
                continue
            if isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING":
                continue
            yield from _nodes(child)


def _widths(tree: ast.AST) -> set[ast.AST]:
    """Numbers that are the width of a signal or of a port, or the end of its range."""
    found: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in SHAPED:
            found |= {n for n in ast.walk(node.args[0]) if isinstance(n, ast.Constant)} if node.args else set()
    return found


def _choices(node: ast.AST) -> Iterator[tuple[ast.expr | None, ast.expr, str, str]]:
    """What a node offers: the expression before the token or None if it begins with it, that behind or the node, token and change."""
    match node:
        case ast.Compare(left=left, ops=ops, comparators=right):
            for before, op, behind in zip([left, *right[:-1]], ops, right, strict=True):
                if type(op) in COMPARISONS:
                    yield (before, behind, *COMPARISONS[type(op)])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATIONS and not isinstance(left, ast.JoinedStr):
            yield (left, right, *OPERATIONS[type(op)])
        case ast.BoolOp(op=op, values=values):
            token = ("and", "or") if isinstance(op, ast.And) else ("or", "and")
            for before, behind in zip(values[:-1], values[1:], strict=True):
                yield (before, behind, *token)
        case ast.UnaryOp(op=ast.Not()):
            yield None, node, "not ", ""
        case ast.UnaryOp(op=ast.USub()):
            yield None, node, "-", "+"
        case ast.UnaryOp(op=ast.Invert()):
            yield None, node, "~", ""
        case ast.Constant(value=bool(value)):
            yield None, node, str(value), str(not value)
        case ast.Constant(value=int(value)):
            yield None, node, str(value), str(value + 1)
        case ast.Call(func=ast.Name(id=name)) if name in EXTREMES:
            yield None, node, name, EXTREMES[name]
        case ast.Attribute(value=value, attr=attr) if attr in EXTREMES:
            yield (value, node, "." + attr, "." + EXTREMES[attr])
        case _:
            return


def changes_of(file: str, source: str) -> list[Change]:
    """All single changes of a source, in order of their places."""
    lines, found, tree = source.split("\n"), set(), ast.parse(source)
    widths = _widths(tree)
    for node in _nodes(tree):
        for before, behind, token, replacement in _choices(node):
            if node in widths:
                replacement = str(int(token) - 1)
            place = _place(lines, before, behind, token)
            if place is not None:
                found.add(Change(file, *place, token, replacement, lines[place[0]]))
    return sorted(found)


def _place(lines: list[str], before: ast.expr | None, behind: ast.expr, token: str) -> tuple[int, int] | None:
    """Line and column of a token; None where it is written otherwise (``1_000``, ``0xFF``) or stands on another line than what precedes it."""
    if before is None:
        line, column = behind.lineno - 1, len(lines[behind.lineno - 1].encode()[: behind.col_offset].decode())
        return (line, column) if lines[line].startswith(token, column) else None
    assert before.end_lineno is not None and before.end_col_offset is not None
    line = before.end_lineno - 1
    column = lines[line].find(token, len(lines[line].encode()[: before.end_col_offset].decode()))
    if column < 0 or "#" in lines[line][:column]:
        return None
    return line, column
