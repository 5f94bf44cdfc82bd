"""Runs a formal proof of a component with SymbiYosys, and makes broken twins of components."""

from __future__ import annotations

import importlib.util
import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

from amaranth.back import rtlil
from amaranth.hdl import Elaboratable, Signal

SCRIPTS = Path(sysconfig.get_path("scripts"))
PROGRAMS = {name: SCRIPTS / f"yowasp-{name}" for name in ("sby", "yosys", "yosys-smtbmc")}


def missing() -> str | None:
    """Why proofs cannot run here, or None."""
    absent = [str(p.name) for p in (*PROGRAMS.values(), SCRIPTS / "z3") if not p.exists()]
    return f"{', '.join(absent)} not installed" if absent else None


def mutated(module: ModuleType, *changes: tuple[str, str]) -> ModuleType:
    """A copy of ``module`` with pieces of its source changed, from old to new: a broken twin, or one that shows what is inside.

    Raises
    ------
    ValueError   if an old piece does not occur exactly once.
    """
    assert module.__file__ is not None
    source = Path(module.__file__).read_text()
    for old, new in changes:
        if source.count(old) != 1:
            raise ValueError(f"`{old}` occurs {source.count(old)} times in {module.__name__}; the twin needs another piece")
        source = source.replace(old, new)
    spec = importlib.util.spec_from_loader(f"{module.__name__}_twin", loader=None)
    assert spec is not None
    twin = importlib.util.module_from_spec(spec)
    twin.__package__ = module.__package__
    exec(compile(source, module.__file__, "exec", dont_inherit=True), twin.__dict__)  # noqa: S102
    return twin


def around(outer: ModuleType, inner: ModuleType, twin: ModuleType) -> ModuleType:
    """A copy of ``outer`` that uses the components of ``twin`` in place of those of ``inner``, of which ``twin`` is a copy."""
    copy = mutated(outer)
    used = [name for name, value in vars(outer).items() if getattr(value, "__module__", None) == inner.__name__]
    assert used, f"{outer.__name__} uses nothing of {inner.__name__}"
    for name in used:
        setattr(copy, name, getattr(twin, name))
    return copy


def prove(folder: Path, design: Elaboratable, ports: list[Signal], depth: int, cells: str = "", *, platform: object = None) -> bool:
    """Prove all assertions of ``design`` by k-induction with ``depth`` steps; False if there is a counterexample.

    ``cells`` is a file of cell models that comes with yosys, for instances in the design.
    ``platform`` is what the design is elaborated for, :attr:`lifline.rtl.cells.memory.Check.ASSERT` for the assertions in memories.

    Raises
    ------
    RuntimeError   if the proof neither succeeds nor finds a counterexample within ``depth`` steps of a reset.
    """
    (folder / "top.il").write_text(rtlil.convert(design, name="top", ports=ports, platform=platform))
    models = f"read_verilog -nooverwrite {cells}\n" if cells else ""
    (folder / "top.sby").write_text(
        f"[options]\nmode prove\ndepth {depth}\n[engines]\nsmtbmc z3\n[script]\nread_rtlil top.il\n{models}prep -flatten -top top\n[files]\ntop.il\n"
    )
    command = [PROGRAMS["sby"], "--yosys", PROGRAMS["yosys"], "--smtbmc", PROGRAMS["yosys-smtbmc"], "-f", "top.sby"]
    environment = {"PATH": f"{SCRIPTS}:/usr/bin:/bin", "HOME": str(Path.home())}
    done = subprocess.run([str(c) for c in command], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if "DONE (PASS" in done.stdout:
        return True
    if "DONE (FAIL" in done.stdout:
        return False
    raise RuntimeError(f"no proof and no counterexample:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
