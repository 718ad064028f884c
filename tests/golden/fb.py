"""Writes fb.safetensors: updates of forward-backward representations as PyTorch computes them, for
tests/agents/fb_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 fb.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [0, 1]. Both F are stored stacked, as EnsembleMlp has them. Adam is PyTorch's loop over
single tensors.
"""

import copy
import math
import pathlib

import torch
from learners import ACTIONS, BATCH, OBS, OUT, adam, batch, minimize, mlp, polyak, put, put_module, update_noise
from safetensors.numpy import save_file
from torch import nn

TASK, HIDDEN, GOAL, TAU, ORTHONORMALITY, SHARE, UPDATES = 5, 12, [0, 2], 0.05, 0.7, 0.5, 10


def on_sphere(x):
    return math.sqrt(TASK) * nn.functional.normalize(x, dim=1)


def branch(inputs):
    return nn.Sequential(
        nn.Linear(inputs, HIDDEN), nn.LayerNorm(HIDDEN), nn.Tanh(), nn.Linear(HIDDEN, HIDDEN // 2), nn.ReLU()
    )


class Forward(nn.Module):
    def __init__(self):
        super().__init__()
        self.state_action, self.state_task = branch(OBS + ACTIONS), branch(OBS + TASK)
        self.heads = nn.ModuleList([mlp(HIDDEN, HIDDEN, TASK) for _ in range(2)])

    def forward(self, s, a, z):
        h = torch.cat([self.state_action(torch.cat([s, a], 1)), self.state_task(torch.cat([s, z], 1))], 1)
        return [head(h) for head in self.heads]

    def save(self, name):
        put_module(f"{name}.state_action", self.state_action)
        put_module(f"{name}.state_task", self.state_task)
        for key, first in self.heads[0].named_parameters():
            put(f"{name}.heads.{key}", torch.stack([first, self.heads[1].get_parameter(key)]))


class Backward(nn.Sequential):
    def __init__(self):
        super().__init__(
            nn.Linear(len(GOAL), HIDDEN),
            nn.LayerNorm(HIDDEN),
            nn.Tanh(),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(),
            nn.Linear(HIDDEN, TASK),
        )

    def forward(self, goal):
        return on_sphere(super().forward(goal))


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        self.state, self.state_task = branch(OBS), branch(OBS + TASK)
        self.head = mlp(HIDDEN, HIDDEN, ACTIONS)

    def forward(self, s, z):
        return torch.tanh(self.head(torch.cat([self.state(s), self.state_task(torch.cat([s, z], 1))], 1)))


def noisy(mu, generator):
    noise = (0.2 * torch.randn(mu.shape, generator=generator)).clamp(-0.3, 0.3)
    clipped = (mu + noise).clamp(-1, 1)
    return mu + (clipped - mu).detach()


def off_diagonal(matrix):
    return matrix[~torch.eye(len(matrix), dtype=torch.bool)]


def write():
    forward, backward, actor = Forward(), Backward(), Policy()
    target_forward, target_backward = copy.deepcopy(forward), copy.deepcopy(backward)
    forward_optimizer, backward_optimizer = adam(forward.parameters(), 1e-3), adam(backward.parameters(), 2e-3)
    actor_optimizer = adam(actor.parameters(), 5e-4)
    seen, rewards = [], []

    def save(k):
        forward.save(f"fb.{k}.forward")
        target_forward.save(f"fb.{k}.target_forward")
        put_module(f"fb.{k}.backward", backward)
        put_module(f"fb.{k}.target_backward", target_backward)
        put_module(f"fb.{k}.actor", actor)

    save(0)
    losses = []
    for k, generator in zip(range(1, UPDATES + 1), update_noise()):
        obs, next_obs, reward, action, discount, _ = batch("fb", k, lambda: torch.randn(BATCH, OBS))
        goal = next_obs[:, GOAL]
        seen.append(goal)
        rewards.append(reward)
        with torch.no_grad():
            z = on_sphere(torch.randn(BATCH, TASK, generator=generator))
            count = int(SHARE * BATCH)
            rows = torch.randperm(BATCH, generator=generator)[:count]
            z[rows] = backward(goal[torch.randperm(BATCH, generator=generator)[:count]])
            next_action = noisy(actor(next_obs, z), generator)
            b_target = target_backward(goal)
            target = torch.min(*(f @ b_target.T for f in target_forward(next_obs, next_action, z)))
        b = backward(goal)
        measures = [f @ b.T for f in forward(obs, action, z)]
        apart = sum(0.5 * off_diagonal(m - discount[:, None] * target).pow(2).mean() for m in measures)
        measure_loss = apart - sum(m.diag().mean() for m in measures)
        gram = b @ b.T
        orthonormality = off_diagonal(gram).pow(2).mean() - 2 * gram.diag().mean()
        minimize(measure_loss + ORTHONORMALITY * orthonormality, forward_optimizer, backward_optimizer)

        q = torch.min(*((f * z).sum(1) for f in forward(obs, noisy(actor(obs, z), generator), z)))
        actor_loss = -q.mean()
        minimize(actor_loss, actor_optimizer)
        polyak(forward, target_forward, TAU)
        polyak(backward, target_backward, TAU)
        losses.append(torch.stack([measure_loss, orthonormality, actor_loss]).detach())
        if k in (1, UPDATES):
            save(k)
    put("fb.losses", torch.stack(losses))
    probe, goals = torch.randn(4, OBS), torch.randn(4, len(GOAL))
    task = on_sphere((torch.cat(rewards)[:, None] * backward(torch.cat(seen))).mean(0, keepdim=True))
    put("fb.probe.obs", probe)
    put("fb.probe.goals", goals)
    put("fb.probe.action_of_reward", actor(probe, task.expand(4, -1)))
    put("fb.probe.action_of_goals", actor(probe, backward(goals)))


torch.manual_seed(41)
torch.set_num_threads(1)
write()
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
