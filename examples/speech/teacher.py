"""A dense network of real numbers that listens to the same recordings, and what a spiking network learns from its answers."""

from __future__ import annotations

import numpy as np
import torch
from sound import BANDS, FRAMES, Distortion
from torch import nn
from torch.nn import functional
from tqdm import tqdm


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = (nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


def reduced(source: int, target: int, size: int) -> nn.Sequential:
    """A convolution that halves time and frequency."""
    return nn.Sequential(nn.Conv2d(source, target, size, 2, size // 2, bias=False), nn.BatchNorm2d(target), nn.ReLU())


class Teacher(nn.Module):
    """Residual network over time and frequency, 160,000 weights. Energies (recording, frame, band) -> logits (recording, word)."""

    def __init__(self, words: int, channels: tuple[int, int, int] = (32, 48, 64)) -> None:
        super().__init__()
        a, b, c = channels
        self.layers = nn.Sequential(reduced(1, a, 5), reduced(a, b, 3), Block(b), reduced(b, c, 3), Block(c))
        self.words = nn.Sequential(nn.Dropout(0.3), nn.Linear(c, words))

    def forward(self, energies: torch.Tensor) -> torch.Tensor:
        images = ((energies - 100) / 45).view(-1, 1, FRAMES, BANDS).contiguous(memory_format=torch.channels_last)
        return self.words(self.layers(images).mean((2, 3)))

    @torch.no_grad()
    def answers(self, energies: np.ndarray) -> torch.Tensor:
        """Logits in evaluation mode."""
        self.eval()
        return torch.cat([self(part.float()) for part in torch.from_numpy(energies).split(256)])


def teach(teacher: Teacher, energies: np.ndarray, labels: np.ndarray, distortion: Distortion, *, epochs: int, seed: int) -> None:
    """Train the dense network in place."""
    rng = np.random.default_rng(seed)
    batches = len(labels) // 64
    optimiser = torch.optim.AdamW(teacher.parameters(), weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 5e-3, epochs * batches)
    for _ in (bar := tqdm(range(epochs), desc="teacher")):
        teacher.train()
        total = 0.0
        for chosen in np.array_split(rng.permutation(len(labels)), batches):
            loss = functional.cross_entropy(teacher(torch.from_numpy(distortion(energies[chosen], rng))), torch.from_numpy(labels[chosen]))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() / batches
        bar.set_postfix(loss=f"{total:.3f}")


def distilled(scores: torch.Tensor, labels: torch.Tensor, answers: torch.Tensor, *, smoothing: float, share: float = 0.9, temperature: float = 2.0) -> torch.Tensor:
    """Cross entropy with the labels, smoothed, and for ``share`` of the loss with the teacher's answers (Hinton et al. 2015)."""
    of_labels = functional.cross_entropy(scores, labels, label_smoothing=smoothing)
    of_answers = functional.cross_entropy(scores / temperature, torch.softmax(answers / temperature, 1))
    return (1 - share) * of_labels + share * temperature * of_answers
