"""Builds that were made before, found again by a hash of everything that entered."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from amaranth.build.run import BuildPlan

from .link import Link
from .report import Report

FILE = "build.json"
"""In the folder of a build: its key, the digest of its bitstream and its report."""
KEY_BYTES = 8


def key_of(plan: BuildPlan, versions: Mapping[str, str]) -> str:
    """A name for what enters a build: every file, every option, and the tools."""
    hasher = hashlib.sha256(plan.digest())
    hasher.update(json.dumps(versions, sort_keys=True).encode())
    return hasher.hexdigest()[: 2 * KEY_BYTES]


def remember(folder: Path, key: str, report: Report) -> None:
    """Write down a finished build, in its folder."""
    digest = hashlib.sha256(report.bitstream.read_bytes()).hexdigest()
    fields = dataclasses.asdict(report) | {"bitstream": report.bitstream.name, "folder": ""}
    (folder / FILE).write_text(json.dumps({"key": key, "digest": digest, "report": fields}))


def recall(folder: Path, key: str) -> Report | None:
    """The report of the build in ``folder``; None if there is none, or its bitstream is not the one that was built."""
    try:
        written = json.loads((folder / FILE).read_text())
        fields = written["report"]
        bitstream = folder / Path(fields["bitstream"]).name
        if written["key"] != key or hashlib.sha256(bitstream.read_bytes()).hexdigest() != written["digest"]:
            return None
        seeds = {int(seed): fmax for seed, fmax in fields["seeds"].items()}
        return Report(**fields | {"bitstream": bitstream, "folder": folder, "seeds": seeds, "link": Link(fields["link"]), "cached": True})
    except (OSError, ValueError, KeyError, TypeError):
        return None
