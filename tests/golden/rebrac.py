"""Writes rebrac.safetensors: updates of ReBRAC as PyTorch computes them, for tests/agents/td3_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 rebrac.py

As tests/golden/offline.py. Tarasov et al. 2023, with the order of operations of their code: each hidden layer of a
critic is Linear, ReLU, LayerNorm; penalties are sums over the numbers of an action.
"""

import copy
import pathlib

import torch
from learners import ACTIONS, BATCH, OBS, OUT, Twins, adam, batch, minimize, mlp, polyak, put, put_module, update_noise
from safetensors.numpy import save_file
from torch import nn

UPDATES, SAVES, TAU, ACTOR_WEIGHT, CRITIC_WEIGHT, NAME = 10, (1, 10), 0.05, 0.5, 0.25, "rebrac"


def normalized(*widths):
    layers = []
    for inputs, outputs in zip(widths[:-2], widths[1:-1]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU(), nn.LayerNorm(outputs)]
    return nn.Sequential(*layers, nn.Linear(*widths[-2:]))


def put_critics(prefix, twins):
    for index, layer in enumerate(twins.heads[0]):
        other = twins.heads[1][index]
        for name, parameter in layer.named_parameters():
            ours = "gain" if isinstance(layer, nn.LayerNorm) and name == "weight" else name
            put(f"{prefix}.{index}.{ours}", torch.stack([parameter, other.get_parameter(name)]))


torch.manual_seed(32)
torch.set_num_threads(1)
actor = mlp(OBS, 16, 12, 10, ACTIONS)
critics = Twins(lambda: normalized(OBS + ACTIONS, 16, 12, 10, 1))
for head in critics.heads:
    for layer in head:
        if isinstance(layer, nn.LayerNorm):
            nn.init.uniform_(layer.weight, 0.5, 1.5)
            nn.init.uniform_(layer.bias, -0.5, 0.5)
target_actor, target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critics.parameters(), 2e-3)


def save(k):
    put_module(f"{NAME}.{k}.actor", actor)
    put_module(f"{NAME}.{k}.target_actor", target_actor)
    put_critics(f"{NAME}.{k}.critics", critics)
    put_critics(f"{NAME}.{k}.target_critics", target_critics)


save(0)
losses, actor_loss = [], torch.zeros(())
for k, generator in zip(range(1, UPDATES + 1), update_noise()):
    obs, next_obs, reward, action, discount, weight = batch(NAME, k, lambda: torch.randn(BATCH, OBS))
    data_next = 2 * torch.rand(BATCH, ACTIONS) - 1
    has_next = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    put(f"{NAME}.batch.{k}.next_action", data_next)
    put(f"{NAME}.batch.{k}.has_next_action", has_next)
    with torch.no_grad():
        noise = (0.2 * torch.randn(BATCH, ACTIONS, generator=generator)).clamp(-0.3, 0.3)
        next_action = (torch.tanh(target_actor(next_obs)) + noise).clamp(-1, 1)
        penalty = ((next_action - data_next) ** 2).sum(-1) * has_next
        y = reward + discount * (torch.min(*target_critics(next_obs, next_action)) - CRITIC_WEIGHT * penalty)
    critic_loss = sum((weight * (q - y) ** 2).mean() for q in critics(obs, action))
    minimize(critic_loss, critic_optimizer)
    if k % 2 == 0:
        mu = torch.tanh(actor(obs))
        q = torch.min(*critics(obs, mu))
        scale = 1.0 / q.abs().mean().detach()
        actor_loss = (ACTOR_WEIGHT * ((mu - action) ** 2).sum(-1) - scale * q).mean()
        minimize(actor_loss, actor_optimizer)
        polyak(actor, target_actor, TAU)
        polyak(critics, target_critics, TAU)
    losses.append(torch.stack([critic_loss, actor_loss]).detach())
    if k in SAVES:
        save(k)
put(f"{NAME}.losses", torch.stack(losses))  # critics, actor (0 before its first)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
