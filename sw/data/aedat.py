"""AEDAT 4 recordings of event cameras, read by the library `aedat`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifline.arch.errors import DatasetError, MissingLibraryError

from .events import Recording, existing

SOURCE = "your camera's software; older AEDAT files are converted by DV (https://docs.inivation.com)"


def read_aedat4(path: str | Path) -> tuple[Recording, tuple[int, int, int]]:
    """All polarity events of a file and the sensor's shape (2, height, width); channels count polarity, y, x. Times start at the first event.

    Raises
    ------
    DatasetError         if it is missing, not AEDAT 4, damaged, or has not exactly one event stream.
    MissingLibraryError  without `aedat`.
    """
    file = existing(path, "an AEDAT 4 recording", "one .aedat4 file", SOURCE)
    try:
        import aedat
    except ImportError as error:
        raise MissingLibraryError("AEDAT files need aedat, which is not installed; pip install 'lifline[data]'") from error
    try:
        decoder = aedat.Decoder(str(file))
        streams = {key: s for key, s in decoder.id_to_stream().items() if s["type"] == "events"}
        packets = [p["events"] for p in decoder if p["stream_id"] in streams and "events" in p]
    except Exception as error:  # the library raises its own, undocumented kinds
        raise DatasetError(f"{file} cannot be read as AEDAT 4 ({error}); older versions have to be converted, see {SOURCE}") from error
    if len(streams) != 1:
        raise DatasetError(f"{file} has {len(streams)} event streams; one is needed")
    [stream] = streams.values()
    shape = (2, int(stream["height"]), int(stream["width"]))
    if not packets:
        return Recording(np.zeros(0, np.int64), np.zeros(0, np.int64)), shape
    t, x, y, on = (np.concatenate([p[name] for p in packets]).astype(np.int64) for name in ("t", "x", "y", "on"))
    if x.max() >= shape[2] or y.max() >= shape[1]:
        raise DatasetError(f"{file} has an event at x={x.max()}, y={y.max()}, outside {shape[2]} x {shape[1]}; it is damaged")
    order = np.argsort(t, kind="stable")
    return Recording((t - t.min())[order], ((on * shape[1] + y) * shape[2] + x)[order]), shape
