"""Train a residual convolutional spiking network on Speech Commands: in real numbers on graded energies first, then in the hardware's integers on their bits.

    python examples/speech/train.py gsc_v2_testset_logmel.npz --out speech.safetensors

``sound.py`` says what is in the file and how it becomes spikes; in the second phase the network learns from a dense one, too (``teacher.py``). Needs the extra ``train``.
``--checkpoint NAME`` keeps the state of all phases in files NAME.*, and the same command goes on from there. The last epoch counts; the validation speakers are heard once after
each phase, and trained on in the last one; the test part is not read. ``board.py`` runs the result.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from sound import BANDS, FRAMES, PLANE_VALUES, PLANES, SILENCE, STEPS, Distortion, Recordings, bit_planes, graded
from teacher import Teacher, distilled, teach

from lifline import train
from lifline.network.file import save

CHANNELS, BLOCKS = (16, 32, 64), (1, 2, 1)  # by stage; half as many positions in each
TAPS, GAPS = 3, (1, 2, 3)  # in time, and the steps between them by stage
STEM_TAPS, LONGEST_DELAY = 5, 4
WORDS = 12
CONFIG, RULE = "conv85", "v_last"
SCALE, SMOOTHING = 16 / STEPS, 0.1  # of the read-out's membranes for the loss, and of labels


def build(quantisation: train.Quantisation | None = None) -> train.SpikingNetwork:
    """The network; its input are bit planes if it is quantised, else graded energies."""
    planes = PLANES if quantisation else 1
    net = train.SpikingNetwork("speech", (FRAMES // STEPS * planes, BANDS), quantisation=quantisation, input_name="sound")
    delays: dict[str, train.ChannelDelays] = {}

    def add(name: str, channels: int, positions: int, dropout: float) -> None:
        net.add(
            train.LIF(
                name, (channels, positions), decay_v=0.4, learn_decay=True, batch_norm=True, per_channel=True, dropout=dropout,
                surrogate=train.Surrogate(kind="arctan", slope=2.0),
            )
        )  # fmt: skip
        delays[name] = train.ChannelDelays(LONGEST_DELAY)

    def convolve(sources: list[str], target: str, stride: int, gap: int) -> None:
        """A convolution over frequency and time of the sum of the sources, each channel of which has a delay of its own."""
        for tap in range(TAPS):
            shared = None
            for source in sources:
                later = train.Later(delays[source], tap * gap)
                same = train.Convolution(stride=stride, padding=1)
                shared = net.connect(source, target, later, connection=same, kernel=3, gain=0.6, weights_of=shared)

    positions = BANDS // 2
    add("stem", CHANNELS[0], positions, 0.0)
    for delay in range(STEM_TAPS):
        net.connect("sound", "stem", delay, connection=train.Convolution(stride=2, padding=2), kernel=5, gain=1.0)
    summed = ["stem"]
    for stage, (channels, blocks, gap) in enumerate(zip(CHANNELS, BLOCKS, GAPS, strict=True), 1):
        dropout = 0.1 if stage == len(CHANNELS) else 0.0
        if stage > 1:
            positions = (positions + 1) // 2
            add(f"stage{stage}", channels, positions, dropout)
            convolve(summed, f"stage{stage}", 2, gap)
            summed = [f"stage{stage}"]
        for block in range(blocks):
            name = f"block{stage}{'abc'[block]}"
            add(name, channels, positions, dropout)
            convolve(summed, name, 1, gap)
            summed.append(name)
    net.add(train.LeakyIntegrator("word", WORDS, weight_shift=0))
    shared = None
    for source in summed:
        shared = net.connect(source, "word", gain=0.25, weights_of=shared)
    return net


def in_planes(net: train.SpikingNetwork) -> train.SpikingNetwork:
    """The network in integers that computes on bit planes what ``net`` computes on graded energies, but for the rounding of weights."""
    integer = build(train.Quantisation.for_config(CONFIG, per_neuron=True))
    state = dict(net.state_dict())
    for p in range(STEM_TAPS):
        key = f"projection_list.{p}.weight"
        planes = state[key][:, :, None, :] * torch.from_numpy(PLANE_VALUES)[:, None]
        state[key] = planes.reshape(integer.state_dict()[key].shape)
    integer.load_state_dict(state)
    return integer


def test_samples(path: str) -> tuple[np.ndarray, np.ndarray]:
    """Spikes and labels of the test part."""
    recordings = Recordings.read(path, "test")
    return bit_planes(recordings.energies.astype(np.float32)), recordings.labels


def taught(heard: Recordings, epochs: int, seed: int, file: Path | None) -> Teacher:
    """The dense network, trained or read from a file."""
    torch.manual_seed(seed)
    teacher = Teacher(WORDS)
    if file is not None and file.exists():
        teacher.load_state_dict(torch.load(file, weights_only=True))
    else:
        teach(teacher, heard.energies, heard.labels, Distortion(heard.energies[heard.labels == SILENCE], 1.0), epochs=epochs, seed=seed)
        if file is not None:
            torch.save(teacher.state_dict(), file)
    return teacher


class Lesson:
    """Encoding and loss of one phase: what is heard is distorted and becomes the network's input, and the teacher, if there is one, says what it hears."""

    def __init__(self, code: Callable[[np.ndarray], np.ndarray], distortion: Distortion, teacher: Teacher | None) -> None:
        self.code, self.distortion, self.teacher = code, distortion, teacher
        self.answers = torch.zeros(0)

    def encode(self, energies: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        if rng is None:
            return self.code(energies.astype(np.float32))
        distorted = self.distortion(energies, rng)
        if self.teacher is not None:
            self.answers = self.teacher.answers(distorted)
        return self.code(distorted)

    def loss(self, activity: train.Activity, labels: torch.Tensor) -> torch.Tensor:
        if self.teacher is None:
            return train.cross_entropy(RULE, scale=SCALE, label_smoothing=SMOOTHING)(activity, labels)
        return distilled(SCALE * activity.scores(RULE), labels, self.answers, smoothing=SMOOTHING)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="gsc_v2_testset_logmel.npz")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--epochs", type=int, nargs=4, default=(100, 28, 30, 12), metavar=("GRADED", "TEACHER", "PLANES", "ALL"))
    parser.add_argument("--checkpoint", help="names of the files that hold the state of training")
    parser.add_argument("--out", default="speech.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    began = time.time()
    heard, held_out = (Recordings.read(options.data, part) for part in ("train", "validation"))
    noise = heard.energies[heard.labels == SILENCE]
    # With a teacher that says what is heard, another's voice may be behind a word, and even drown it.
    light, heavy = Distortion(noise, 0.7), Distortion(np.concatenate([heard.energies, *[noise] * 6]), 1.0)
    figures: dict[str, float] = {}

    def state(phase: str) -> Path | None:
        return Path(f"{options.checkpoint}.{phase}") if options.checkpoint else None

    def fit(net: train.SpikingNetwork, recordings: Recordings, lesson: Lesson, phase: str, epochs: int, learning_rate: float) -> None:
        trainer = train.Trainer(
            epochs=epochs, batch_size=64, learning_rate=learning_rate, weight_decay=0.02, warm_up=0.2, freeze_delays=0.4, seed=options.seed,
            encode=lesson.encode, rule=RULE, loss=lesson.loss, gradient_norm=5.0, checkpoint=state(phase),
        )  # fmt: skip
        figures[f"{phase} before"] = trainer.accuracy(net, held_out.energies, held_out.labels)
        figures[f"{phase} loss"] = trainer.fit(net, recordings.energies, recordings.labels)[-1]["loss"]
        if recordings is heard:
            figures[f"{phase} validation"] = trainer.accuracy(net, held_out.energies, held_out.labels)
        print(figures, flush=True)

    graded_epochs, teacher_epochs, planes_epochs, all_epochs = options.epochs
    net = build()
    fit(net, heard, Lesson(graded, light, None), "graded", graded_epochs, 3e-3)
    teacher = taught(heard, teacher_epochs, options.seed, state("teacher"))
    figures["teacher validation"] = float((teacher.answers(held_out.energies).argmax(1).numpy() == held_out.labels).mean())
    integer = in_planes(net)
    lesson = Lesson(bit_planes, heavy, teacher)
    fit(integer, heard, lesson, "planes", planes_epochs, 2e-3)
    fit(integer, heard.joined(held_out), lesson, "all", all_epochs, 1e-3)
    network = integer.to_network(seed=options.seed, epochs=list(options.epochs))
    save(network, options.out)
    print(json.dumps({name: round(value, 4) for name, value in figures.items()} | {"seconds": round(time.time() - began), "out": options.out}))


if __name__ == "__main__":
    main()
