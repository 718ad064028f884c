"""Writes on_policy.safetensors: distributions, advantages and updates of PPO, A2C and REINFORCE as
PyTorch computes them, for tests/nn/distributions_test.cpp and tests/agents/ppo_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 on_policy.py

Distributions are torch.distributions' in float64. Advantages are summed term by term from their
definition (Schulman et al. 2016, equation 16), not backwards in time.
"""

import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn
from torch.distributions import Beta, Categorical, Independent, Normal

OUT = {}
T, N, OBS, ACTIONS = 6, 4, 3, 2
GAMMA = 0.9


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def write_distributions():
    double = {"dtype": torch.float64}
    mean, log_std, x = torch.randn(7, 3, **double), torch.randn(3, **double), torch.randn(7, 3, **double)
    gaussian = Independent(Normal(mean, log_std.exp()), 1)
    alpha, beta = 10 ** (2 * torch.rand(7, 3, **double) - 0.5), 10 ** (2 * torch.rand(7, 3, **double) - 0.5)
    share = torch.rand(7, 3, **double)
    beta_distribution = Independent(Beta(alpha, beta), 1)
    logits, choice = 3 * torch.randn(7, 5, **double), torch.randint(5, (7,))
    categorical = Categorical(logits=logits)
    for name, arguments, distribution, at in [
        ("gaussian", {"mean": mean, "log_std": log_std}, gaussian, x),
        ("beta", {"alpha": alpha, "beta": beta}, beta_distribution, share),
        ("categorical", {"logits": logits}, categorical, choice),
    ]:
        for key, value in arguments.items():
            put(f"{name}.{key}", value)
        put(f"{name}.x", at)
        put(f"{name}.log_prob", distribution.log_prob(at))
        put(f"{name}.entropy", distribution.entropy())


def perceptron(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, 8), nn.Tanh(), nn.Linear(8, 6), nn.Tanh(), nn.Linear(6, outputs))


class Networks(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.policy = perceptron(OBS, {"gaussian": ACTIONS, "beta": 2 * ACTIONS, "categorical": 4}[kind])
        self.value = perceptron(OBS, 1)
        if kind == "gaussian":
            self.log_std = nn.Parameter(torch.randn(ACTIONS) * 0.3)

    def distribution(self, s):
        out = self.policy(s)
        if self.kind == "gaussian":
            return Independent(Normal(out, self.log_std.exp().expand_as(out)), 1)
        if self.kind == "beta":
            alpha, beta = (1 + nn.functional.softplus(out)).chunk(2, -1)
            return Independent(Beta(alpha, beta), 1)
        return Categorical(logits=out)

    def v(self, s):
        return self.value(s).squeeze(-1)


def gae(rollout, value, next_value, lam):
    """A_t = sum over l of (gamma lambda)^l delta_t+l, up to the end of the episode or rollout."""
    advantage = torch.zeros(T, N)
    for n in range(N):
        for t in range(T):
            weight = 1.0
            for k in range(t, T):
                terminated = bool(rollout["terminated"][k, n])
                follows = 0.0 if terminated else next_value[k, n]
                advantage[t, n] += weight * (rollout["reward"][k, n] + GAMMA * follows - value[k, n])
                weight *= GAMMA * lam
                if terminated or bool(rollout["truncated"][k, n]):
                    break
    return advantage


def random_rollout(networks):
    rollout = {
        "obs": torch.randn(T, N, OBS),
        "last_obs": torch.randn(N, OBS),
        "reward": torch.randn(T, N),
        "terminated": torch.zeros(T, N, dtype=torch.bool),
        "truncated": torch.zeros(T, N, dtype=torch.bool),
        "final_obs": torch.randn(3, OBS),
    }
    # Environment 0 ends nowhere, 1 terminates in the middle, 2 is truncated there and terminates at the
    # end, 3 is truncated twice, at the end too.
    rollout["terminated"][2, 1] = True
    rollout["truncated"][3, 2] = True
    rollout["terminated"][5, 2] = True
    rollout["truncated"][0, 3] = True
    rollout["truncated"][5, 3] = True
    rollout["final_index"] = torch.tensor([0 * N + 3, 3 * N + 2, 5 * N + 3])
    with torch.no_grad():
        distribution = networks.distribution(rollout["obs"])
        rollout["draw"] = distribution.sample()
        # As if the weights had been others: some ratios leave the clipping range.
        rollout["log_prob"] = distribution.log_prob(rollout["draw"]) + 0.3 * torch.randn(T, N)
    return rollout


def values(rollout, networks):
    with torch.no_grad():
        value = networks.v(rollout["obs"])
        next_value = torch.cat([value[1:], networks.v(rollout["last_obs"])[None]])
        for index, s in zip(rollout["final_index"].tolist(), rollout["final_obs"]):
            next_value[index // N, index % N] = networks.v(s)
    return value, next_value


def descend(networks, optimizer, loss, max_norm):
    optimizer.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_(networks.parameters(), max_norm)
    optimizer.step()


def ppo(networks, optimizer, rollout, clip_value):
    return ppo_of(networks, optimizer, rollout, *values(rollout, networks), lambda: rollout["obs"], clip_value)


def ppo_of(networks, optimizer, rollout, value, next_value, features, clip_value):
    advantage = gae(rollout, value, next_value, 0.8)
    returns = advantage + value
    terms = []
    for _ in range(3):
        x = features()
        distribution = networks.distribution(x)
        log_ratio = distribution.log_prob(rollout["draw"]) - rollout["log_prob"]
        ratio = log_ratio.exp()
        a = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        policy = torch.max(-a * ratio, -a * torch.clamp(ratio, 0.8, 1.2)).mean()
        v = networks.v(x)
        loss = (v - returns) ** 2
        if clip_value:
            loss = torch.max(loss, (value + torch.clamp(v - value, -0.2, 0.2) - returns) ** 2)
        loss = 0.5 * loss.mean()
        entropy = distribution.entropy().mean()
        terms.append(torch.stack([policy, loss, entropy, ((ratio - 1) - log_ratio).mean()]))
        descend(networks, optimizer, policy - 0.01 * entropy + 0.5 * loss, 0.5)
    return torch.stack(terms).mean(0)


def a2c(networks, optimizer, rollout):
    return a2c_of(networks, optimizer, rollout, *values(rollout, networks), rollout["obs"])


def a2c_of(networks, optimizer, rollout, value, next_value, x):
    advantage = gae(rollout, value, next_value, 1.0)
    distribution = networks.distribution(x)
    policy = -(advantage * distribution.log_prob(rollout["draw"])).mean()
    loss = 0.5 * nn.functional.mse_loss(networks.v(x), advantage + value)
    entropy = distribution.entropy().mean()
    descend(networks, optimizer, policy + 0.5 * loss - 0.01 * entropy, 0.5)
    return torch.stack([policy, loss, entropy])


def reinforce(networks, optimizer, rollout):
    """Without a baseline: steps whose episode does not end in the rollout are left out."""
    policy, entropy, count = 0.0, 0.0, 0
    distribution = networks.distribution(rollout["obs"])
    log_prob, entropies = distribution.log_prob(rollout["draw"]), distribution.entropy()
    ended = rollout["terminated"] | rollout["truncated"]
    for n in range(N):
        for t in range(T):
            ends = [k for k in range(t, T) if ended[k, n]]
            if not ends:
                continue
            ret = sum(GAMMA ** (k - t) * rollout["reward"][k, n] for k in range(t, ends[0] + 1))
            policy = policy - log_prob[t, n] * ret
            entropy = entropy + entropies[t, n]
            count += 1
    policy, entropy = policy / count, entropy / count
    descend(networks, optimizer, policy - 0.01 * entropy, 0.5)
    return torch.stack([policy, entropy])


def write_updates(name, kind, update, make=Networks):
    networks = make(kind)
    optimizer = torch.optim.Adam(networks.parameters(), lr=3e-3, eps=1e-5, foreach=False, fused=False)
    rollout = random_rollout(networks)
    for key, tensor in rollout.items():
        put(f"{name}.rollout.{key}", tensor)
    for key, parameter in networks.named_parameters():
        put(f"{name}.before.networks.{key}", parameter)
    put(f"{name}.metrics", update(networks, optimizer, rollout))
    for key, parameter in networks.named_parameters():
        put(f"{name}.after.networks.{key}", parameter)


class SharedNetworks(Networks):
    """The same perceptrons behind a layer that both share."""

    def __init__(self, kind):
        super().__init__(kind)
        self.shared = nn.Sequential(nn.Linear(OBS, OBS), nn.Tanh())

    def distribution(self, s):
        return super().distribution(self.shared(s))

    def v(self, s):
        return super().v(self.shared(s))


class RecurrentNetworks(Networks):
    """The same perceptrons behind nn.LSTM or nn.GRU, which policy and value function share."""

    def __init__(self, kind, layer):
        super().__init__(kind)
        size = 5
        self.memory = layer(OBS, size)
        self.policy[0] = nn.Linear(size, 8)
        self.value[0] = nn.Linear(size, 8)

    def pack(self, state):
        return torch.cat(state, -1)[0] if isinstance(state, tuple) else state[0]

    def unpack(self, packed):
        if isinstance(self.memory, nn.LSTM):
            return tuple(part.contiguous() for part in packed[None].chunk(2, -1))
        return packed[None].contiguous()

    def step(self, s, packed):
        y, state = self.memory(s[None], self.unpack(packed))
        return y[0], self.pack(state)

    def features(self, rollout, length):
        """What policy and value function read at every step, by sequences of `length` steps. Each begins
        with the memory that was gathered, which is forgotten where an episode starts."""
        features = []
        for t in range(T):
            if t % length == 0:
                packed = rollout["memory"][t]
            packed = packed * ~rollout["started"][t][:, None]
            y, packed = self.step(rollout["obs"][t], packed)
            features.append(y)
        return torch.stack(features)


def recurrent_rollout(networks):
    rollout = random_rollout(Networks(networks.kind))
    ended = rollout["terminated"] | rollout["truncated"]
    # Environments 0 and 2 are in the middle of an episode.
    rollout["started"] = torch.cat([torch.tensor([[False, True, False, True]]), ended[:-1]])
    with torch.no_grad():
        packed = 0.5 * torch.randn(N, networks.pack(networks.memory(torch.zeros(1, N, OBS))[1]).shape[1])
        before, after, features = [], [], []
        for t in range(T):
            packed = packed * ~rollout["started"][t][:, None]
            before.append(packed)
            y, packed = networks.step(rollout["obs"][t], packed)
            features.append(y)
            after.append(packed)
        rollout["memory"] = torch.stack(before)
        distribution = networks.distribution(torch.stack(features))
        rollout["draw"] = distribution.sample()
        rollout["log_prob"] = distribution.log_prob(rollout["draw"]) + 0.3 * torch.randn(T, N)
        value = networks.v(torch.stack(features))
        next_value = torch.cat([value[1:], networks.v(networks.step(rollout["last_obs"], packed)[0])[None]])
        for index, s in zip(rollout["final_index"].tolist(), rollout["final_obs"]):
            t, n = divmod(index, N)
            next_value[t, n] = networks.v(networks.step(s[None], after[t][n : n + 1])[0])[0]
    return rollout, value, next_value


def recurrent_ppo(networks, optimizer, rollout, value, next_value, length):
    features = lambda: networks.features(rollout, length)
    return ppo_of(networks, optimizer, rollout, value, next_value, features, clip_value=True)


def recurrent_a2c(networks, optimizer, rollout, value, next_value, length):
    x = networks.features(rollout, length)
    return a2c_of(networks, optimizer, rollout, value, next_value, x)


def write_recurrent_update(name, kind, layer, algorithm, length):
    networks = RecurrentNetworks(kind, layer)
    for parameter in networks.memory.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    optimizer = torch.optim.Adam(networks.parameters(), lr=3e-3, eps=1e-5, foreach=False, fused=False)
    rollout, value, next_value = recurrent_rollout(networks)
    for key, tensor in rollout.items():
        put(f"{name}.rollout.{key}", tensor)
    for key, parameter in networks.named_parameters():
        put(f"{name}.before.networks.{key}", parameter)
    put(f"{name}.metrics", algorithm(networks, optimizer, rollout, value, next_value, length))
    for key, parameter in networks.named_parameters():
        put(f"{name}.after.networks.{key}", parameter)


torch.manual_seed(0)
write_distributions()
write_updates("ppo", "gaussian", lambda *a: ppo(*a, clip_value=True))
write_updates("ppo_beta", "beta", lambda *a: ppo(*a, clip_value=False))
write_updates("ppo_categorical", "categorical", lambda *a: ppo(*a, clip_value=True))
write_updates("a2c", "gaussian", a2c)
write_updates("reinforce_baseline", "categorical", a2c)  # one gradient step of the same loss
write_updates("reinforce", "gaussian", reinforce)
write_recurrent_update("ppo_lstm", "gaussian", nn.LSTM, recurrent_ppo, length=T)
write_recurrent_update("ppo_gru_sequences", "categorical", nn.GRU, recurrent_ppo, length=3)
write_recurrent_update("a2c_lstm", "gaussian", nn.LSTM, recurrent_a2c, length=T)
write_updates("ppo_shared", "gaussian", lambda *a: ppo(*a, clip_value=True), SharedNetworks)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
