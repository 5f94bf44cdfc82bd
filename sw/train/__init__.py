"""Training with surrogate gradients, learned delays and firing budgets, in the hardware's integers; see ``docs/training.md``."""

from importlib.util import find_spec

from lifline.arch.errors import MissingLibraryError, TrainingError

if find_spec("torch") is None:
    raise MissingLibraryError("lifline.train needs PyTorch, which is not installed; pip install 'lifline[train]'")

from .activity import Activity
from .budgets import FiringBudget
from .delays import AxonalDelays, Delays, DendriticDelays, FixedDelays, LearnedDelays
from .log import CsvLogger, Logger
from .network import SpikingNetwork, TrainableProjection
from .population import IF, LIF, CurrentLIF, LeakyIntegrator, TrainablePopulation
from .quantisation import Quantisation
from .surrogate import SlopeSchedule, Surrogate, SurrogateKind
from .synaptic import SynapticDelays
from .trainer import Trainer, as_spikes, cross_entropy

__all__ = [
    "IF",
    "LIF",
    "Activity",
    "AxonalDelays",
    "CsvLogger",
    "CurrentLIF",
    "Delays",
    "DendriticDelays",
    "FiringBudget",
    "FixedDelays",
    "LeakyIntegrator",
    "LearnedDelays",
    "Logger",
    "Quantisation",
    "SlopeSchedule",
    "SpikingNetwork",
    "Surrogate",
    "SurrogateKind",
    "SynapticDelays",
    "TrainablePopulation",
    "TrainableProjection",
    "Trainer",
    "TrainingError",
    "as_spikes",
    "cross_entropy",
]
