"""The generated header and tables are up to date, and a C compiler agrees with the packer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from lifline.arch import document, registers
from lifline.arch.frame import Kind, Request, crc16
from lifline.arch.program import MICRO, PASS_0
from lifline.arch.records import RECORD
from lifline.arch.registers import Space, address

ROOT = Path(__file__).parents[2]
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
STRICT = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror")


@pytest.mark.parametrize("path", document.FILES)
def test_generated_files_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text() == document.FILES[path](), "run `python -m lifline.arch.document` in the checkout"


def test_names_in_the_header_are_unique() -> None:
    names = [line.split()[1].partition("(")[0] for line in document.header().splitlines() if line.startswith("#define")]
    assert len(names) == len(set(names)) > 200


@needs_gcc
def test_header_compiles_alone_and_knows_its_layouts(tmp_path: Path) -> None:
    (tmp_path / "lifline.h").write_text(document.header())
    (tmp_path / "check.c").write_text(
        '#include "lifline.h"\n'
        f'_Static_assert(LIFLINE_ADDRESS(LIFLINE_SPACE_INPUT, 5) == {address(Space.INPUT, 5)}u, "address");\n'
        f'_Static_assert(LIFLINE_STATUS_COUNTER_WRAPPED == {registers.STATUS_COUNTER_WRAPPED}u, "status");\n'
        "int unused(void);\nint unused(void) { return lifline_crc16(0, 0, 0); }\n"
    )
    subprocess.run(["gcc", *STRICT, "-fsyntax-only", "check.c"], cwd=tmp_path, check=True)


@needs_gcc
def test_c_packs_words_and_frames_as_python_does(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines, expected = [], []
    for word in (RECORD, MICRO, PASS_0):
        values = {f.name: int(rng.integers(1 << f.width)) for f in word.fields if not f.signed}
        packed = word.pack(**values)
        names = {n: f"LIFLINE_{word.name}_{n}".upper() for n in values}
        lines += [f"{' | '.join(f'LIFLINE_PUT({v}u, {names[n]})' for n, v in values.items())}"]
        lines += [f"LIFLINE_GET({packed}u, {name})" for name in names.values()]
        expected += [packed, *values.values()]
    frame = Request(7, Kind.WRITE, address(Space.WEIGHTS, 3), 2, (0xDEADBEEF, 5)).encode()
    body = ", ".join(str(b) for b in frame[1:-2])
    lines.append(f"lifline_crc16(0xFFFF, (const uint8_t[]){{{body}}}, {len(frame) - 3})")
    expected.append(crc16(frame[1:-2]))
    prints = "".join(f'    printf("%u\\n", (unsigned)({line}));\n' for line in lines)
    (tmp_path / "lifline.h").write_text(document.header())
    (tmp_path / "pack.c").write_text(f'#include <stdio.h>\n#include "lifline.h"\nint main(void)\n{{\n{prints}    return 0;\n}}\n')
    subprocess.run(["gcc", *STRICT, "pack.c", "-o", "pack"], cwd=tmp_path, check=True)
    done = subprocess.run([tmp_path / "pack"], capture_output=True, text=True, check=True)
    assert [int(n) for n in done.stdout.split()] == expected
