"""The delay study: the generated task, sizes of the compared networks, an equal search for all, cells that resume, and a page that shows what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "examples" / "delay_study"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STUDY))


def test_event_counts_do_not_tell_the_motions_apart(example: None) -> None:
    from motion import CLASSES, COARSE, FINE, SIZE, motion
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    # What the time of events is not needed for: shares for a linear classifier, and for one that sees streaks. Chance is 0.04.
    for scene, spread, linear, forest in ((COARSE, 0.12, 0.1, 0.2), (FINE, 0.25, 0.1, 0.2)):
        spikes, labels = motion(2400, 5, scene)
        assert np.array_equal(motion(50, 5, scene)[0], motion(50, 5, scene)[0]) and spikes.shape == (2400, scene.steps, 2 * SIZE * SIZE) and set(labels) == set(range(CLASSES))
        counts = spikes.sum(1, dtype=np.int64)
        means = np.array([counts[labels == label].sum(1).mean() for label in range(CLASSES)]).reshape(-1, 3)
        assert np.ptp(means.mean(0)) < spread * means.mean() and (np.ptp(means, axis=0) < 0.1 * means.mean()).all()
        for classifier, limit in ((LogisticRegression(C=0.01, max_iter=2000), linear), (RandomForestClassifier(100, random_state=0), forest)):
            assert classifier.fit(counts[:1600], labels[:1600]).score(counts[1600:], labels[1600:]) < limit


def test_a_textures_events_follow_its_velocity(example: None) -> None:
    """Moved back along the right velocity, events of one edge fall on each other; along the opposite one they do not."""
    from motion import COARSE, DIRECTIONS, FINE, SIZE, motion

    for scene in (COARSE, FINE):
        spikes, labels = motion(600, 6, scene)
        on = spikes[:, :, : SIZE * SIZE].reshape(-1, scene.steps, SIZE, SIZE).astype(float)
        fast, lag = labels % 3 == 2, round(1 / scene.speeds[2])  # steps from pixel to pixel
        shares = []
        for turn in (0, DIRECTIONS // 2):
            right = on[fast & (labels // 3 == turn)]  # along +x, then along -x
            follow, oppose = (right[:, lag:, :, 1:] * right[:, :-lag, :, :-1]).sum(), (right[:, lag:, :, :-1] * right[:, :-lag, :, 1:]).sum()
            shares.append(follow / oppose)
        assert shares[0] > 2 and shares[1] < 0.5


def test_neighbours_of_a_fine_texture_do_not_fire_together(example: None) -> None:
    """The share of an event's neighbours, to the right, with an event of the same polarity in the same step, over the share by chance."""
    from motion import COARSE, FINE, SIZE, motion

    ratios = []
    for scene in (COARSE, FINE):
        spikes, _ = motion(300, 7, scene)
        on = spikes[:, :, : SIZE * SIZE].reshape(-1, scene.steps, SIZE, SIZE).astype(float)
        ratios.append((on[..., 1:] * on[..., :-1]).mean() / on.mean() ** 2)
    assert ratios[0] > 2 * ratios[1] and ratios[1] < 1.5


def test_networks_are_as_large_as_the_comparison_says(example: None) -> None:
    from networks import build, first_settings, hidden_size, parameters
    from tasks import load

    task = load("motion", None)
    wanted = parameters(task.channels, 48, task.classes, "axonal")
    for kind, factor in (("recurrent", 1), ("recurrent x3", 3), ("axonal", 1)):
        hidden = hidden_size(task.channels, 48, task.classes, kind)
        count = parameters(task.channels, hidden, task.classes, kind)
        assert abs(count / (factor * wanted) - 1) < 0.02
        net = build(task.channels, task.classes, kind, seed=0, hidden=hidden, maximum=16, **first_settings(kind))
        delays = sum(p.numel() for d in net.delays for p in d.parameters())
        assert sum(p.weight.numel() for p in net.projections) + delays == count


def test_the_search_keeps_what_is_best_and_resumes(example: None) -> None:
    import tuning
    from networks import KINDS, first_settings

    def run(settings: dict[str, float]) -> dict:
        calls.append(settings)
        return {"settings": settings, "validation": -sum(abs(value - ideal[name]) for name, value in settings.items())}

    for kind in KINDS:
        own, values = tuning.OWN[kind]
        ideal = first_settings(kind) | {"height": 0.2, "learning_rate": 0.04, own: values[1]}
        rows: list[dict] = []
        calls: list[dict] = []
        tuning.search(kind, rows, run)
        assert len(rows) == len(calls) == tuning.TRIALS and tuning.best(rows)["settings"] == ideal
        complete = list(rows)
        del rows[4:], calls[:]
        tuning.search(kind, rows, run)
        assert rows == complete and len(calls) == tuning.TRIALS - 4


def test_cells_run_and_resume(tmp_path: Path) -> None:
    settings = {"height": 0.4, "learning_rate": 0.02, "gain": 2.0}
    own = {"axonal": {"delay_learning_rate": 0.2}, "synaptic": {"delay_learning_rate": 0.2}, "recurrent": {"recurrent_gain": 0.5}}
    (tmp_path / "trials.jsonl").write_text(
        "".join(json.dumps({"task": "motion", "kind": k, "settings": settings | more, "validation": 0.5}) + "\n" for k, more in own.items())
    )
    command = [sys.executable, STUDY / "study.py", "--epochs", "1", "--seeds", "1", "--folder", tmp_path]

    def run(*kinds: str) -> str:
        subprocess.run([*command, *(("--kinds", *kinds) if kinds else ("--report",))], capture_output=True, text=True, check=True)
        return (tmp_path / "results.jsonl").read_text()

    first = run("axonal", "recurrent")
    text = run("axonal", "recurrent", "synaptic")
    assert run() == text and text.startswith(first) and len(text.splitlines()) == 3 and (tmp_path / "delays.png").stat().st_size > 5000
    cells = {row["kind"]: row for row in map(json.loads, text.splitlines())}
    assert cells["axonal"]["cycles"] > 0 and cells["synaptic"]["cycles"] is cells["recurrent"]["weight_reads"] is None
    # At most one word of weights per spike and 16 targets: dense passes read less, spikes that would arrive after the last step are not read.
    assert 0.1 < cells["axonal"]["weight_reads"] / cells["axonal"]["reads_per_spike"] <= 1
    assert (tmp_path / "README.md").read_text().count("| motion | axonal |") == 2


def test_differences_are_paired_by_seed(example: None) -> None:
    from report import differences

    rows = [{"task": "x", "kind": kind, "seed": seed, "test": 0.1 * seed + gain + 0.01 * (seed % 2)} for seed in range(5) for kind, gain in (("none", 0), ("axonal", 0.2))]
    rows[0]["test"] += 0.01  # or all differences would be equal
    (found,) = (row for row in differences(rows) if (row["first"], row["second"]) == ("axonal", "none"))
    values = [0.19, 0.2, 0.2, 0.2, 0.2]
    half = 2.776 * np.std(values, ddof=1) / 5**0.5  # t of 4 degrees of freedom at 97.5 %
    assert found["seeds"] == 5 and np.isclose(found["mean"], np.mean(values)) and np.isclose(found["high"] - found["mean"], half, rtol=1e-3)


def test_the_page_shows_what_was_measured(example: None) -> None:
    import tuning
    from networks import KINDS
    from report import page, read

    results, trials = read(STUDY / "results.jsonl"), read(STUDY / "trials.jsonl")
    assert len({(row["task"], row["kind"], row["seed"]) for row in results}) == len(results)
    text = (STUDY / "README.md").read_text()
    assert page(text, results, trials) == text
    for task in {row["task"] for row in results}:
        for kind in KINDS:
            own = [row for row in trials if (row["task"], row["kind"]) == (task, kind)]
            assert len(own) == tuning.TRIALS and {row["seed"] for row in own} == {tuning.SEED}
            cells = [row for row in results if (row["task"], row["kind"]) == (task, kind)]
            assert {row["seed"] for row in cells} == set(range(5)) and all(row["settings"] == tuning.best(own)["settings"] for row in cells)
