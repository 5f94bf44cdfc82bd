"""The example of Speech Commands: its split, its code, its distortion, and the step from graded energies to spikes."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

FOLDER = Path(__file__).parents[2] / "examples" / "speech"


@pytest.fixture
def sound() -> SimpleNamespace:
    return SimpleNamespace(**runpy.run_path(str(FOLDER / "sound.py")))


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(FOLDER))
    return SimpleNamespace(**runpy.run_path(str(FOLDER / "train.py")))


def test_no_speaker_is_in_two_parts(sound: SimpleNamespace, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    speakers = np.array([f"s{k}" for k in range(64)] + [""])[rng.integers(0, 65, 2000)]
    is_test = (speakers >= "s5") | ((speakers == "") & (rng.random(2000) < 0.2))
    energies = np.arange(2000, dtype=np.uint8)[:, None, None] * np.ones((1, 2, 2), np.uint8)
    np.savez(tmp_path / "file.npz", logmel=energies, label=np.arange(2000) % 12, speaker=speakers, is_test=is_test)
    parts = [sound.Recordings.read(str(tmp_path / "file.npz"), part) for part in ("train", "validation", "test")]
    sizes = [len(part.labels) for part in parts]
    assert sum(sizes) == 2000
    assert sizes[2] == is_test.sum()
    assert 0.03 < sizes[1] / sum(sizes[:2]) < 0.1
    chosen = [sound.Recordings.places(speakers, is_test, part) for part in ("train", "validation", "test")]
    named = [set(speakers[c]) - {""} for c in chosen]
    assert all(len(part) > 1 for part in named)
    assert not named[0] & named[1] and not (named[0] | named[1]) & named[2]


def test_planes_stand_for_the_graded_energies(sound: SimpleNamespace) -> None:
    energies = np.random.default_rng(0).uniform(0, 255, (3, sound.FRAMES, sound.BANDS)).astype(np.float32)
    spikes = sound.bit_planes(energies)
    assert set(np.unique(spikes)) == {0, 1}
    planes = spikes.reshape(3, sound.STEPS, 2, sound.PLANES, sound.BANDS)
    np.testing.assert_allclose(np.einsum("ntfpb,p->ntfb", planes, sound.PLANE_VALUES).reshape(3, sound.STEPS, -1), sound.graded(energies), atol=1e-6)
    np.testing.assert_allclose(sound.graded(energies)[0, 4, sound.BANDS :], np.clip(np.rint((energies[0, 9] - 20) / 7), 0, 31) / 31, atol=1e-6)


def test_distortion_repeats_with_its_seed_and_is_none_at_strength_0(sound: SimpleNamespace) -> None:
    rng = np.random.default_rng(0)
    energies = rng.integers(0, 256, (5, sound.FRAMES, sound.BANDS)).astype(np.uint8)
    distortion = sound.Distortion(energies[:2])
    once, again, other = (distortion(energies, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert np.isfinite(once).all() and not (once == other).all()
    np.testing.assert_allclose(sound.Distortion(energies[:2], 0.0)(energies, rng), energies, atol=1e-3)


def test_noise_is_added_in_power(sound: SimpleNamespace) -> None:
    quiet = np.full((1, sound.FRAMES, sound.BANDS), 100, np.uint8)
    found = sound.Distortion(quiet)._with_noise(quiet.astype(np.float32), SimpleNamespace(
        integers=lambda n, size: np.zeros(size, int), uniform=lambda a, b, n: np.zeros(n), random=lambda n: np.zeros(n)))  # fmt: skip
    np.testing.assert_allclose(found, 100 + 20 * np.log10(2), atol=1e-3)


def test_in_planes_the_network_computes_what_it_computed_on_graded_energies(training: SimpleNamespace) -> None:
    torch.manual_seed(0)
    net = training.build()
    energies = np.random.default_rng(0).uniform(0, 255, (4, training.FRAMES, training.BANDS)).astype(np.float32)
    graded, spikes = torch.from_numpy(training.graded(energies)), torch.from_numpy(training.bit_planes(energies)).float()
    for _ in range(20):
        net(graded)  # statistics
    planes = training.in_planes(net)
    net.eval()
    planes.eval()
    planes.quantisation = None
    with torch.no_grad():
        one, other = net(graded), planes(spikes)
    assert all(0.02 < one.spikes[name].mean() < 0.6 for name in net.names[1:-1])
    assert all((one.spikes[name] != other.spikes[name]).float().mean() < 1e-3 for name in net.names[1:])


def test_the_teacher_s_answers_pull_towards_them_and_the_labels_to_the_words(training: SimpleNamespace) -> None:
    torch.manual_seed(0)
    answers, scores = torch.randn(2, 6, training.WORDS)
    labels = torch.arange(6)
    pulls = {}
    for share, start in ((1.0, answers), (1.0, scores), (0.0, scores)):
        given = start.clone().requires_grad_()
        training.distilled(given, labels, answers, smoothing=0.1, share=share).backward()
        pulls[share, start is answers] = given.grad
    torch.testing.assert_close(pulls[1.0, True], torch.zeros_like(answers), atol=1e-6, rtol=0)
    torch.testing.assert_close(pulls[1.0, False], (torch.softmax(scores / 2, 1) - torch.softmax(answers / 2, 1)) / 6)
    smooth = torch.full_like(scores, 0.1 / training.WORDS) + 0.9 * torch.nn.functional.one_hot(labels, training.WORDS)
    torch.testing.assert_close(pulls[0.0, False], (torch.softmax(scores, 1) - smooth) / 6)


def test_a_lesson_asks_the_teacher_about_what_the_network_hears(training: SimpleNamespace) -> None:
    torch.manual_seed(0)
    energies = np.random.default_rng(0).integers(0, 256, (3, training.FRAMES, training.BANDS)).astype(np.uint8)
    teacher = training.Teacher(training.WORDS)
    lesson = training.Lesson(training.bit_planes, training.Distortion(energies), teacher)
    np.testing.assert_array_equal(lesson.encode(energies, None), training.bit_planes(energies.astype(np.float32)))
    assert not len(lesson.answers)
    heard = training.Distortion(energies)(energies, np.random.default_rng(5))
    np.testing.assert_array_equal(lesson.encode(energies, np.random.default_rng(5)), training.bit_planes(heard))
    torch.testing.assert_close(lesson.answers, teacher.answers(heard))
    assert lesson.answers.shape == (3, training.WORDS)
