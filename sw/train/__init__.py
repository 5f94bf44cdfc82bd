"""Training with surrogate gradients, learned delays and firing budgets, in the hardware's integers; conversion of ReLU networks; STDP.

See ``docs/training.md`` and ``docs/three_ways.md``.
"""

from importlib.util import find_spec

from lifline.arch.errors import MissingLibraryError, TrainingError

if find_spec("torch") is None:
    raise MissingLibraryError("lifline.train needs PyTorch, which is not installed; pip install 'lifline[train]'")

from lifline.convert.floating.from_relu import from_relu
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.sparse import Sparse

from .activity import Activity
from .budgets import FiringBudget
from .delays import AxonalDelays, ChannelDelays, Delays, DendriticDelays, FixedDelays, Later, LearnedDelays
from .fine_tuning import from_network
from .log import CsvLogger, Logger
from .network import SpikingNetwork
from .population import IF, LIF, CurrentLIF, LeakyIntegrator, TrainablePopulation
from .projection import TrainableProjection
from .quantisation import Quantisation
from .readout import fit_readout
from .stdp import Stdp, StdpFeatures
from .surrogate import SlopeSchedule, Surrogate, SurrogateKind
from .synaptic import SynapticDelays
from .trainer import Trainer, as_spikes, cross_entropy

__all__ = [
    "IF",
    "LIF",
    "Activity",
    "AxonalDelays",
    "ChannelDelays",
    "Convolution",
    "CsvLogger",
    "CurrentLIF",
    "Delays",
    "DendriticDelays",
    "FiringBudget",
    "FixedDelays",
    "FullyConnected",
    "Identity",
    "LeakyIntegrator",
    "Later",
    "LearnedDelays",
    "Logger",
    "Pooling",
    "Quantisation",
    "SlopeSchedule",
    "Sparse",
    "SpikingNetwork",
    "Stdp",
    "StdpFeatures",
    "Surrogate",
    "SurrogateKind",
    "SynapticDelays",
    "TrainablePopulation",
    "TrainableProjection",
    "Trainer",
    "TrainingError",
    "as_spikes",
    "cross_entropy",
    "fit_readout",
    "from_network",
    "from_relu",
]
