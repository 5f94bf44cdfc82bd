"""The equations of ``docs/semantics.md``, one neuron and one step at a time, on Python integers. Slow, and meant to be read."""

from __future__ import annotations

from lifline.network.model import Network, ResetRule


def tz(numerator: int, denominator: int) -> int:
    """``numerator / denominator`` rounded toward zero."""
    quotient = abs(numerator) // denominator
    return quotient if numerator >= 0 else -quotient


def reference_run(network: Network, spikes):
    """One spike train (time, neuron), from reset. Returns (traces, counters, steps, exited).

    ``traces[population][variable]`` is a list over steps of lists over neurons, ``counters[population]`` the three sums.
    """
    limit = 2 ** (network.state_bits - 1) - 1
    trace = {p.name: {name: [] for name in ("spikes", "v", "i", "x", "c")} for p in network.populations}
    counters = {p.name: {"spikes": 0, "budget_hits": 0, "saturations": 0} for p in network.populations}
    emitted = {p.name: [0] * p.size for p in network.populations}
    synapses = {p: (p.weight_matrix().tolist(), p.delay_matrix().tolist()) for p in network.projections}
    for t in range(len(spikes)):
        trace[network.input.name]["spikes"].append([int(s) for s in spikes[t]])
        for name in network.order:
            population = network.population(name)
            neurons = population.neurons
            if neurons is None:
                continue
            now = {variable: [] for variable in trace[name]}
            for j in range(population.size):
                x = 0
                for p in network.projections_into(name):
                    weights, delays = synapses[p]
                    total = 0
                    for k in range(network.population(p.source).size):
                        d = delays[j][k]
                        if t - d >= 0:
                            arrived = trace[p.source]["spikes"][t - d][k]
                            total += weights[j][k] * arrived
                    x += total * 2**p.weight_shift
                past = {variable: (values[-1][j] if values else 0) for variable, values in trace[name].items()}
                i, v, c, s = update_one(neurons, j, x, past["i"], past["v"], past["c"], emitted[name], limit, counters[name])
                for variable, value in (("x", x), ("i", i), ("v", v), ("c", c), ("spikes", s)):
                    now[variable].append(value)
            for variable, values in now.items():
                trace[name][variable].append(values)
        exit_ = network.early_exit
        if exit_ is not None and (t + 1) % exit_.every == 0:
            ranked = sorted((min(count, limit) for count in emitted[network.output]), reverse=True) + [0]
            if ranked[0] - ranked[1] > exit_.margin:
                return trace, counters, t + 1, True
    return trace, counters, len(spikes), False


def update_one(neurons, j, x, i, v, c, emitted, limit, counters):
    """New ``(i, v, c, s)`` of neuron ``j``; ``emitted`` and ``counters`` are updated."""

    def parameter(value):
        return int(value) if isinstance(value, int) else int(value[j])

    def sat(value):
        clipped = min(max(value, -limit), limit)
        if clipped != value:
            counters["saturations"] += 1
        return clipped

    theta, bias = parameter(neurons.threshold), parameter(neurons.bias)
    v_min = -limit if neurons.v_min is None else neurons.v_min
    late_value = neurons.reset is ResetRule.LATE_VALUE
    late_subtract = neurons.reset is ResetRule.LATE_SUBTRACT
    i = x if neurons.decay_i == 4096 else sat(tz(i * (4096 - neurons.decay_i), 4096) + x)
    v0 = neurons.v_reset if late_value and c else v
    v = max(sat(tz(v0 * (4096 - neurons.decay_v), 4096) + i + bias - (c * theta if late_subtract else 0)), v_min)
    c = 0
    for n in range(1, neurons.cap + 1):
        rest = v - (n - 1) * theta
        if rest > theta or (not neurons.strict and rest == theta):
            c = n
    s = c
    if neurons.budget is not None:
        s = min(c, parameter(neurons.budget) - emitted[j])
        counters["budget_hits"] += s < c
    emitted[j] += s
    counters["spikes"] += s
    if c and neurons.reset is ResetRule.NOW_VALUE:
        v = max(neurons.v_reset, v_min)
    if c and neurons.reset is ResetRule.NOW_SUBTRACT:
        v = max(v - c * theta, v_min)
    return i, v, c, s
