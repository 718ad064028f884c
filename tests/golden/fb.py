"""Writes fb.safetensors: updates of forward-backward representations as PyTorch computes them, for
tests/agents/fb_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 fb.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [0, 1]. Both F are stored stacked, as EnsembleMlp has them. Adam is PyTorch's loop over
single tensors.
"""

import copy
import pathlib

import torch
from learners import BATCH, OBS, OUT, adam, batch, minimize, polyak, put, put_module, update_noise
from safetensors.numpy import save_file
from zero_shot import GOAL, TASK, TAU, Forward, Policy, SphereEncoder, draw_tasks, feature_layers, noisy, off_diagonal
from zero_shot import on_sphere, orthonormality

ORTHONORMALITY, UPDATES = 0.7, 10


def write():
    forward, backward, actor = Forward(OBS), SphereEncoder(*feature_layers(len(GOAL), TASK)), Policy(OBS)
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
            z = draw_tasks(goal, backward, generator)
            next_action = noisy(actor(next_obs, z), generator)
            b_target = target_backward(goal)
            target = torch.min(*(f @ b_target.T for f in target_forward(next_obs, next_action, z)))
        b = backward(goal)
        measures = [f @ b.T for f in forward(obs, action, z)]
        apart = sum(0.5 * off_diagonal(m - discount[:, None] * target).pow(2).mean() for m in measures)
        measure_loss = apart - sum(m.diag().mean() for m in measures)
        orthonormal_loss = orthonormality(b)
        minimize(measure_loss + ORTHONORMALITY * orthonormal_loss, forward_optimizer, backward_optimizer)

        q = torch.min(*((f * z).sum(1) for f in forward(obs, noisy(actor(obs, z), generator), z)))
        actor_loss = -q.mean()
        minimize(actor_loss, actor_optimizer)
        polyak(forward, target_forward, TAU)
        polyak(backward, target_backward, TAU)
        losses.append(torch.stack([measure_loss, orthonormal_loss, actor_loss]).detach())
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
