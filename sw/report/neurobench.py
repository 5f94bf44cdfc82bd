"""NeuroBench's metrics of a network, by its own package, on the spikes of the golden model."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError, InputError, MissingLibraryError
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.model import Network
from lifline.network.spikes import as_batch

BATCH = 64
"""Samples that are measured at once."""


def neurobench_metrics(network: Network, spikes: object, labels: object) -> dict[str, Any]:
    """Footprint, sparsity, synaptic operations and accuracy as NeuroBench defines them.

    The package measures PyTorch modules, so the network becomes one (:class:`~lifline.report.played.Played`), through which the golden model's spikes are sent. Every figure is
    the package's own. Steps that an early exit leaves out count as steps without spikes.

    Parameters
    ----------
    spikes : (batch, time, neuron) of 0/1.   labels : (batch,) of the right classes.

    Returns
    -------
    ``Footprint`` in bytes: weights in the smallest integer type that holds them, a byte for every delay, four for every other parameter that differs by neuron and for every
    membrane and current. ``ConnectionSparsity``, ``ActivationSparsity`` as shares; a read-out, which never fires, has no activation. ``SynapticOperations`` per sample:
    ``Effective_ACs``, a weight that is not zero added for a spike; ``Dense``, were no input and no weight zero; ``Effective_MACs``. ``ClassificationAccuracy`` as a share.

    Raises
    ------
    ConversionError       for a projection that is not fully connected: the package counts linear layers.
    InputError            for bad spikes, or labels that are not one for each sample.
    MissingLibraryError   without the extra `neurobench`.
    """
    for q in network.projections:
        if not isinstance(q.connection, FullyConnected):
            raise ConversionError(
                f"projection `{q.source}` -> `{q.target}` is a {q.connection.name}; NeuroBench's metrics are there for fully connected ones: give a network of such, "
                "or count with lifline.driver.account"
            )
    samples, right = as_batch(spikes, network.input.size, None)[0], np.asarray(labels)
    if right.shape != (len(samples),) or right.dtype.kind not in "iu":
        raise InputError(f"labels have shape {right.shape} and type {right.dtype}; give one integer for each of the {len(samples)} samples")
    try:
        import torch
        from neurobench.benchmarks import Benchmark
        from neurobench.metrics.static import ConnectionSparsity, Footprint
        from neurobench.metrics.workload import ActivationSparsity, ClassificationAccuracy, SynapticOperations
        from torch.utils.data import DataLoader, TensorDataset

        from .played import model_of
    except ImportError as error:
        raise MissingLibraryError("NeuroBench's metrics need the extra `neurobench`: pip install 'lifline[neurobench]'") from error
    data: Any = DataLoader(TensorDataset(torch.from_numpy(samples), torch.from_numpy(right.astype(np.int64))), batch_size=BATCH)
    metrics: Any = [[Footprint, ConnectionSparsity], [ActivationSparsity, SynapticOperations, ClassificationAccuracy]]
    return dict(Benchmark(model_of(network), data, [], [], metrics).run(quiet=True))
