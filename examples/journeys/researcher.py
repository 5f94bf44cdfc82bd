"""A researcher: a network trained in snnTorch becomes a program, is compared with its original layer by layer, and a page about it is written.

    python examples/journeys/researcher.py [--epochs 8] [--samples 200] [--device sim:medium] [--page researcher.html]
"""

import argparse

import torch
from snntorch import Leaky, surrogate, utils

import lifline
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.data import digits
from lifline.report import report

parser = argparse.ArgumentParser()
for name, default in (("epochs", 8), ("samples", 200), ("device", "sim:medium"), ("page", "researcher.html")):
    parser.add_argument(f"--{name}", type=type(default), default=default)
options = parser.parse_args()

torch.manual_seed(0)
leaky = dict(beta=0.9, init_hidden=True, spike_grad=surrogate.atan())
net = torch.nn.Sequential(torch.nn.Linear(64, 48), Leaky(**leaky), torch.nn.Linear(48, 10), Leaky(**leaky, output=True))
(images, labels), (tests, answers) = digits.load("train"), digits.load("test")
spikes, held_out, answers = digits.encode(images), digits.encode(tests)[: options.samples], answers[: options.samples]
x, y, optimizer = torch.tensor(spikes).float(), torch.tensor(labels).long(), torch.optim.Adam(net.parameters(), lr=5e-3)
for _ in range(options.epochs):
    for batch in torch.randperm(len(x)).split(64):
        utils.reset(net)
        counts = sum(net(step)[0] for step in x[batch].unbind(1))
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(counts, y[batch]).backward()
        optimizer.step()

original = lifline.from_snntorch(net.eval())  # compared with the framework on random spikes, or refused
network = quantise(original, spikes[:200], config=lifline.preset("medium"))
program, _ = lifline.compile_auto(network, lifline.preset("medium"), spikes[:50])
print(compared := fidelity(original, network, held_out, labels=answers))
report(program, held_out, labels=answers, device=options.device, fidelity=compared).save(options.page)
