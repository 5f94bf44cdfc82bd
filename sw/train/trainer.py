"""The training loop: seeds that reproduce, checkpoints that resume bit for bit, early stopping on validation data."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from lifline.arch.errors import TrainingError
from lifline.arch.files import write_file

from .activity import Activity
from .delays import LearnedDelays
from .log import Logger
from .network import SpikingNetwork
from .surrogate import SlopeSchedule

Encode = Callable[[NDArray[Any], np.random.Generator | None], NDArray[Any]]
Loss = Callable[[Activity, torch.Tensor], torch.Tensor]


def as_spikes(samples: NDArray[Any], generator: np.random.Generator | None) -> NDArray[Any]:
    """The encoding of samples that are spikes already, (batch, time, neuron)."""
    return samples


def cross_entropy(rule: str | None = None, *, scale: float = 1.0, label_smoothing: float = 0.0) -> Loss:
    """Cross entropy of ``scale * activity.scores(rule)``, see :meth:`lifline.train.network.Activity.scores`.

    The loss raises :class:`TrainingError` for a label that is none of the output's neurons.
    """

    def loss(activity: Activity, labels: torch.Tensor) -> torch.Tensor:
        scores = activity.scores(rule)
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < scores.shape[1]:
            raise TrainingError(
                f"labels {int(labels.min())}..{int(labels.max())} do not fit the {scores.shape[1]} neurons of `{activity.output}`; they count from 0"
            )
        return torch.nn.functional.cross_entropy(scale * scores, labels, label_smoothing=label_smoothing)

    return loss


@dataclass(kw_only=True)
class Trainer:
    """Trains a classifier with Adam and a cosine schedule of the learning rate.

    Attributes
    ----------
    epochs, batch_size, learning_rate, weight_decay : as usual; the weight decay is decoupled and concerns synaptic weights only.
    delay_learning_rate : of learned delays, in steps.
    freeze_delays : share of the epochs after which learned delays are rounded and fixed; kernels of synaptic delays narrow until then.
    hard_budgets : share of the epochs after which the budgets learned so far become hard; None leaves that to ``net.enforce_budgets``.
    warm_up : share of the epochs in which the learning rate rises from 0.
    slope : schedule of the surrogate's slope, or None to leave it.
    loss : of a batch; what budgets and delays add comes on top.   rule : how predictions are read, see ``Activity.scores``.
    encode : samples and a generator -> spikes (batch, time, neuron); the generator is None outside training (no augmentation).
    gradient_norm : largest norm of all gradients together, or None.
    seed : of the order of samples and of ``encode``. Make the network under ``torch.manual_seed`` for runs that repeat bit for bit.
    patience : epochs without a better validation accuracy before training stops; None trains to the end. With validation data the
        best epoch's parameters are kept (of the epochs with whole delays and hard budgets), else the last one's.
    loggers : get ``loss``, ``validation`` and ``rate/<population>`` per epoch.   progress : whether to show a bar.
    checkpoint : file written after every epoch; if it exists, training goes on from there.
    """

    epochs: int
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.0
    delay_learning_rate: float = 0.05
    freeze_delays: float = 0.5
    hard_budgets: float | None = None
    warm_up: float = 0.0
    slope: SlopeSchedule | None = None
    loss: Loss = field(default_factory=cross_entropy)
    rule: str | None = None
    encode: Encode = as_spikes
    gradient_norm: float | None = None
    seed: int = 0
    patience: int | None = None
    loggers: Sequence[Logger] = ()
    progress: bool = True
    checkpoint: str | Path | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1 or self.learning_rate <= 0:
            raise TrainingError(f"epochs {self.epochs}, batch_size {self.batch_size} and learning_rate {self.learning_rate} must be positive")
        if self.patience is not None and self.patience < 1:
            raise TrainingError(f"patience {self.patience} must be at least 1 epoch, or None")
        for name in ("freeze_delays", "hard_budgets"):
            if not 0 <= (getattr(self, name) or 0) <= 1:
                raise TrainingError(f"{name} {getattr(self, name)} must be a share of the epochs, 0..1")

    def fit(
        self, net: SpikingNetwork, samples: NDArray[Any], labels: NDArray[Any], validation: tuple[NDArray[Any], NDArray[Any]] | None = None
    ) -> list[dict[str, float]]:
        """Train ``net`` in place; returns one row per epoch: loss, validation accuracy (if any), rate of every population.

        Parameters
        ----------
        samples, labels : (sample, ...) and (sample,) integers; ``validation`` the same.

        Raises
        ------
        TrainingError   for lengths that differ, patience without validation data, or a checkpoint of another run.
        """
        if len(samples) != len(labels) or not len(samples):
            raise TrainingError(f"{len(samples)} samples and {len(labels)} labels: give one label per sample")
        if self.patience is not None and validation is None:
            raise TrainingError("patience needs validation data; give some, or patience=None")
        generator = np.random.default_rng(self.seed)
        torch.manual_seed(self.seed)
        optimiser = torch.optim.AdamW(net.parameter_groups(self.learning_rate, self.delay_learning_rate, self.weight_decay), weight_decay=0.0)
        bases = [group["lr"] for group in optimiser.param_groups]
        progress = _Progress()
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            progress = self._resume(net, optimiser, generator)
        freeze_at = math.ceil(self.freeze_delays * self.epochs)
        bar = tqdm(range(progress.epoch, self.epochs), disable=not self.progress, desc=net.name)
        for epoch in bar:
            if progress.finished:
                break
            if epoch >= freeze_at:
                net.freeze_delays()
            if self.hard_budgets is not None and epoch == math.ceil(self.hard_budgets * self.epochs):
                net.enforce_budgets(self.encode(samples[:1], None).shape[1])
            row = self._epoch(net, samples, labels, optimiser, bases, generator, epoch)
            if validation is not None:
                row["validation"] = self.accuracy(net, *validation)
                progress.consider(net, row["validation"], epoch + 1 >= self._settled(net), self.patience)
            progress.history.append(row)
            progress.epoch = epoch + 1
            for logger in self.loggers:
                for tag, value in row.items():
                    logger.add_scalar(tag, value, epoch)
            bar.set_postfix({k: f"{row[k]:.4g}" for k in ("loss", "validation") if k in row})
            if self.checkpoint is not None:
                self._save(net, optimiser, generator, progress)
        if progress.best is not None:
            net.load_state_dict(progress.best)
        net.freeze_delays()
        return progress.history

    def _epoch(
        self, net: SpikingNetwork, samples: Any, labels: Any, optimiser: Any, bases: list[float], generator: np.random.Generator, epoch: int
    ) -> dict[str, float]:
        net.train()
        order = generator.permutation(len(samples))
        batches = -(-len(order) // self.batch_size)
        totals: dict[str, float] = {}
        for k in range(batches):
            progress = (epoch + k / batches) / self.epochs
            for group, base in zip(optimiser.param_groups, bases, strict=True):
                group["lr"] = base * self.rate_factor(progress)
            if self.slope is not None:
                net.set_slope(self.slope.slope(progress))
            net.anneal_delays(min(progress / self.freeze_delays, 1.0) if self.freeze_delays else 1.0)
            batch = order[k * self.batch_size : (k + 1) * self.batch_size]
            spikes = torch.from_numpy(np.ascontiguousarray(self.encode(samples[batch], generator), dtype=np.float32))
            activity = net(spikes)
            loss = self.loss(activity, torch.from_numpy(labels[batch]).long()) + net.penalty(activity)
            if not torch.isfinite(loss):
                raise TrainingError(f"the loss is {loss.item()} in epoch {epoch}; lower the learning rate {self.learning_rate} or set gradient_norm")
            optimiser.zero_grad()
            loss.backward()
            if self.gradient_norm is not None:
                torch.nn.utils.clip_grad_norm_(net.parameters(), self.gradient_norm)
            optimiser.step()
            net.clamp()
            share = len(batch) / len(order)
            values = {"loss": loss.item()} | {f"rate/{name}": float(s.detach().mean()) for name, s in activity.spikes.items() if name != net.input_name}
            for tag, value in values.items():
                totals[tag] = totals.get(tag, 0.0) + share * value
        return totals

    def _settled(self, net: SpikingNetwork) -> int:
        """First epoch from which on what is trained is what is exported."""
        learns = any(isinstance(d, LearnedDelays) for d in net.delays)
        shares = [self.freeze_delays if learns else 0.0, self.hard_budgets or 0.0]
        return math.ceil(max(shares) * self.epochs) + 1 if max(shares) else 0

    def rate_factor(self, progress: float) -> float:
        """Share of the learning rate at ``progress`` 0..1: a linear rise, then half a cosine."""
        if progress < self.warm_up:
            return progress / self.warm_up
        return 0.5 * (1 + math.cos(math.pi * (progress - self.warm_up) / (1 - self.warm_up)))

    def predict(self, net: SpikingNetwork, samples: NDArray[Any], batch_size: int = 256) -> NDArray[np.int64]:
        """Classes (sample,) that the network in evaluation mode predicts: what the golden model of its export does."""
        net.eval()
        found = []
        with torch.no_grad():
            for start in range(0, len(samples), batch_size):
                spikes = np.ascontiguousarray(self.encode(samples[start : start + batch_size], None), dtype=np.float32)
                found.append(net(torch.from_numpy(spikes)).scores(self.rule).argmax(1).numpy())
        return np.concatenate(found)

    def accuracy(self, net: SpikingNetwork, samples: NDArray[Any], labels: NDArray[Any]) -> float:
        """Share of right predictions."""
        return float((self.predict(net, samples) == labels).mean())

    def _save(self, net: SpikingNetwork, optimiser: torch.optim.Optimizer, generator: np.random.Generator, progress: _Progress) -> None:
        assert self.checkpoint is not None
        state = {
            "epochs": self.epochs, "seed": self.seed, "net": net.state_dict(), "optimiser": optimiser.state_dict(),
            "generator": generator.bit_generator.state, "torch": torch.get_rng_state(), "progress": vars(progress),
        }  # fmt: skip

        def write(part: Path) -> None:
            try:
                torch.save(state, part)
            except RuntimeError as error:  # of a full disk
                raise OSError(str(error)) from error

        write_file(self.checkpoint, write)  # an interrupted write leaves the last checkpoint as it was

    def _resume(self, net: SpikingNetwork, optimiser: torch.optim.Optimizer, generator: np.random.Generator) -> _Progress:
        assert self.checkpoint is not None
        state = torch.load(self.checkpoint, weights_only=True)
        if (state["epochs"], state["seed"]) != (self.epochs, self.seed):
            raise TrainingError(
                f"checkpoint {self.checkpoint} is of a run with {state['epochs']} epochs and seed {state['seed']}, "
                f"not {self.epochs} and {self.seed}; remove it or name another file"
            )
        net.load_state_dict(state["net"])
        optimiser.load_state_dict(state["optimiser"])
        generator.bit_generator.state = state["generator"]
        torch.set_rng_state(state["torch"])
        return _Progress(**state["progress"])


@dataclass
class _Progress:
    """Where a run stands."""

    epoch: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    best_accuracy: float = -1.0
    waited: int = 0
    finished: bool = False

    def consider(self, net: SpikingNetwork, accuracy: float, settled: bool, patience: int | None) -> None:
        """Keep the parameters if they are the best since all was settled; finish after ``patience`` worse epochs."""
        if not settled:
            return
        self.waited += 1
        if accuracy > self.best_accuracy:
            self.best, self.best_accuracy, self.waited = copy.deepcopy(net.state_dict()), accuracy, 0
        self.finished = patience is not None and self.waited >= patience
