"""Is every bit of an ECP5's configuration file accounted for? Unpacks the file of a ULX3S by Project Trellis' database, packs it again and compares the bytes.

    python -m tests.netlist.ecp5_file

A bit that the database does not know, or means something else by, would be lost or moved. No netlist comes out of it; what place and route has written of what it
has joined is compared in :mod:`tests.netlist.ecp5_routed`.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from lifline.arch.config import preset
from lifline.boards.build import build
from lifline.sim.board.build import cache_folder

BOARD, CONFIG = "ulx3s-25f", "tiny"
UNPACK, PACK = "yowasp-ecpunpack", "yowasp-ecppack"


def tool(name: str) -> str:
    """Where a tool is."""
    return shutil.which(name) or str(Path(sysconfig.get_path("scripts")) / name)


def repacked(data: bytes) -> tuple[bytes, int]:
    """A file unpacked and packed again, and how many settings it had.

    Raises
    ------
    subprocess.CalledProcessError   if a tool refuses it.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "top.bit").write_bytes(data)
        for command in ([tool(UNPACK), "top.bit", "again.config"], [tool(PACK), "--compress", "--input", "again.config", "--bit", "again.bit"]):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        settings = (folder / "again.config").read_text().splitlines()
        return (folder / "again.bit").read_bytes(), sum(line.startswith(("arc:", "word:", "enum:", "unknown:")) for line in settings)


def check(folder: Path) -> tuple[int, int]:
    """Build the file in ``folder``, or find it there, and compare; bytes and settings.

    Raises
    ------
    AssertionError   if a byte differs.
    """
    data = (Path(build(BOARD, preset(CONFIG), folder).folder) / "top.bit").read_bytes()
    again, settings = repacked(data)
    assert again == data, f"{sum(a != b for a, b in zip(again, data, strict=False))} bytes differ, {len(data)} before and {len(again)} behind"
    return len(data), settings


def main() -> None:
    """Print what was compared."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=cache_folder() / "bitstreams", help="of builds; one that is there is not made again")
    size, settings = check(parser.parse_args().folder)
    print(f"{BOARD}, `{CONFIG}`: {size} bytes, {settings} settings; unpacked and packed again, no byte differs")


if __name__ == "__main__":
    main()
