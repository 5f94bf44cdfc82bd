"""The notation of lifline's docstrings, written out as the sections of numpydoc that Sphinx reads.

In a section several names may share a line, three spaces between one and the next, and a description goes on in lines like the first:

    Attributes
    ----------
    first, fan_in : presynaptic neurons.   blocks : blocks of
    postsynaptic neurons, (block,).

A kind of error is followed by three spaces and when it is raised. Shapes such as ``(batch, *shape)`` may stand without quotes.
"""

from __future__ import annotations

import re

from sphinx.application import Sphinx

NAMED = ("Attributes", "Members", "Parameters", "Other Parameters", "Returns")
ITEM = re.compile(r"(?:^|(?<=\s{3}))(\*{0,2}\w+(?:, ?\*{0,2}\w+)*) : ")
ERROR = re.compile(r"^(\w+(?:, \w+)*) {2,}(.*)")
SHAPE = re.compile(r"(?<=\()([^()`*]*)\*([a-z][^()`*]*)(?=\))")


def sections(lines: list[str]) -> list[tuple[str, list[str]]]:
    """The docstring's parts: title, empty for the text before the first section, and lines."""
    found: list[tuple[str, list[str]]] = [("", [])]
    for k, line in enumerate(lines):
        if k + 1 < len(lines) and line.strip() and re.fullmatch(r"-{3,}", lines[k + 1].strip()):
            found.append((line.strip(), []))
        elif not (k and lines[k - 1].strip() == found[-1][0] and re.fullmatch(r"-{3,}", line.strip())):
            found[-1][1].append(line)
    return found


def items(title: str, lines: list[str]) -> list[tuple[str, list[str]]]:
    """Names and description of what a section lists; lines that begin no item go on with the one before."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        error = ERROR.match(line) if title == "Raises" else None
        starts = [] if title == "Raises" else list(ITEM.finditer(line))
        if error:
            found.append((error[1], [error[2]]))
        elif starts and (found or not line[: starts[0].start()].strip()):
            if before := line[: starts[0].start()].strip():
                found[-1][1].append(before)
            ends = [*(s.start() for s in starts[1:]), len(line)]
            found += [(s[1], [line[s.end() : end].strip()]) for s, end in zip(starts, ends, strict=True)]
        elif title == "Raises" and re.fullmatch(r"\w+", line):
            found.append((line, []))
        elif found:
            found[-1][1].append(line.strip())
        else:
            found.append(("", [line]))
    return found


def written_out(lines: list[str]) -> list[str]:
    """A docstring as Sphinx reads it."""
    done: list[str] = []
    for title, body in sections([SHAPE.sub(r"\1\\*\2", line) for line in lines]):
        if title:
            done += [title, "-" * len(title)]
        listed = items(title, body) if title in (*NAMED, "Raises") else [("", body)]
        if title and any(not name for name, _ in listed):  # prose, or numpydoc's own form
            listed = [("", body)]
        for name, text in listed:
            done += [name, *(f"    {line}" if line else "" for line in text)] if name else text
    return done


def read(app: Sphinx, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Changes ``lines`` in place, as Sphinx asks for it."""
    lines[:] = written_out(lines)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", read)
