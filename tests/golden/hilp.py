"""Writes hilp.safetensors: updates of Hilbert foundation policies as PyTorch computes them, for
tests/agents/hilp_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 hilp.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [0, 1]. Both phi, and both F, are stored stacked, as EnsembleMlp has them. Adam is
PyTorch's loop over single tensors.
"""

import copy
import pathlib

import torch
from learners import BATCH, OBS, OUT, adam, batch, minimize, polyak, put, put_module, update_noise
from safetensors.numpy import save_file
from torch import nn
from zero_shot import GOAL, TASK, TAU, Forward, Policy, draw_tasks, feature_layers, noisy, on_sphere, regression
from zero_shot import ridged_inverse

DISTANCE_GAMMA, EXPECTILE, FEATURE_TAU, RATE, UPDATES = 0.9, 0.7, 0.02, 0.005, 10


def values(phis, s, g):
    return [-((phi(s) - phi(g)) ** 2).sum(1).clamp(min=1e-6).sqrt() for phi in phis]


def save_features(name, phis, first_time):
    for key, first in phis[0].named_parameters():
        # The bias of a unit that is active in both states cancels: its gradient is rounding, which Adam magnifies.
        if key == "3.bias" and not first_time:
            continue
        stored = key.replace("weight", "gain") if key.startswith("1.") else key  # gains have a name of their own
        put(f"{name}.{stored}", torch.stack([first, phis[1].get_parameter(key)]))


def write():
    forward, actor = Forward(OBS), Policy(OBS)
    phis = nn.ModuleList([nn.Sequential(*feature_layers(len(GOAL), TASK, bias=False)) for _ in range(2)])
    target_forward, target_phis = copy.deepcopy(forward), copy.deepcopy(phis)
    forward_optimizer, feature_optimizer = adam(forward.parameters(), 1e-3), adam(phis.parameters(), 2e-3)
    actor_optimizer = adam(actor.parameters(), 5e-4)
    mean, moment = torch.randn(TASK), torch.eye(TASK) + 0.5  # as after earlier updates
    seen, rewards = [], []

    def save(k):
        forward.save(f"hilp.{k}.forward")
        target_forward.save(f"hilp.{k}.target_forward")
        save_features(f"hilp.{k}.features", phis, k == 0)
        save_features(f"hilp.{k}.target_features", target_phis, k == 0)
        put_module(f"hilp.{k}.actor", actor)
        put(f"hilp.{k}.statistics.mean", mean)
        put(f"hilp.{k}.statistics.moment", moment)

    def task_of(goal):
        return on_sphere(((phis[0](goal) - mean).double() @ ridged_inverse(moment)).float())

    save(0)
    losses = []
    for k, generator in zip(range(1, UPDATES + 1), update_noise()):
        obs, next_obs, reward, action, discount, _ = batch("hilp", k, lambda: torch.randn(BATCH, OBS))
        future = torch.randn(BATCH, OBS)
        future[1, GOAL] = obs[1, GOAL]  # there already
        put(f"hilp.batch.{k}.future_obs", future)
        s, goal, g = obs[:, GOAL], next_obs[:, GOAL], future[:, GOAL]
        seen.append(goal)
        rewards.append(reward)

        with torch.no_grad():
            there = (s == g).all(1).float()
            targets = [(1 - there) * (DISTANCE_GAMMA * v - 1) for v in values(target_phis, goal, g)]
            advantage = torch.min(*targets) - sum(values(target_phis, s, g)) / 2
            weight = torch.where(advantage >= 0, EXPECTILE, 1 - EXPECTILE)
        online = values(phis, s, g)
        distance_loss = sum((weight * (v - y) ** 2).mean() for v, y in zip(online, targets))
        minimize(distance_loss, feature_optimizer)
        polyak(phis, target_phis, FEATURE_TAU)
        with torch.no_grad():
            f = phis[0](s)
            mean = (1 - RATE) * mean + RATE * f.mean(0)
            moment = (1 - RATE) * moment + RATE * (f - mean).T @ (f - mean) / BATCH

            z = draw_tasks(goal, task_of, generator)
            first, second = target_forward(next_obs, noisy(actor(next_obs, z), generator), z)
            lower = ((first * z).sum(1) < (second * z).sum(1))[:, None]
            y = phis[0](goal) - mean + discount[:, None] * torch.where(lower, first, second)
        successor_loss = sum(nn.functional.mse_loss(f, y) for f in forward(obs, action, z))
        minimize(successor_loss, forward_optimizer)

        q = torch.min(*((f * z).sum(1) for f in forward(obs, noisy(actor(obs, z), generator), z)))
        actor_loss = -q.mean()
        minimize(actor_loss, actor_optimizer)
        polyak(forward, target_forward, TAU)
        mean_distance = -sum(v.mean() for v in online) / 2
        losses.append(torch.stack([distance_loss, mean_distance, successor_loss, actor_loss]).detach())
        if k in (1, UPDATES):
            save(k)
    put("hilp.losses", torch.stack(losses))
    probe, goals = torch.randn(4, OBS), torch.randn(4, len(GOAL))
    features, reward = phis[0](torch.cat(seen)), torch.cat(rewards)
    task = regression(features - features.mean(0), reward - reward.mean())
    put("hilp.probe.obs", probe)
    put("hilp.probe.goals", goals)
    put("hilp.probe.action_of_reward", actor(probe, task.expand(4, -1)))
    put("hilp.probe.action_of_goals", actor(probe, on_sphere(phis[0](goals) - phis[0](probe[:, GOAL]))))


torch.manual_seed(43)
torch.set_num_threads(1)
write()
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
