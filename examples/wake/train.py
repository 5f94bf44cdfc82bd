"""Train the detector: does the last beat of these 1.4 seconds come early and wide?

    python examples/wake/train.py --out examples/wake/wake8.safetensors

Needs the extra ``train``. Two minutes on one core. Segments end 0.25 to 0.6 s behind the peak of a beat, since the stream does not know where beats are.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from ecg import CHANNELS, STEP_US, Recording, recording

from lifline import EventClock, train
from lifline.network.file import save
from lifline.sim.golden.model import GoldenModel

STEPS = 140
HIDDEN = 24
MAX_DELAY = 7
BEHIND_S = 0.25, 0.6


def build() -> train.SpikingNetwork:
    net = train.SpikingNetwork("wake", CHANNELS, quantisation=train.Quantisation(state_bits=16), input_name="crossings")
    net.add(train.LIF("hidden", HIDDEN, decay_v=1 / 12))
    net.add(train.LeakyIntegrator("beat", 2, decay_v=1 / 24))
    net.connect("crossings", "hidden", train.AxonalDelays(MAX_DELAY))
    net.connect("hidden", "beat", train.AxonalDelays(MAX_DELAY))
    return net


def spikes(made: Recording) -> np.ndarray:
    """(time, channel) of a whole recording."""
    return np.concatenate(list(EventClock(STEP_US, CHANNELS, origin_us=0).steps(made.events)))


def segments(seconds: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Segments (sample, time, channel), half of them with a premature beat at their end, and labels."""
    made = recording(seconds, seed, share=0.25)
    rows, rng = spikes(made), np.random.default_rng(seed)
    early, normal = np.flatnonzero(made.premature), np.flatnonzero(~made.premature)
    chosen = np.concatenate([early, rng.choice(normal, len(early), replace=False)])
    ends = ((made.beats_s[chosen] + rng.uniform(*BEHIND_S, len(chosen))) * 1e6 / STEP_US).astype(int)
    keep = (ends >= STEPS) & (ends <= len(rows))
    chosen, ends = chosen[keep], ends[keep]
    return np.stack([rows[e - STEPS : e] for e in ends]), made.premature[chosen].astype(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2400)
    parser.add_argument("--out", default="wake8.safetensors")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = build()
    trainer = train.Trainer(epochs=options.epochs, batch_size=32, learning_rate=6e-3, seed=0, rule="v_last", loss=train.cross_entropy("v_last"), progress=False)
    samples, labels = segments(options.seconds, seed=1)
    for row in trainer.fit(net, samples, labels):
        print({name: round(value, 3) for name, value in row.items()}, flush=True)
    network = net.to_network()
    save(network, options.out)
    samples, labels = segments(options.seconds / 4, seed=2)
    result = GoldenModel(network).run(samples)
    assert result.v_last is not None
    print(f"{(result.v_last.argmax(1) == labels).mean():.3f} of {len(labels)} segments of another recording; saved {options.out}")


if __name__ == "__main__":
    main()
