"""Files of strangers are looked over before they are read: sizes, links and kinds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError, DatasetError
from lifline.network import hdf5
from lifline.network.hdf5 import open_hdf5

h5py = pytest.importorskip("h5py")


def written(path: Path, fill: Callable[[Any], object]) -> Path:
    with h5py.File(path, "w") as file:
        fill(file)
    return path


def opened(path: Path, **options: Any) -> dict[str, Any]:
    with open_hdf5(path, "test file", ConversionError, **options) as file:
        return {key: file[key][()] for key in file if isinstance(file[key], h5py.Dataset)}


def circle(file: Any) -> None:
    file.create_group("a").create_group("b")
    file["a/b/c"] = file["a"]


def shared(file: Any) -> None:
    file.create_group("a")
    file["b"] = file["a"]


def deep(file: Any) -> None:
    for _ in range(hdf5.DEEPEST + 2):
        file = file.create_group("g")


def virtual(file: Any) -> None:
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("v", layout)


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "never written": (lambda f: f.create_dataset("w", (1 << 14, 1 << 14), "f4", chunks=(1 << 10, 1 << 10)), "would become 1,073,741,824 in memory"),
    "never written, many": (lambda f: [f.create_dataset(f"w{k}", (1 << 21,), "f8", chunks=(1 << 12,)) for k in range(9)], "would become"),
    "one chunk": (lambda f: f.create_dataset("w", (4,), "f4", chunks=(1 << 29,), maxshape=(None,), compression="gzip"), "chunks of 2,147,483,648"),
    "circle": (circle, "`/a` and `/a/b/c` are one"),
    "circle to the root": (lambda f: f.__setitem__("a", f["/"]), "`/` and `/a` are one"),
    "shared group": (shared, "`/a` and `/b` are one"),
    "soft link": (lambda f: f.__setitem__("a", h5py.SoftLink("/b")), "`/a` is a SoftLink"),
    "soft circle": (lambda f: f.__setitem__("a", h5py.SoftLink("/a")), "`/a` is a SoftLink"),
    "other file": (lambda f: f.__setitem__("a", h5py.ExternalLink("other.h5", "/")), "`/a` is a ExternalLink"),
    "virtual": (virtual, "`/v` takes its values from other files"),
    "external bytes": (lambda f: f.create_dataset("x", (4,), "f4", external=[("raw.bin", 0, 16)]), "`/x` takes its values from other files"),
    "named type": (lambda f: f.__setitem__("t", np.dtype("f4")), "`/t` is a Datatype"),
    "empty": (lambda f: f.create_dataset("e", data=h5py.Empty("f4")), "`/e` holds no values"),
    "compound": (lambda f: f.create_dataset("c", data=np.zeros(2, [("x", "f4")])), "`/c` holds .* there are numbers and texts"),
    "complex": (lambda f: f.create_dataset("c", data=np.zeros(2, complex)), "`/c` holds complex128"),
    "reference": (lambda f: f.create_dataset("r", data=f.ref, dtype=h5py.ref_dtype), "`/r` holds object"),
    "ragged": (lambda f: f.create_dataset("v", (3,), h5py.vlen_dtype(np.int32)), "`/v` holds object"),
    "deep": (deep, "groups deep"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_no_reader_expects_is_refused_by_name(name: str, tmp_path: Path) -> None:
    fill, message = REFUSED[name]
    with pytest.raises(ConversionError, match=message):
        opened(written(tmp_path / "x.h5", fill))


def test_one_text_shared_by_many_elements_is_counted_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "x.h5", lambda f: f.create_dataset("t", data=["x" * 1000] * 300, dtype=h5py.string_dtype()))
    assert len(opened(path)["t"]) == 300
    monkeypatch.setattr(hdf5, "LARGEST", 250_000)
    monkeypatch.setattr(hdf5, "UNPACKED", 0)
    with pytest.raises(ConversionError, match="would become"):
        opened(path)


def test_what_packs_well_is_read(tmp_path: Path) -> None:
    """Deflate at its best, bools, texts, scalars, and the same array under two names."""

    def fill(file: Any) -> None:
        file.create_dataset("zeros", data=np.zeros((2000, 2000)), compression="gzip", compression_opts=9)
        file.create_dataset("flag", data=True)
        file.create_dataset("text", data="CubaLIF", dtype=h5py.string_dtype())
        file.create_dataset("fixed", data=np.array([b"ab", b"c"]))
        file["again"] = file["flag"]

    found = opened(written(tmp_path / "x.h5", fill))
    assert found["zeros"].shape == (2000, 2000) and found["flag"] and found["again"] and found["text"] == b"CubaLIF" and list(found["fixed"]) == [b"ab", b"c"]


def test_arrays_of_arrays_are_for_readers_that_expect_them(tmp_path: Path) -> None:
    path = written(tmp_path / "x.h5", lambda f: f.create_dataset("v", (3,), h5py.vlen_dtype(np.int32)))
    assert len(opened(path, arrays=True)["v"]) == 3


@pytest.mark.parametrize("content", [b"", b"text", b"\x89HDF\r\n\x1a\n" + bytes(100)])
def test_what_is_no_hdf5_is_refused_in_the_reader_s_own_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "x.h5").write_bytes(content)
    with pytest.raises(DatasetError, match="is not a readable recording"), open_hdf5(tmp_path / "x.h5", "recording", DatasetError):
        pass


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_open_or_are_refused(seed: int, tmp_path: Path) -> None:
    def fill(file: Any) -> None:
        for k in range(3):
            group = file.create_group(f"node/{k}")
            group.create_dataset("weight", data=np.arange(60.0).reshape(6, 10), compression="gzip")
            group.create_dataset("type", data="Affine", dtype=h5py.string_dtype())

    rng = np.random.default_rng(seed)
    path = written(tmp_path / "x.h5", fill)
    content = bytearray(path.read_bytes())
    for at in rng.integers(0, len(content), rng.integers(1, 30)):
        content[at] = rng.integers(256)
    path.write_bytes(content[: rng.integers(1, len(content))] if seed % 3 == 0 else content)
    try:
        opened(path)
    except ConversionError as error:
        assert "x.h5" in str(error)
    except (OSError, RuntimeError, ValueError):
        pass  # of an array's own bytes, which only reading shows; the callers turn it into their error


def test_no_file_and_no_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.h5", tmp_path):
        with pytest.raises(FileNotFoundError, match="no test file"):
            opened(path)


@pytest.mark.parametrize("size", [1037, 2**40, 2**63])
def test_heaps_at_which_the_library_would_hang_are_refused(tmp_path: Path, size: int) -> None:
    """The last text's length is changed, so that nothing but zeros, free space of size 0, lies where the next object should."""
    path = tmp_path / "texts.h5"
    with h5py.File(path, "w") as file:
        for k in range(5):
            file[f"text{k}"] = "some text"
    with open_hdf5(path, "file of texts", ConversionError):
        pass
    data = bytearray(path.read_bytes())
    place = data.find(b"GCOL") + 16
    sizes = []
    while int.from_bytes(data[place : place + 2], "little"):
        sizes.append(place + 8)
        place += 16 + -(-int.from_bytes(data[place + 8 : place + 16], "little") // 8) * 8
    data[sizes[-1] : sizes[-1] + 8] = size.to_bytes(8, "little")
    path.write_bytes(data)
    with pytest.raises(ConversionError, match="its heap at byte .* does not fit"), open_hdf5(path, "file of texts", ConversionError):
        pass
