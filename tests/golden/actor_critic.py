"""Writes actor_critic.safetensors: updates of TD3, SAC and TD7 as PyTorch computes them,
for tests/agents/{td3,sac,td7}_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 actor_critic.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [agent's seed, 1], as the agents do; their seed here is 0. Twin critics are stored stacked, as EnsembleMlp has them. Adam is PyTorch's loop over single tensors.
"""

import copy
import math
import pathlib

import numpy
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

OUT = {}
OBS, ACTIONS, BATCH = 3, 2, 8


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def put_module(prefix, module):
    for name, parameter in module.named_parameters():
        put(f"{prefix}.{name}", parameter)


def put_twins(prefix, twins):
    for (name, first), (_, second) in zip(twins[0].named_parameters(), twins[1].named_parameters()):
        put(f"{prefix}.{name}", torch.stack([first, second]))


def mlp(*widths):
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def adam(parameters, learning_rate):
    return torch.optim.Adam(parameters, lr=learning_rate, foreach=False, fused=False)


def twins():
    return nn.ModuleList([mlp(OBS + ACTIONS, 16, 12, 1), mlp(OBS + ACTIONS, 16, 12, 1)])


def q(net, obs, action):
    return net(torch.cat([obs, action], 1)).squeeze(1)


def polyak(online, target, tau):
    with torch.no_grad():
        for p, p_target in zip(online.parameters(), target.parameters()):
            p_target.copy_((1 - tau) * p_target + tau * p)


def batch(agent, k):
    values = {
        "obs": torch.randn(BATCH, OBS),
        "next_obs": torch.randn(BATCH, OBS),
        "reward": 3 * torch.randn(BATCH),
        "action": 2 * torch.rand(BATCH, ACTIONS) - 1,
        "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99**2, 0.99, 0.99]),  # 0: terminated
        "weight": torch.rand(BATCH) + 0.1,
    }
    for name, tensor in values.items():
        put(f"{agent}.batch.{k}.{name}", tensor)
    return values.values()


def update_noise():
    """Generators for the noise of each update."""
    seeds = numpy.random.default_rng([0, 1]).bit_generator
    while True:
        yield torch.Generator().manual_seed(int(seeds.random_raw()))


def write_td3():
    """Ten updates (Fujimoto et al. 2018, algorithm 1), actor and targets at every second one."""
    tau = 0.05
    actor, critics = mlp(OBS, 16, 12, ACTIONS), twins()
    target_actor, target_critics = mlp(OBS, 16, 12, ACTIONS), twins()
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critics.parameters(), 2e-3)

    def save(k):
        put_module(f"td3.{k}.actor", actor)
        put_module(f"td3.{k}.target_actor", target_actor)
        put_twins(f"td3.{k}.critics", critics)
        put_twins(f"td3.{k}.target_critics", target_critics)

    save(0)
    losses, actor_loss = [], torch.zeros(())
    for k, generator in zip(range(1, 11), update_noise()):
        obs, next_obs, reward, action, discount, weight = batch("td3", k)
        with torch.no_grad():
            noise = (0.2 * torch.randn(BATCH, ACTIONS, generator=generator)).clamp(-0.3, 0.3)
            next_action = (torch.tanh(target_actor(next_obs)) + noise).clamp(-1, 1)
            y = reward + discount * torch.min(*(q(c, next_obs, next_action) for c in target_critics))
        values = [q(c, obs, action) for c in critics]
        critic_loss = sum((weight * (v - y) ** 2).mean() for v in values)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        if k % 2 == 0:
            actor_loss = -q(critics[0], obs, torch.tanh(actor(obs))).mean()
            actor_optimizer.zero_grad()
            actor_loss.backward()
            actor_optimizer.step()
            polyak(actor, target_actor, tau)
            polyak(critics, target_critics, tau)
        losses.append(torch.stack([critic_loss, actor_loss, torch.stack(values).mean()]).detach())
        put(f"td3.td_error.{k}", torch.stack([(v - y).abs() for v in values]).amax(0))
        if k in (1, 2, 10):
            save(k)
    put("td3.losses", torch.stack(losses))  # [10, 3]: critics, actor (0 before its first), mean Q
    probe = torch.randn(4, OBS)
    put("td3.probe.obs", probe)
    put("td3.probe.action", torch.tanh(actor(probe)))


def write_sac():
    """Ten updates (Haarnoja et al. 2018b, algorithm 1)."""
    tau, target_entropy = 0.05, -float(ACTIONS)
    actor, critics = mlp(OBS, 16, 12, 2 * ACTIONS), twins()
    target_critics = twins()
    log_alpha = nn.Parameter(torch.tensor([math.log(0.3)]))
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critics.parameters(), 2e-3)
    alpha_optimizer = adam([log_alpha], 3e-3)

    def pi(obs, generator):
        mean, log_std = actor(obs).chunk(2, 1)
        log_std = log_std.clamp(-20, 2)
        normal = torch.distributions.Normal(mean, log_std.exp())
        u = mean + log_std.exp() * torch.randn(BATCH, ACTIONS, generator=generator)
        action = torch.tanh(u)
        return action, (normal.log_prob(u) - torch.log(1 - action**2)).sum(1)

    def save(k):
        put_module(f"sac.{k}.actor", actor)
        put_twins(f"sac.{k}.critics", critics)
        put_twins(f"sac.{k}.target_critics", target_critics)
        put(f"sac.{k}.temperature.log_alpha", log_alpha)

    save(0)
    losses = []
    for k, generator in zip(range(1, 11), update_noise()):
        obs, next_obs, reward, action, discount, weight = batch("sac", k)
        with torch.no_grad():
            next_action, next_log_prob = pi(next_obs, generator)
            next_q = torch.min(*(q(c, next_obs, next_action) for c in target_critics))
            y = reward + discount * (next_q - log_alpha.exp() * next_log_prob)
        values = [q(c, obs, action) for c in critics]
        critic_loss = sum((weight * 0.5 * (v - y) ** 2).mean() for v in values)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()

        draw, log_prob = pi(obs, generator)
        actor_loss = (log_alpha.exp().detach() * log_prob - torch.min(*(q(c, obs, draw) for c in critics))).mean()
        actor_optimizer.zero_grad()
        actor_loss.backward()
        actor_optimizer.step()

        alpha_optimizer.zero_grad()
        (-(log_alpha * (log_prob.detach() + target_entropy)).mean()).backward()
        alpha_optimizer.step()

        polyak(critics, target_critics, tau)
        losses.append(torch.stack([critic_loss, actor_loss, torch.stack(values).mean()]).detach())
        if k in (1, 10):
            save(k)
    put("sac.losses", torch.stack(losses))  # [10, 3]: critics, actor, mean Q
    probe = torch.randn(4, OBS)
    put("sac.probe.obs", probe)
    put("sac.probe.action", torch.tanh(actor(probe).chunk(2, 1)[0]))


def avg_l1_norm(x):
    return x / x.abs().mean(-1, keepdim=True).clamp(min=1e-8)


class Embeddings(nn.Module):
    """f and g of TD7 (Fujimoto et al. 2023, appendix B)."""

    def __init__(self, hidden=12, size=10):
        super().__init__()
        self.zs1, self.zs2, self.zs3 = nn.Linear(OBS, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, size)
        self.zsa1, self.zsa2 = nn.Linear(size + ACTIONS, hidden), nn.Linear(hidden, hidden)
        self.zsa3 = nn.Linear(hidden, size)

    def zs(self, s):
        return avg_l1_norm(self.zs3(functional.elu(self.zs2(functional.elu(self.zs1(s))))))

    def zsa(self, zs, a):
        return self.zsa3(functional.elu(self.zsa2(functional.elu(self.zsa1(torch.cat([zs, a], 1))))))


class Critic(nn.Module):
    def __init__(self, hidden=12, size=10):
        super().__init__()
        self.q0, self.q1 = nn.Linear(OBS + ACTIONS, hidden), nn.Linear(2 * size + hidden, hidden)
        self.q2, self.q3 = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, s, a, zsa, zs):
        q0 = avg_l1_norm(self.q0(torch.cat([s, a], 1)))
        h = functional.elu(self.q1(torch.cat([q0, zsa, zs], 1)))
        return self.q3(functional.elu(self.q2(h))).squeeze(1)


class Policy(nn.Module):
    def __init__(self, hidden=12, size=10):
        super().__init__()
        self.l0, self.l1 = nn.Linear(OBS, hidden), nn.Linear(size + hidden, hidden)
        self.l2, self.l3 = nn.Linear(hidden, hidden), nn.Linear(hidden, ACTIONS)

    def forward(self, s, zs):
        h = functional.relu(self.l1(torch.cat([avg_l1_norm(self.l0(s)), zs], 1)))
        return torch.tanh(self.l3(functional.relu(self.l2(h))))


def write_td7():
    """Ten updates; targets are copied after the fourth and the eighth."""
    actor, embeddings = Policy(), Embeddings()
    critics = nn.ModuleList([Critic(), Critic()])
    fixed, fixed_target = copy.deepcopy(embeddings), copy.deepcopy(embeddings)
    actor_target, critics_target = copy.deepcopy(actor), copy.deepcopy(critics)
    kept = copy.deepcopy(actor)
    embedding_optimizer, actor_optimizer = adam(embeddings.parameters(), 1e-3), adam(actor.parameters(), 1e-3)
    critic_optimizer = adam(critics.parameters(), 1e-3)
    start = copy.deepcopy(embeddings)

    def save(k):
        put_module(f"td7.{k}.acting.actor", actor)
        put_module(f"td7.{k}.acting.embeddings", fixed)
        put_module(f"td7.{k}.kept.actor", kept)
        put_module(f"td7.{k}.kept.embeddings", start)
        put_module(f"td7.{k}.target.actor", actor_target)
        put_module(f"td7.{k}.target.embeddings", fixed_target)
        put_module(f"td7.{k}.embeddings", embeddings)
        put_twins(f"td7.{k}.critics", critics)
        put_twins(f"td7.{k}.target_critics", critics_target)

    save(0)
    low = high = 0.0
    low_seen, high_seen = 1e8, -1e8
    losses, actor_loss = [], torch.zeros(())
    for k, generator in zip(range(1, 11), update_noise()):
        obs, next_obs, reward, action, discount, weight = batch("td7", k)
        with torch.no_grad():
            next_zs = embeddings.zs(next_obs)
        embedding_loss = functional.mse_loss(embeddings.zsa(embeddings.zs(obs), action), next_zs)
        embedding_optimizer.zero_grad()
        embedding_loss.backward()
        embedding_optimizer.step()

        with torch.no_grad():
            target_zs = fixed_target.zs(next_obs)
            noise = (0.2 * torch.randn(BATCH, ACTIONS, generator=generator)).clamp(-0.3, 0.3)
            next_action = (actor_target(next_obs, target_zs) + noise).clamp(-1, 1)
            target_zsa = fixed_target.zsa(target_zs, next_action)
            next_q = torch.min(*(c(next_obs, next_action, target_zsa, target_zs) for c in critics_target))
            y = reward + discount * next_q.clamp(low, high)
            low_seen, high_seen = min(low_seen, float(y.min())), max(high_seen, float(y.max()))
            zs = fixed.zs(obs)
            zsa = fixed.zsa(zs, action)
        values = [c(obs, action, zsa, zs) for c in critics]
        critic_loss = sum((weight * functional.smooth_l1_loss(v, y, reduction="none")).mean() for v in values)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()
        if k % 2 == 0:
            a = actor(obs, zs)
            actor_loss = -torch.stack([c(obs, a, fixed.zsa(zs, a), zs) for c in critics]).mean()
            actor_optimizer.zero_grad()
            actor_loss.backward()
            actor_optimizer.step()
        if k % 4 == 0:
            actor_target.load_state_dict(actor.state_dict())
            critics_target.load_state_dict(critics.state_dict())
            fixed_target.load_state_dict(fixed.state_dict())
            fixed.load_state_dict(embeddings.state_dict())
            low, high = low_seen, high_seen
        losses.append(torch.stack([critic_loss, embedding_loss, torch.stack(values).mean(), actor_loss]).detach())
        put(f"td7.td_error.{k}", torch.stack([(v - y).abs() for v in values]).amax(0).clamp(min=1))
        if k in (1, 4, 10):
            save(k)
    put("td7.losses", torch.stack(losses))  # [10, 4]: critics, embeddings, mean Q, actor (0 before its first)
    probe = torch.randn(4, OBS)
    put("td7.probe.obs", probe)
    put("td7.probe.action", actor(probe, fixed.zs(probe)))


torch.manual_seed(21)
torch.set_num_threads(1)
write_td3()
write_sac()
write_td7()
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
