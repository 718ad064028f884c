"""What the scripts have in common that write updates of learners as PyTorch computes them."""

import numpy
import torch
from torch import nn

OUT = {}
OBS, ACTIONS, BATCH = 3, 2, 8


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def put_module(prefix, module):
    for name, parameter in module.named_parameters():
        put(f"{prefix}.{name}", parameter)


def put_twins(prefix, twins):
    for (name, first), (_, second) in zip(twins.heads[0].named_parameters(), twins.heads[1].named_parameters()):
        put(f"{prefix}.{name}", torch.stack([first, second]))
    if twins.trunk is not None:
        put_module(f"{prefix}.trunk", twins.trunk)


def mlp(*widths):
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def adam(parameters, learning_rate):
    return torch.optim.Adam(parameters, lr=learning_rate, foreach=False, fused=False)


class Twins(nn.Module):
    """Two critics, behind a trunk that they share where they read pictures."""

    def __init__(self, make_head, trunk=None):
        super().__init__()
        self.trunk = trunk
        self.heads = nn.ModuleList([make_head(), make_head()])

    def forward(self, s, *others):
        h = s if self.trunk is None else self.trunk(s)
        return [head(torch.cat([h, *others], 1)).squeeze(1) for head in self.heads]


def polyak(online, target, tau):
    with torch.no_grad():
        for p, p_target in zip(online.parameters(), target.parameters()):
            p_target.copy_((1 - tau) * p_target + tau * p)


def batch(agent, k, draw_obs):
    values = {
        "obs": draw_obs(),
        "next_obs": draw_obs(),
        "reward": 3 * torch.randn(BATCH),
        "action": 2 * torch.rand(BATCH, ACTIONS) - 1,
        "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99**2, 0.99, 0.99]),  # 0: terminated
        "weight": torch.rand(BATCH) + 0.1,
    }
    for name, tensor in values.items():
        put(f"{agent}.batch.{k}.{name}", tensor)
    return values.values()


def update_noise(stream=1):
    """Generators for the noise of each update."""
    seeds = numpy.random.default_rng([0, stream]).bit_generator
    while True:
        yield torch.Generator().manual_seed(int(seeds.random_raw()))


def minimize(loss, *optimizers):
    for optimizer in optimizers:
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers:
        optimizer.step()
