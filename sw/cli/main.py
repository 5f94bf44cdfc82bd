"""``lifline``: the command line."""

from __future__ import annotations

from . import conversions, devices, programs
from .app import app

__all__ = ["app", "conversions", "devices", "programs"]

ORDER = ("demo", "info", "show", "compile", "run", "verify", "serve", "build", "import", "fidelity", "export")
"""How the help lists the commands: what a newcomer needs comes first."""

app.registered_commands.sort(key=lambda c: ORDER.index(c.name or getattr(c.callback, "__name__", "")))

if __name__ == "__main__":
    app()
