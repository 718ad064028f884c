"""Writes offline.safetensors: updates of IQL with its four extractions, of behaviour cloning and of TD3+BC as PyTorch
computes them, for tests/agents/{iql,bc,td3}_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 offline.py

Inputs and weights are written out. Twin critics, and the networks of an autoregressive policy, are stored stacked, as
EnsembleMlp has them. Adam is PyTorch's loop over single tensors.
"""

import copy
import pathlib

import torch
from learners import ACTIONS, BATCH, OBS, OUT, Twins, adam, batch, minimize, mlp, polyak, put, put_module, put_twins
from learners import update_noise
from safetensors.numpy import save_file
from torch import nn

BINS, UPDATES, SAVES, TAU = 5, 10, (1, 10), 0.05


class Gaussian(nn.Module):
    """N(tanh(m(s)), sigma^2) with one deviation for each number of an action, or given by the network."""

    def __init__(self, dependent):
        super().__init__()
        self.dependent = dependent
        self.mean = mlp(OBS, 16, 12, 2 * ACTIONS if dependent else ACTIONS)
        self.deviation = nn.ParameterDict({} if dependent else {"log_std": nn.Parameter(torch.zeros(ACTIONS))})

    def distribution(self, s):
        out = self.mean(s)
        mean, log_std = out.chunk(2, 1) if self.dependent else (out, self.deviation["log_std"].expand_as(out))
        return torch.distributions.Normal(torch.tanh(mean), log_std.clamp(-5, 2).exp())

    def log_prob(self, s, a):
        return self.distribution(s).log_prob(a).sum(1)

    def deviation_of(self, s, a):
        return self.distribution(s).stddev.mean()

    def center(self, s):
        return self.distribution(s).mean

    def save(self, name):
        put_module(name, self)


class Binned(nn.Module):
    """One of BINS values, evenly from -1 to 1, for each number of an action."""

    values = torch.linspace(-1, 1, BINS)

    def __init__(self):
        super().__init__()
        self.bins = mlp(OBS, 16, 12, ACTIONS * BINS)

    def nearest(self, a):
        return (a[..., None] - self.values).abs().argmin(-1)

    def distributions(self, s, a):
        """[B, ACTIONS] categorical distributions."""
        return torch.distributions.Categorical(logits=self.bins(s).view(-1, ACTIONS, BINS))

    def log_prob(self, s, a):
        return self.distributions(s, a).log_prob(self.nearest(a)).sum(1)

    def deviation_of(self, s, a):
        p = self.distributions(s, a).probs
        mean = (p * self.values).sum(-1, keepdim=True)
        return (p * (self.values - mean) ** 2).sum(-1).sqrt().mean()

    def center(self, s):
        return self.values[self.distributions(s, None).logits.argmax(-1)]

    def save(self, name):
        put_module(name, self)


class Autoregressive(Binned):
    """The second number's distribution depends on the first number."""

    def __init__(self):
        super().__init__()
        self.bins = nn.ModuleList([mlp(OBS + ACTIONS, 16, 12, BINS) for _ in range(ACTIONS)])

    def distributions(self, s, a):
        known = self.values[self.nearest(a)]
        logits = []
        for i, net in enumerate(self.bins):
            read = torch.zeros(len(s), ACTIONS)
            read[:, :i] = known[:, :i]
            logits.append(net(torch.cat([s, read], 1)))
        return torch.distributions.Categorical(logits=torch.stack(logits, 1))

    def center(self, s):
        a = torch.zeros(len(s), ACTIONS)
        for i in range(ACTIONS):
            a[:, i] = self.values[self.distributions(s, a).logits[:, i].argmax(-1)]
        return a

    def save(self, name):
        for key, first in self.bins[0].named_parameters():
            put(f"{name}.bins.{key}", torch.stack([first, self.bins[1].get_parameter(key)]))


def draws():
    return torch.randn(BATCH, OBS)


def write_bc(name, policy):
    """Maximum likelihood of the data's actions."""
    optimizer = adam(policy.parameters(), 1e-2)
    policy.save(f"{name}.0.policy")
    losses = []
    for k in range(1, UPDATES + 1):
        obs, _, _, action, _, _ = batch(name, k, draws)
        loss = -policy.log_prob(obs, action).mean()
        deviation = policy.deviation_of(obs, action)
        minimize(loss, optimizer)
        losses.append(torch.stack([loss, deviation]).detach())
        if k in SAVES:
            policy.save(f"{name}.{k}.policy")
    put(f"{name}.losses", torch.stack(losses))  # actor, deviation
    probe = torch.randn(4, OBS)
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", policy.center(probe))


def write_iql(name, policy, expectile=0.7, temperature=3.0, bc_weight=0.0):
    """Kostrikov et al. 2021; a policy without likelihood climbs the critics (OGBench's DDPG+BC)."""
    critics, value = Twins(lambda: mlp(OBS + ACTIONS, 16, 12, 1)), mlp(OBS, 16, 12, 1)
    targets = copy.deepcopy(critics)
    critic_optimizer, value_optimizer = adam(critics.parameters(), 2e-3), adam(value.parameters(), 2e-3)
    policy_optimizer = adam(policy.parameters(), 1e-3)
    imitates = hasattr(policy, "log_prob")

    def save(k):
        put_twins(f"{name}.{k}.critics", critics)
        put_twins(f"{name}.{k}.target_critics", targets)
        put_module(f"{name}.{k}.value", value)
        if imitates:
            policy.save(f"{name}.{k}.policy")
        else:
            put_module(f"{name}.{k}.policy.actor", policy)

    save(0)
    losses = []
    for k in range(1, UPDATES + 1):
        obs, next_obs, reward, action, discount, weight = batch(name, k, draws)
        with torch.no_grad():
            best = torch.min(*targets(obs, action))
        v = value(obs).squeeze(1)
        u = best - v
        value_loss = (weight * torch.where(u < 0, 1 - expectile, expectile) * u**2).mean()
        minimize(value_loss, value_optimizer)

        with torch.no_grad():
            advantage = best - value(obs).squeeze(1)
            y = reward + discount * value(next_obs).squeeze(1)
        if imitates:
            factor = (temperature * advantage).exp().clamp(max=100)
            policy_loss = -(factor * policy.log_prob(obs, action)).mean()
        else:
            mu = torch.tanh(policy(obs))
            q = torch.min(*critics(obs, mu))
            policy_loss = -q.mean()
            if bc_weight > 0:
                imitation = torch.distributions.Normal(mu, 1.0).log_prob(action).sum(1)
                constant = torch.distributions.Normal(0.0, 1.0).log_prob(torch.tensor(0.0)) * ACTIONS
                policy_loss = -(q / q.detach().abs().mean()).mean() - bc_weight * (imitation - constant).mean()
        minimize(policy_loss, policy_optimizer)

        values = critics(obs, action)
        critic_loss = sum((weight * (q - y) ** 2).mean() for q in values)
        minimize(critic_loss, critic_optimizer)
        polyak(critics, targets, TAU)
        losses.append(
            torch.stack([value_loss, critic_loss, policy_loss, v.mean(), torch.stack(values).mean()]).detach()
        )
        put(f"{name}.td_error.{k}", torch.stack([(q - y).abs() for q in values]).amax(0))
        if k in SAVES:
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # value, critics, actor, mean V, mean Q
    probe = torch.randn(4, OBS)
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", policy.center(probe) if imitates else torch.tanh(policy(probe)))


def write_td3_bc(name, alpha):
    """Fujimoto & Gu 2021: TD3 whose actor minimises  -alpha / mean |Q| Q + mean squared distance  up to a factor."""
    actor, critics = mlp(OBS, 16, 12, ACTIONS), Twins(lambda: mlp(OBS + ACTIONS, 16, 12, 1))
    target_actor, target_critics = copy.deepcopy(actor), copy.deepcopy(critics)
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critics.parameters(), 2e-3)

    def save(k):
        put_module(f"{name}.{k}.actor", actor)
        put_module(f"{name}.{k}.target_actor", target_actor)
        put_twins(f"{name}.{k}.critics", critics)
        put_twins(f"{name}.{k}.target_critics", target_critics)

    save(0)
    losses, actor_loss = [], torch.zeros(())
    for k, generator in zip(range(1, UPDATES + 1), update_noise()):
        obs, next_obs, reward, action, discount, weight = batch(name, k, draws)
        with torch.no_grad():
            noise = (0.2 * torch.randn(BATCH, ACTIONS, generator=generator)).clamp(-0.3, 0.3)
            next_action = (torch.tanh(target_actor(next_obs)) + noise).clamp(-1, 1)
            y = reward + discount * torch.min(*target_critics(next_obs, next_action))
        values = critics(obs, action)
        critic_loss = sum((weight * (v - y) ** 2).mean() for v in values)
        minimize(critic_loss, critic_optimizer)
        if k % 2 == 0:
            mu = torch.tanh(actor(obs))
            q = critics(obs, mu)[0]
            scale = alpha / q.abs().mean().detach()
            actor_loss = (-scale * q.mean() + nn.functional.mse_loss(mu, action)) / alpha
            minimize(actor_loss, actor_optimizer)
            polyak(actor, target_actor, TAU)
            polyak(critics, target_critics, TAU)
        losses.append(torch.stack([critic_loss, actor_loss]).detach())
        if k in SAVES:
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # critics, actor (0 before its first)


torch.manual_seed(31)
torch.set_num_threads(1)
write_bc("bc.independent", Gaussian(dependent=False))
write_bc("bc.dependent", Gaussian(dependent=True))
write_bc("bc.binned", Binned())
write_bc("bc.autoregressive", Autoregressive())
write_iql("iql.awr", Gaussian(dependent=False), temperature=50.0)  # beyond the clip
write_iql("iql.awr-discrete", Binned())
write_iql("iql.ddpg", mlp(OBS, 16, 12, ACTIONS), expectile=0.9)
write_iql("iql.ddpg-bc", mlp(OBS, 16, 12, ACTIONS), expectile=0.9, bc_weight=0.3)
write_td3_bc("td3-bc", alpha=2.5)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
