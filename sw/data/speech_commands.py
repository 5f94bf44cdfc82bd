"""Google Speech Commands (Warden 2018): folders of one-second words, and the log-mel features that networks listen to."""

from __future__ import annotations

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DatasetError

from .events import class_folders, existing

SOURCE = "https://storage.googleapis.com/download.tensorflow.org/data/speech_commands_v0.02.tar.gz"
LAYOUT = "the unpacked archive: a folder per word with .wav files, validation_list.txt and testing_list.txt"
RATE_HZ = 16_000
FLOOR_DB = -80.0


@dataclass(frozen=True, eq=False)
class Words:
    """``samples`` (word, 16000) in -1..1, shorter words filled with silence; ``labels`` into ``classes``; ``files`` relative to the folder."""

    samples: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    files: tuple[str, ...]


def read_wav(path: str | Path) -> NDArray[np.float32]:
    """A mono 16-bit recording at 16 kHz, (sample,) in -1..1.

    Raises
    ------
    DatasetError   if it is missing, truncated, or of another format.
    """
    file = existing(path, "a recording", "one .wav file", SOURCE)
    try:
        with wave.open(str(file), "rb") as sound:
            rate, channels, width, count = sound.getframerate(), sound.getnchannels(), sound.getsampwidth(), sound.getnframes()
            data = sound.readframes(count)
    except (OSError, wave.Error, EOFError, ValueError) as error:
        raise DatasetError(f"{file} cannot be read as .wav ({error}); get it again") from error
    if (rate, channels, width) != (RATE_HZ, 1, 2):
        raise DatasetError(f"{file}: {rate} Hz, {channels} channels, {8 * width} bits; {RATE_HZ} Hz, mono, 16 bits are needed")
    if len(data) != 2 * count:
        raise DatasetError(f"{file} holds {len(data) // 2} of {count} samples: it is truncated; get it again")
    return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32768)


def load(folder: str | Path, split: str, *, classes: tuple[str, ...] | None = None, limit: int | None = None) -> Words:
    """Words of ``split`` ``"train"``, ``"validation"`` or ``"test"``, as the archive's lists say; ``limit`` per class.

    Longer recordings are refused, shorter ones filled with silence. ``classes`` chooses words; those whose folder begins with ``_`` are left out.

    Raises
    ------
    DatasetError   for another split, layout, or class, and as :func:`read_wav`.
    """
    if split not in ("train", "validation", "test"):
        raise DatasetError(f"split {split!r} must be 'train', 'validation' or 'test'")
    root = existing(folder, "Speech Commands", LAYOUT, SOURCE)
    lists = {name: existing(root / file, "Speech Commands", LAYOUT, SOURCE) for name, file in (("validation", "validation_list.txt"), ("test", "testing_list.txt"))}
    held = {name: set(path.read_text().split()) for name, path in lists.items()}
    found = {name: files for name, files in class_folders(root, "*.wav", "Speech Commands") if not name.startswith("_")}
    chosen = tuple(found) if classes is None else classes
    unknown = [name for name in chosen if name not in found]
    if unknown:
        raise DatasetError(f"{root} has no folder for {', '.join(unknown)}; there are {', '.join(found)}")
    samples, labels, names = [], [], []
    for label, name in enumerate(chosen):
        own = [f for f in found[name] if (f"{name}/{f.name}" in held[split] if split in held else not any(f"{name}/{f.name}" in h for h in held.values()))]
        for file in own[:limit]:
            sound = read_wav(file)
            if len(sound) > RATE_HZ:
                raise DatasetError(f"{file} lasts {len(sound) / RATE_HZ:.2f} s, more than 1 s; it is no Speech Commands file")
            samples.append(np.pad(sound, (0, RATE_HZ - len(sound))))
            labels.append(label)
            names.append(f"{name}/{file.name}")
    return Words(np.array(samples, np.float32).reshape(-1, RATE_HZ), np.array(labels, np.int64), chosen, tuple(names))


def log_mel(samples: NDArray[np.float32], *, bands: int = 40, window_s: float = 0.025, hop_s: float = 0.01) -> NDArray[np.float32]:
    """Log energies (..., frame, band) in dB, not below -80, of recordings (..., sample) at 16 kHz.

    Hann window, power spectrum, triangular filters with centres equally spaced from 20 Hz to 8 kHz in mel, ``2595 log10(1 + f / 700)``
    (O'Shaughnessy 1987), ``10 log10`` of the filtered power.

    Raises
    ------
    DatasetError   if the recordings are shorter than a window.
    """
    length, hop = round(window_s * RATE_HZ), round(hop_s * RATE_HZ)
    if samples.shape[-1] < length:
        raise DatasetError(f"recordings of {samples.shape[-1]} samples are shorter than a window of {length}")
    frames = np.lib.stride_tricks.sliding_window_view(samples, length, axis=-1)[..., ::hop, :]
    size = 1 << (length - 1).bit_length()
    power = np.abs(np.fft.rfft(frames * np.hanning(length), size)) ** 2 / size
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (20.0, RATE_HZ / 2))
    mel = np.linspace(lowest, highest, bands + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    frequency = np.fft.rfftfreq(size, 1 / RATE_HZ)[:, None]
    rising, falling = (frequency - edges[:-2]) / np.diff(edges)[:-1], (edges[2:] - frequency) / np.diff(edges)[1:]
    energy = power @ np.clip(np.minimum(rising, falling), 0, None)
    return (10 * np.log10(np.maximum(energy, 10 ** (FLOOR_DB / 10)))).astype(np.float32)
