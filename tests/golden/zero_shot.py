"""What the scripts have in common that write updates of agents with a policy for each task."""

import math

import torch
from learners import ACTIONS, mlp, put, put_module
from torch import nn

TASK, HIDDEN, GOAL, TAU, SHARE = 5, 12, [0, 2], 0.05, 0.5


def on_sphere(x):
    return math.sqrt(x.shape[1]) * nn.functional.normalize(x, dim=1)


def branch(inputs):
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.LayerNorm(HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN // 2), nn.ReLU()
    )


class Forward(nn.Module):
    def __init__(self, state, outputs=TASK):
        super().__init__()
        self.state_action, self.state_task = branch(state + ACTIONS), branch(state + TASK)
        self.heads = nn.ModuleList([mlp(HIDDEN, HIDDEN, outputs) for _ in range(2)])

    def forward(self, s, a, z):
        h = torch.cat([self.state_action(torch.cat([s, a], 1)), self.state_task(torch.cat([s, z], 1))], 1)
        return [head(h) for head in self.heads]

    def save(self, name):
        put_module(f"{name}.state_action", self.state_action)
        put_module(f"{name}.state_task", self.state_task)
        for key, first in self.heads[0].named_parameters():
            put(f"{name}.heads.{key}", torch.stack([first, self.heads[1].get_parameter(key)]))


class Policy(nn.Module):
    def __init__(self, state):
        super().__init__()
        self.state, self.state_task = branch(state), branch(state + TASK)
        self.head = mlp(HIDDEN, HIDDEN, ACTIONS)

    def forward(self, s, z):
        return torch.tanh(self.head(torch.cat([self.state(s), self.state_task(torch.cat([s, z], 1))], 1)))


def feature_layers(inputs, outputs, bias=True):
    return [
        nn.Linear(inputs, HIDDEN),
        nn.LayerNorm(HIDDEN),
        nn.Tanh(),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, outputs, bias=bias),
    ]


class SphereEncoder(nn.Sequential):
    def forward(self, x):
        return on_sphere(super().forward(x))


def noisy(mu, generator):
    noise = (0.2 * torch.randn(mu.shape, generator=generator)).clamp(-0.3, 0.3)
    clipped = (mu + noise).clamp(-1, 1)
    return mu + (clipped - mu).detach()


def draw_tasks(goal, task_of, generator):
    """Random tasks, those of reached states in a share of the rows."""
    size = len(goal)
    z = on_sphere(torch.randn(size, TASK, generator=generator))
    count = int(SHARE * size)
    rows = torch.randperm(size, generator=generator)[:count]
    z[rows] = task_of(goal[torch.randperm(size, generator=generator)[:count]])
    return z


def off_diagonal(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def orthonormality(e):
    gram = e @ e.T
    return off_diagonal(gram).pow(2).mean() - 2 * gram.diag().mean()


def ridged_inverse(moment):
    moment = moment.double()
    return torch.linalg.inv(moment + (1e-6 * moment.diag().mean() + 1e-12) * torch.eye(len(moment)))


def regression(features, rewards):
    """The task that explains rewards by features, [1, TASK]."""
    f = features.double()
    w = (rewards.double() @ f / len(f)) @ ridged_inverse(f.T @ f / len(f))
    return on_sphere(w.float()[None])
