"""Writes td_jepa.safetensors: updates of TD-JEPA and of its symmetric variant as PyTorch computes them, for
tests/agents/td_jepa_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 td_jepa.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [0, 1]. Both members of a predictor are stored stacked, as EnsembleMlp has them. Adam is
PyTorch's loop over single tensors.
"""

import copy
import pathlib

import torch
from learners import BATCH, OBS, OUT, adam, batch, minimize, polyak, put, put_module, update_noise
from safetensors.numpy import save_file
from torch import nn
from zero_shot import GOAL, TASK, TAU, Forward, Policy, SphereEncoder, draw_tasks, feature_layers, noisy, on_sphere
from zero_shot import orthonormality, regression, ridged_inverse

STATE, STATE_ORTHONORMALITY, ORTHONORMALITY, RATE, UPDATES = 6, 0.3, 0.7, 0.005, 10


def mean_square(predictions, target):
    return sum(((p - target) ** 2).sum(1).mean() for p in predictions) / 2


def write(name, symmetric, whitens):
    numbers = list(range(OBS)) if symmetric else GOAL
    if symmetric:
        phi = psi = SphereEncoder(*feature_layers(OBS, TASK))
    else:
        phi, psi = SphereEncoder(nn.Linear(OBS, STATE)), SphereEncoder(*feature_layers(len(GOAL), TASK))
    state = TASK if symmetric else STATE
    forward, predictor, actor = Forward(state), Forward(TASK, state), Policy(state)
    online = {"phi": phi, "forward": forward}
    if not symmetric:
        online |= {"psi": psi, "predictor": predictor}
    target = {key: copy.deepcopy(module) for key, module in online.items()}
    rates = {"phi": 2e-3, "psi": 3e-3, "forward": 1e-3, "predictor": 1e-3}
    optimizers = [adam(module.parameters(), rates[key]) for key, module in online.items()]
    actor_optimizer = adam(actor.parameters(), 5e-4)
    moment = torch.eye(TASK) + 0.5  # as after earlier updates
    seen, rewards = [], []

    def put_network(key, module):
        module.save(key) if isinstance(module, Forward) else put_module(key, module)

    def save(k):
        for key in online:
            put_network(f"{name}.{k}.{key}", online[key])
            put_network(f"{name}.{k}.target_{key}", target[key])
        put_module(f"{name}.{k}.actor", actor)
        put(f"{name}.{k}.statistics.mean", torch.zeros(TASK))
        put(f"{name}.{k}.statistics.moment", moment)

    def task_of(goal):
        return on_sphere((psi(goal).double() @ ridged_inverse(moment)).float()) if whitens else psi(goal)

    save(0)
    losses = []
    for k, generator in zip(range(1, UPDATES + 1), update_noise()):
        obs, next_obs, reward, action, discount, _ = batch(name, k, lambda: torch.randn(BATCH, OBS))
        goal = next_obs[:, numbers]
        seen.append(goal)
        rewards.append(reward)
        discount = discount[:, None]
        with torch.no_grad():
            z = draw_tasks(goal, task_of, generator)
            next_phi = target["phi"](next_obs)
            next_psi = next_phi if symmetric else target["psi"](goal)
            next_action = noisy(actor(next_phi, z), generator)
            y_psi = next_psi + discount * sum(target["forward"](next_phi, next_action, z)) / 2
            if not symmetric:
                y_phi = next_phi + discount * sum(target["predictor"](next_psi, next_action, z)) / 2
        e_phi, e_psi = phi(obs), psi(obs[:, numbers])
        prediction_loss = mean_square(forward(e_phi, action, z), y_psi)
        orthonormal_loss = STATE_ORTHONORMALITY / 2 * orthonormality(e_phi)
        if not symmetric:
            prediction_loss = prediction_loss + mean_square(predictor(e_psi, action, z), y_phi)
            orthonormal_loss = orthonormal_loss + ORTHONORMALITY / 2 * orthonormality(e_psi)
        minimize(prediction_loss + orthonormal_loss, *optimizers)
        with torch.no_grad():
            moment = (1 - RATE) * moment + RATE * e_psi.T @ e_psi / BATCH
            x = phi(obs)
        q = sum((f * z).sum(1) for f in forward(x, noisy(actor(x, z), generator), z)) / 2
        actor_loss = -q.mean()
        minimize(actor_loss, actor_optimizer)
        for key in online:
            polyak(online[key], target[key], TAU)
        losses.append(torch.stack([prediction_loss, orthonormal_loss, actor_loss]).detach())
        if k in (1, UPDATES):
            save(k)
    put(f"{name}.losses", torch.stack(losses))
    probe, goals = torch.randn(4, OBS), torch.randn(4, len(numbers))
    task = regression(psi(torch.cat(seen)), torch.cat(rewards))
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.goals", goals)
    put(f"{name}.probe.action_of_reward", actor(phi(probe), task.expand(4, -1)))
    put(f"{name}.probe.action_of_goals", actor(phi(probe), task_of(goals)))


torch.manual_seed(47)
torch.set_num_threads(1)
write("two_encoders", symmetric=False, whitens=False)
write("whitened", symmetric=False, whitens=True)
write("symmetric", symmetric=True, whitens=False)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
