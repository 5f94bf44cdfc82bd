"""``lifline``: the command line."""

from __future__ import annotations

from . import boards, configurations, conversions, devices, embed, energy, estimate, explore, programs, report, runs, selftest, verification
from .app import app

__all__ = ["app", "boards", "configurations", "conversions", "devices", "embed", "energy", "estimate", "explore", "programs", "report", "runs", "selftest", "verification"]

ORDER = ("demo", "info", "show", "compile", "run", "estimate", "energy", "calibrate", "explore", "report", "verify", "serve", "boards", "build", "program", "selftest", "embed", "import", "fidelity", "export")
"""How the help lists the commands: what a newcomer needs comes first."""

app.registered_commands.sort(key=lambda c: ORDER.index(c.name or getattr(c.callback, "__name__", "")))

if __name__ == "__main__":
    app()
