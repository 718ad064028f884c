"""Writes actor_critic.safetensors: updates of TD3, SAC and TD7 as PyTorch computes them, for
tests/agents/{td3,sac,td7}_test.cpp; and actor_critic_pictures.safetensors: the same, and DDPG, from pictures as in
DrQ-v2, for tests/agents/picture_updates_test.cpp and tests/nn/random_shift_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 actor_critic.py

Inputs and weights are written out. Noise inside an update comes from LibTorch's CPU generator, seeded anew for every
update by NumPy's generator of [agent's seed, 1], as the agents do; their seed here is 0. Shifts of pictures come from a
second one, of [agent's seed, 2]. Twin critics are stored stacked, as EnsembleMlp has them. Adam is PyTorch's loop over
single tensors. What is stored of a learner from pictures begins with "pictures.": weights of convolutions before the
first update and batches, which are the same for all, are there once.
"""

import copy
import math
import pathlib

import torch
from learners import ACTIONS, BATCH, OBS, OUT, Twins, adam, batch, minimize, mlp, polyak, put, put_module, put_twins
from learners import update_noise
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

FRAMES, HEIGHT, WIDTH, COLOURS, SHIFT, FEATURES = 2, 17, 16, 1, 3, 6


class Vectors:
    """Learning from vectors: what the update rules below need of their observations."""

    prefix, updates, saves, state_size = "", 10, (1, 10), OBS

    def __init__(self, learning_rate):
        self.optimizers = []

    def actor(self, outputs):
        return mlp(OBS, 16, 12, outputs)

    def critics(self):
        return Twins(lambda: mlp(OBS + ACTIONS, 16, 12, 1))

    def batch(self, agent, k):
        """s and s' as the networks read them, and the rest of the batch."""
        return batch(agent, k, lambda: torch.randn(BATCH, OBS))

    def probe(self):
        obs = torch.randn(4, OBS)
        return obs, obs

    def save(self, prefix, k):
        pass

    def frozen(self):
        return self


def shifted(pictures, offsets):
    """Pictures [B, FRAMES COLOURS, H, W] padded by replication and cropped at offsets [B, 2] (down, right)."""
    height, width = pictures.shape[2:]
    padded = functional.pad(pictures, (SHIFT,) * 4, "replicate")
    return torch.stack(
        [p[:, down : down + height, right : right + width] for p, (down, right) in zip(padded, offsets.tolist())]
    )


def sampled(pictures, offsets):
    """The same by bilinear sampling of the padded pictures at the crop's pixels, which is DrQ-v2's way."""
    height, width = pictures.shape[2:]
    padded = functional.pad(pictures, (SHIFT,) * 4, "replicate")
    y = (2 * (torch.arange(height) + offsets[:, :1]) + 1) / padded.shape[2] - 1
    x = (2 * (torch.arange(width) + offsets[:, 1:]) + 1) / padded.shape[3] - 1
    grid = torch.stack([x[:, None].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], 3)
    return functional.grid_sample(padded, grid, padding_mode="zeros", align_corners=False)


def trunk(inputs):
    return nn.Sequential(nn.Linear(inputs, FEATURES), nn.LayerNorm(FEATURES), nn.Tanh())


class Pictures:
    """Learning from pictures [FRAMES, HEIGHT, WIDTH, COLOURS] as in DrQ-v2 (Yarats et al. 2021)."""

    prefix, updates, saves = "pictures.", 6, (6,)
    start = None  # weights of all learners' convolutions
    batches = {}

    def __init__(self, learning_rate):
        self.convolutions = nn.Sequential(
            nn.Conv2d(FRAMES * COLOURS, 32, 3, stride=2), *[nn.Conv2d(32, 32, 3) for _ in range(3)]
        )
        if Pictures.start is None:
            Pictures.start = copy.deepcopy(self.convolutions)
            put_module("pictures.start.convolutions.pixels", self.convolutions)
        self.convolutions.load_state_dict(Pictures.start.state_dict())
        self.optimizers = [adam(self.convolutions.parameters(), learning_rate)]
        self.shifts = update_noise(stream=2)
        self.state_size = self.encode(torch.zeros(1, FRAMES, HEIGHT, WIDTH, COLOURS)).shape[1]

    def actor(self, outputs):
        return nn.Sequential(*trunk(self.state_size), nn.Linear(FEATURES, 8), nn.ReLU(), nn.Linear(8, outputs))

    def critics(self):
        return Twins(lambda: mlp(FEATURES + ACTIONS, 8, 1), trunk(self.state_size))

    def encode(self, pictures, generator=None):
        x = pictures.permute(0, 1, 4, 2, 3).flatten(1, 2).float()
        if generator is not None:
            offsets = torch.randint(2 * SHIFT + 1, (len(x), 2), generator=generator)
            assert (shifted(x, offsets) - sampled(x, offsets)).abs().max() < 1e-2  # of 255
            x = shifted(x, offsets)
        x = x / 255
        for layer in self.convolutions:
            x = layer(x).relu()
        return x.flatten(1)

    def batch(self, agent, k):
        if k not in Pictures.batches:
            Pictures.batches[k] = list(batch("pictures", k, self.draw))
        obs, next_obs, *others = Pictures.batches[k]
        generator = next(self.shifts)
        s = self.encode(obs, generator)
        with torch.no_grad():
            return s, self.encode(next_obs, generator), *others

    def draw(self):
        return torch.randint(256, (BATCH, FRAMES, HEIGHT, WIDTH, COLOURS), dtype=torch.uint8)

    def probe(self):
        pictures = self.draw()[:4]
        return pictures, self.encode(pictures)

    def save(self, prefix, k):
        """After k updates; those of k = 0 are `start`."""
        if k > 0:
            put_module(f"{prefix}.convolutions.pixels", self.convolutions)


def write_ddpg(view):
    """Updates of Lillicrap et al. 2016, algorithm 1, from pictures; ddpg.py has those from vectors."""
    tau = 0.05
    view = view(2e-3)

    class Critic(nn.Sequential):
        def forward(self, s, action):
            h = self[2](self[1](self[0](s)))
            return self[5](self[4](self[3](torch.cat([h, action], 1)))).squeeze(1)

    def critic_net():
        return Critic(*trunk(view.state_size), nn.Linear(FEATURES + ACTIONS, 8), nn.ReLU(), nn.Linear(8, 1))

    actor, critic, target_actor, target_critic = view.actor(ACTIONS), critic_net(), view.actor(ACTIONS), critic_net()
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critic.parameters(), 2e-3)

    def save(k):
        put_module(f"pictures.ddpg.{k}.actor", actor)
        put_module(f"pictures.ddpg.{k}.critic", critic)
        put_module(f"pictures.ddpg.{k}.target_actor", target_actor)
        put_module(f"pictures.ddpg.{k}.target_critic", target_critic)
        view.save(f"pictures.ddpg.{k}", k)

    save(0)
    losses = []
    for k in range(1, view.updates + 1):
        obs, next_obs, reward, action, discount, weight = view.batch("ddpg", k)
        with torch.no_grad():
            y = reward + discount * target_critic(next_obs, torch.tanh(target_actor(next_obs)))
        value = critic(obs, action)
        critic_loss = (weight * (value - y) ** 2).mean()
        minimize(critic_loss, critic_optimizer, *view.optimizers)
        obs = obs.detach()
        actor_loss = -critic(obs, torch.tanh(actor(obs))).mean()
        minimize(actor_loss, actor_optimizer)
        polyak(actor, target_actor, tau)
        polyak(critic, target_critic, tau)
        losses.append(torch.stack([critic_loss, actor_loss, value.mean()]).detach())
        put(f"pictures.ddpg.td_error.{k}", value - y)
    save(view.updates)
    put("pictures.ddpg.losses", torch.stack(losses))  # critic, actor, mean Q
    probe, s = view.probe()
    put("pictures.ddpg.probe.obs", probe)
    put("pictures.ddpg.probe.action", torch.tanh(actor(s)))


def write_td3(view):
    """Updates (Fujimoto et al. 2018, algorithm 1), actor and targets at every second one."""
    tau = 0.05
    view = view(2e-3)
    name = f"{view.prefix}td3"
    actor, critics = view.actor(ACTIONS), view.critics()
    target_actor, target_critics = view.actor(ACTIONS), view.critics()
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 1e-3), adam(critics.parameters(), 2e-3)

    def save(k):
        put_module(f"{name}.{k}.actor", actor)
        put_module(f"{name}.{k}.target_actor", target_actor)
        put_twins(f"{name}.{k}.critics", critics)
        put_twins(f"{name}.{k}.target_critics", target_critics)
        view.save(f"{name}.{k}", k)

    save(0)
    losses, actor_loss = [], torch.zeros(())
    for k, generator in zip(range(1, view.updates + 1), update_noise()):
        obs, next_obs, reward, action, discount, weight = view.batch(name, k)
        with torch.no_grad():
            noise = (0.2 * torch.randn(BATCH, ACTIONS, generator=generator)).clamp(-0.3, 0.3)
            next_action = (torch.tanh(target_actor(next_obs)) + noise).clamp(-1, 1)
            y = reward + discount * torch.min(*target_critics(next_obs, next_action))
        values = critics(obs, action)
        critic_loss = sum((weight * (v - y) ** 2).mean() for v in values)
        minimize(critic_loss, critic_optimizer, *view.optimizers)
        if k % 2 == 0:
            obs = obs.detach()
            actor_loss = -critics(obs, torch.tanh(actor(obs)))[0].mean()
            minimize(actor_loss, actor_optimizer)
            polyak(actor, target_actor, tau)
            polyak(critics, target_critics, tau)
        losses.append(torch.stack([critic_loss, actor_loss, torch.stack(values).mean()]).detach())
        put(f"{name}.td_error.{k}", torch.stack([(v - y).abs() for v in values]).amax(0))
        if k in view.saves or k == 2 and not view.prefix:
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # [updates, 3]: critics, actor (0 before its first), mean Q
    probe, s = view.probe()
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", torch.tanh(actor(s)))


def write_sac(view):
    """Updates (Haarnoja et al. 2018b, algorithm 1)."""
    tau, target_entropy = 0.05, -float(ACTIONS)
    view = view(2e-3)
    name = f"{view.prefix}sac"
    actor, critics = view.actor(2 * ACTIONS), view.critics()
    target_critics = view.critics()
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
        put_module(f"{name}.{k}.actor", actor)
        put_twins(f"{name}.{k}.critics", critics)
        put_twins(f"{name}.{k}.target_critics", target_critics)
        put(f"{name}.{k}.temperature.log_alpha", log_alpha)
        view.save(f"{name}.{k}", k)

    save(0)
    losses = []
    for k, generator in zip(range(1, view.updates + 1), update_noise()):
        obs, next_obs, reward, action, discount, weight = view.batch(name, k)
        with torch.no_grad():
            next_action, next_log_prob = pi(next_obs, generator)
            next_q = torch.min(*target_critics(next_obs, next_action))
            y = reward + discount * (next_q - log_alpha.exp() * next_log_prob)
        values = critics(obs, action)
        critic_loss = sum((weight * 0.5 * (v - y) ** 2).mean() for v in values)
        minimize(critic_loss, critic_optimizer, *view.optimizers)

        obs = obs.detach()
        draw, log_prob = pi(obs, generator)
        actor_loss = (log_alpha.exp().detach() * log_prob - torch.min(*critics(obs, draw))).mean()
        minimize(actor_loss, actor_optimizer)
        minimize(-(log_alpha * (log_prob.detach() + target_entropy)).mean(), alpha_optimizer)

        polyak(critics, target_critics, tau)
        losses.append(torch.stack([critic_loss, actor_loss, torch.stack(values).mean()]).detach())
        if k in view.saves:
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # [updates, 3]: critics, actor, mean Q
    probe, s = view.probe()
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", torch.tanh(actor(s).chunk(2, 1)[0]))


def avg_l1_norm(x):
    return x / x.abs().mean(-1, keepdim=True).clamp(min=1e-8)


class Embeddings(nn.Module):
    """f and g of TD7 (Fujimoto et al. 2023, appendix B)."""

    def __init__(self, inputs, hidden=12, size=10):
        super().__init__()
        self.zs1, self.zs2, self.zs3 = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden), nn.Linear(hidden, size)
        self.zsa1, self.zsa2 = nn.Linear(size + ACTIONS, hidden), nn.Linear(hidden, hidden)
        self.zsa3 = nn.Linear(hidden, size)

    def zs(self, s):
        return avg_l1_norm(self.zs3(functional.elu(self.zs2(functional.elu(self.zs1(s))))))

    def zsa(self, zs, a):
        return self.zsa3(functional.elu(self.zsa2(functional.elu(self.zsa1(torch.cat([zs, a], 1))))))


class Critic(nn.Module):
    def __init__(self, inputs, hidden=12, size=10):
        super().__init__()
        self.q0, self.q1 = nn.Linear(inputs + ACTIONS, hidden), nn.Linear(2 * size + hidden, hidden)
        self.q2, self.q3 = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)

    def forward(self, s, a, zsa, zs):
        q0 = avg_l1_norm(self.q0(torch.cat([s, a], 1)))
        h = functional.elu(self.q1(torch.cat([q0, zsa, zs], 1)))
        return self.q3(functional.elu(self.q2(h))).squeeze(1)


class Policy(nn.Module):
    def __init__(self, inputs, hidden=12, size=10):
        super().__init__()
        self.l0, self.l1 = nn.Linear(inputs, hidden), nn.Linear(size + hidden, hidden)
        self.l2, self.l3 = nn.Linear(hidden, hidden), nn.Linear(hidden, ACTIONS)

    def forward(self, s, zs):
        h = functional.relu(self.l1(torch.cat([avg_l1_norm(self.l0(s)), zs], 1)))
        return torch.tanh(self.l3(functional.relu(self.l2(h))))


class TrunkedPictures(Pictures):
    """TD7 reads a trunk's output as its state, which is ours: the paper has no pictures."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate)
        self.trunk = trunk(self.state_size)
        self.state_size = FEATURES
        self.optimizers.append(adam(self.trunk.parameters(), learning_rate))

    def encode(self, pictures, generator=None):
        features = super().encode(pictures, generator)
        return self.trunk(features) if hasattr(self, "trunk") else features

    def save(self, prefix, k):
        super().save(prefix, k)
        put_module(f"{prefix}.convolutions.trunk", self.trunk)

    def frozen(self):
        """A copy that only save() is asked of."""
        other = copy.copy(self)
        other.convolutions, other.trunk = copy.deepcopy(self.convolutions), copy.deepcopy(self.trunk)
        return other


def write_td7(view):
    """Updates; targets are copied after the fourth and the eighth."""
    view = view(1e-3)
    name, inputs = f"{view.prefix}td7", view.state_size
    actor, embeddings = Policy(inputs), Embeddings(inputs)
    critics = nn.ModuleList([Critic(inputs), Critic(inputs)])
    fixed, fixed_target = copy.deepcopy(embeddings), copy.deepcopy(embeddings)
    actor_target, critics_target = copy.deepcopy(actor), copy.deepcopy(critics)
    kept = copy.deepcopy(actor)
    embedding_optimizer, actor_optimizer = adam(embeddings.parameters(), 1e-3), adam(actor.parameters(), 1e-3)
    critic_optimizer = adam(critics.parameters(), 1e-3)
    start, kept_view = copy.deepcopy(embeddings), view.frozen()

    def put_critics(prefix, critics):
        for (key, first), (_, second) in zip(critics[0].named_parameters(), critics[1].named_parameters()):
            put(f"{prefix}.{key}", torch.stack([first, second]))

    def save(k):
        put_module(f"{name}.{k}.acting.actor", actor)
        put_module(f"{name}.{k}.acting.embeddings", fixed)
        put_module(f"{name}.{k}.kept.actor", kept)
        put_module(f"{name}.{k}.kept.embeddings", start)
        put_module(f"{name}.{k}.target.actor", actor_target)
        put_module(f"{name}.{k}.target.embeddings", fixed_target)
        put_module(f"{name}.{k}.embeddings", embeddings)
        put_critics(f"{name}.{k}.critics", critics)
        put_critics(f"{name}.{k}.target_critics", critics_target)
        view.save(f"{name}.{k}", k)
        kept_view.save(f"{name}.{k}.kept", k)

    save(0)
    low = high = 0.0
    low_seen, high_seen = 1e8, -1e8
    losses, actor_loss = [], torch.zeros(())
    for k, generator in zip(range(1, view.updates + 1), update_noise()):
        obs_learning, next_obs, reward, action, discount, weight = view.batch(name, k)
        obs = obs_learning.detach()
        with torch.no_grad():
            next_zs = embeddings.zs(next_obs)
        embedding_loss = functional.mse_loss(embeddings.zsa(embeddings.zs(obs), action), next_zs)
        minimize(embedding_loss, embedding_optimizer)

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
        values = [c(obs_learning, action, zsa, zs) for c in critics]
        critic_loss = sum((weight * functional.smooth_l1_loss(v, y, reduction="none")).mean() for v in values)
        minimize(critic_loss, critic_optimizer, *view.optimizers)
        if k % 2 == 0:
            a = actor(obs, zs)
            actor_loss = -torch.stack([c(obs, a, fixed.zsa(zs, a), zs) for c in critics]).mean()
            minimize(actor_loss, actor_optimizer)
        if k % 4 == 0:
            actor_target.load_state_dict(actor.state_dict())
            critics_target.load_state_dict(critics.state_dict())
            fixed_target.load_state_dict(fixed.state_dict())
            fixed.load_state_dict(embeddings.state_dict())
            low, high = low_seen, high_seen
        losses.append(torch.stack([critic_loss, embedding_loss, torch.stack(values).mean(), actor_loss]).detach())
        put(f"{name}.td_error.{k}", torch.stack([(v - y).abs() for v in values]).amax(0).clamp(min=1))
        if k in view.saves or k == 4 and not view.prefix:
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # [updates, 4]: critics, embeddings, mean Q, actor (0 before its first)
    probe, s = view.probe()
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", actor(s, fixed.zs(s)))


def write_shift():
    """Pictures of every axis its own length, moved by the greatest and the least offsets too."""
    pictures = torch.randint(256, (4, FRAMES, 5, 7, 3), dtype=torch.uint8)
    offsets = torch.tensor([[0, 0], [2 * SHIFT, 2 * SHIFT], [SHIFT, SHIFT], [1, 5]])
    x = pictures.permute(0, 1, 4, 2, 3).flatten(1, 2).float()
    put("pictures.shift.in", pictures)
    put("pictures.shift.offsets", offsets)
    put("pictures.shift.out", shifted(x, offsets).unflatten(1, (FRAMES, 3)).permute(0, 1, 3, 4, 2).to(torch.uint8))


torch.manual_seed(21)
torch.set_num_threads(1)
write_td3(Vectors)
write_sac(Vectors)
write_td7(Vectors)
write_ddpg(Pictures)
write_td3(Pictures)
write_sac(Pictures)
write_td7(TrunkedPictures)
write_shift()
path = pathlib.Path(__file__)
save_file({k: v for k, v in OUT.items() if not k.startswith("pictures.")}, path.with_suffix(".safetensors"))
save_file(
    {k.removeprefix("pictures."): v for k, v in OUT.items() if k.startswith("pictures.")},
    path.with_name("actor_critic_pictures.safetensors"),
)
