"""The example of the import page runs, and its table lists every dialect."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lifline.convert.nir.dialects import DIALECTS

PAGE = Path(__file__).parents[2] / "docs" / "import.md"


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("nir")
    structure, fidelity = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(fidelity, "import.md", "exec"), {})
    agreement = float(capsys.readouterr().out.splitlines()[1].split()[0])
    assert agreement > 0.9
    pytest.importorskip("snntorch")
    exec(compile(structure, "import.md", "exec"), {})
    (said,) = re.findall(r"kind for projection in network.projections\]\) +# (.*)", structure)
    assert capsys.readouterr().out.strip() == said


def test_table_agrees_with_the_dialects() -> None:
    rows = {m[1]: row for row in PAGE.read_text().splitlines() if (m := re.match(r"\| [^|]+ \| `(\w+)`", row)) and m[1] in DIALECTS}
    assert set(DIALECTS) - set(rows) <= {"sinabs_unnormalised_multi_spike"}  # shares a row
    for name, row in rows.items():
        d = DIALECTS[name]
        assert f"`{d.reset.value}`" in row and f"| {'>' if d.strict else '>='} |" in row and f"| {d.cap}" in row
        assert d.integrator.value in row.lower() or "the same" in row
