"""Every loader on files written here, in the layout that the data sets have, and on what can be wrong with them."""

from __future__ import annotations

import gzip
import re
import struct
import wave
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.errors import DatasetError
from lifline.data import aedat, mnist, nmnist, speech_commands, spiking_audio
from lifline.data.events import Recording, bin_events

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.fixture
def mnist_folder(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for prefix, count in (("train", 7), ("t10k", 3)):
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx(rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)))
        (tmp_path / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(count, dtype=np.uint8))))
    return tmp_path


def test_mnist(mnist_folder: Path) -> None:
    images, labels = mnist.load(mnist_folder, "train")
    assert images.shape == (7, 28, 28) and labels.tolist() == list(range(7))
    assert (images == np.random.default_rng(0).integers(0, 256, (7, 28, 28), dtype=np.uint8)).all()
    assert mnist.load(mnist_folder, "test")[0].shape == (3, 28, 28)


def test_damaged_mnist(mnist_folder: Path) -> None:
    file = mnist_folder / "train-images-idx3-ubyte"
    whole = file.read_bytes()
    for data, text in ((whole[:-1], "header asks"), (whole[:6], "header asks"), (b"", "nothing"), (b"PK\3\4" + whole, "not an idx file")):
        file.write_bytes(data)
        with pytest.raises(DatasetError, match=text):
            mnist.load(mnist_folder, "train")
    packed = mnist_folder / "train-labels-idx1-ubyte.gz"
    file.write_bytes(whole)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(DatasetError, match="cannot be unpacked"):
        mnist.load(mnist_folder, "train")
    file.write_bytes(idx(np.zeros((2, 28, 28), np.uint8)))
    packed.write_bytes(gzip.compress(idx(np.arange(7, dtype=np.uint8))))
    with pytest.raises(DatasetError, match="do not belong together"):
        mnist.load(mnist_folder, "train")
    with pytest.raises(DatasetError, match="must be 'train' or 'test'"):
        mnist.load(mnist_folder, "dev")


def event(x: int, y: int, polarity: int, time_us: int) -> bytes:
    return bytes([x, y]) + (polarity << 23 | time_us).to_bytes(3, "big")


def test_nmnist(tmp_path: Path) -> None:
    for name in ("0", "1"):
        (tmp_path / "Train" / name).mkdir(parents=True)
    data = event(3, 5, 1, 10) + event(33, 0, 0, 8000) + event(0, 240, 0, 0) + event(1, 2, 0, 20)
    (tmp_path / "Train" / "1" / "00007.bin").write_bytes(data)
    (tmp_path / "Train" / "0" / "00001.bin").write_bytes(b"")
    found = nmnist.load(tmp_path, "train")
    assert found.labels.tolist() == [0, 1] and found.classes == ("0", "1") and len(found) == 2
    recording = found.recordings[1]
    assert recording.times_us.tolist() == [10, 8000, 8192 + 20]
    assert [np.unravel_index(c, nmnist.SHAPE) for c in recording.channels] == [(1, 5, 3), (0, 0, 33), (0, 2, 1)]
    assert found.spikes(step_us=1000, steps=9).spikes.shape == (2, 9, 2312)
    for damage, text in ((data[:-1], "truncated"), (event(40, 0, 0, 0), "outside 34 x 34")):
        (tmp_path / "Train" / "1" / "00007.bin").write_bytes(damage)
        with pytest.raises(DatasetError, match=text):
            nmnist.load(tmp_path, "train")
    with pytest.raises(DatasetError, match="Get it from"):
        nmnist.load(tmp_path, "test")
    (tmp_path / "Test").mkdir()
    with pytest.raises(DatasetError, match="no sub-folders"):
        nmnist.load(tmp_path, "test")


def write_shd(path: Path, units: list[list[int]], labels: list[int]) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        spikes = file.create_group("spikes")
        for name, kind, values in (("times", np.float16, [[0.25 * k for k in range(len(u))] for u in units]), ("units", np.uint16, units)):
            column = spikes.create_dataset(name, (len(units),), dtype=h5py.vlen_dtype(kind))
            for k, value in enumerate(values):
                column[k] = np.array(value, kind)
        file["labels"] = np.array(labels)
        file.create_group("extra")["keys"] = np.array([b"zero", b"eins"])


def test_spiking_audio(tmp_path: Path) -> None:
    path = tmp_path / "shd_train.h5"
    write_shd(path, [[5, 699], [], [1, 2, 3]], [1, 0, 1])
    found = spiking_audio.load(path)
    assert found.labels.tolist() == [1, 0, 1] and found.classes == ("zero", "eins") and found.shape == (700,)
    assert found.recordings[0].times_us.tolist() == [0, 250_000] and found.recordings[0].channels.tolist() == [5, 699]
    assert len(spiking_audio.load(path, limit=2)) == 2
    write_shd(path, [[700]], [0])
    with pytest.raises(DatasetError, match="0..699"):
        spiking_audio.load(path)
    write_shd(path, [[7]], [2])
    with pytest.raises(DatasetError, match="2 classes"):
        spiking_audio.load(path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DatasetError, match="not a readable SHD or SSC file"):
        spiking_audio.load(path)
    with pytest.raises(DatasetError, match="zenkelab"):
        spiking_audio.load(tmp_path / "missing.h5")


def write_wav(path: Path, samples: np.ndarray, rate: int = 16000) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())


def test_speech_commands(tmp_path: Path) -> None:
    for name, length in (("yes/a.wav", 16000), ("yes/b.wav", 12000), ("yes/c.wav", 16000), ("no/a.wav", 16000), ("_background_noise_/x.wav", 16000)):
        write_wav(tmp_path / name, np.full(length, 0.5))
    (tmp_path / "validation_list.txt").write_text("yes/b.wav\n")
    (tmp_path / "testing_list.txt").write_text("yes/c.wav\nno/a.wav\n")
    train, valid, test = (speech_commands.load(tmp_path, split) for split in ("train", "validation", "test"))
    assert train.files == ("yes/a.wav",) and valid.files == ("yes/b.wav",) and test.files == ("no/a.wav", "yes/c.wav")
    assert test.classes == ("no", "yes") and test.labels.tolist() == [0, 1] and valid.samples.shape == (1, 16000)
    assert valid.samples[0, 11999] > 0.49 and valid.samples[0, 12000] == 0
    assert speech_commands.load(tmp_path, "test", classes=("yes",)).labels.tolist() == [0]
    with pytest.raises(DatasetError, match="no folder for maybe"):
        speech_commands.load(tmp_path, "test", classes=("maybe",))
    write_wav(tmp_path / "yes" / "a.wav", np.zeros(16000), rate=8000)
    with pytest.raises(DatasetError, match="8000 Hz"):
        speech_commands.load(tmp_path, "train")
    whole = (tmp_path / "yes" / "c.wav").read_bytes()
    (tmp_path / "yes" / "a.wav").write_bytes(whole[:1000])
    with pytest.raises(DatasetError, match="truncated"):
        speech_commands.load(tmp_path, "train")
    (tmp_path / "testing_list.txt").unlink()
    with pytest.raises(DatasetError, match="testing_list.txt"):
        speech_commands.load(tmp_path, "train")


def test_log_mel_finds_a_tone() -> None:
    time = np.arange(16000) / 16000
    tone = np.sin(2 * np.pi * 1000 * time).astype(np.float32)
    features = speech_commands.log_mel(np.stack([tone, np.zeros_like(tone)]))
    assert features.shape == (2, 98, 40) and (features[1] == speech_commands.FLOOR_DB).all()
    centres = 700 * (10 ** (np.linspace(*(2595 * np.log10(1 + np.array([20.0, 8000.0]) / 700)), 42)[1:-1] / 2595) - 1)
    assert abs(centres[features[0].mean(0).argmax()] - 1000) < 60
    with pytest.raises(DatasetError, match="shorter than a window"):
        speech_commands.log_mel(tone[:100])


def test_aedat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = pytest.importorskip("aedat")
    path = tmp_path / "camera.aedat4"
    with pytest.raises(DatasetError, match="does not exist"):
        aedat.read_aedat4(path)
    path.write_bytes(b"#!AER-DAT3.1\r\n")
    with pytest.raises(DatasetError, match="cannot be read as AEDAT 4"):
        aedat.read_aedat4(path)

    class Decoder:
        """What the library gives for a small file."""

        def __init__(self, path: str) -> None:
            kind = [("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")]
            self.events = np.array([(1_000_100, 3, 1, True), (1_000_000, 0, 2, False)], kind)

        def id_to_stream(self) -> dict:
            return {0: {"type": "events", "width": 4, "height": 3}, 1: {"type": "imus"}}

        def __iter__(self):  # type: ignore[no-untyped-def]
            return iter([{"stream_id": 1, "imus": None}, {"stream_id": 0, "events": self.events}])

    monkeypatch.setattr(library, "Decoder", Decoder)
    recording, shape = aedat.read_aedat4(path)
    assert shape == (2, 3, 4) and recording.times_us.tolist() == [0, 100] and recording.channels.tolist() == [8, (3 + 1) * 4 + 3]


def test_binning_counts_what_it_merges_and_drops() -> None:
    recording = Recording(np.array([0, 5, 9, 10, 25, 31]), np.array([1, 1, 0, 1, 2, 0]))
    binned = bin_events(recording, (3,), step_us=10, steps=3)
    assert binned.spikes[0].tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 1]]
    assert (binned.merged, binned.late) == (1, 1)
    with pytest.raises(DatasetError, match="at least 1"):
        bin_events(recording, (3,), step_us=0, steps=3)
    with pytest.raises(DatasetError, match="outside 0..1"):
        bin_events(recording, (2,), step_us=10, steps=3)


def test_page_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "N-MNIST" / "Train" / "3").mkdir(parents=True)
    (tmp_path / "N-MNIST" / "Train" / "3" / "00001.bin").write_bytes(event(3, 5, 1, 10) + event(3, 5, 1, 20))
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(code, "datasets.md", "exec"), {})
    assert capsys.readouterr().out.split() == ["(1,", "300,", "2312)", "1", "0"]
