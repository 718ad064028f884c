"""Writes dqn.safetensors: updates of deep Q-networks, and the convolutions of pictures, as PyTorch computes them, for
tests/agents/{dqn,observation_encoder}_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 dqn.py

Everything is written out, inputs and weights too. Adam is PyTorch's loop over single tensors. The projection of C51 is
algorithm 1 of Bellemare et al. 2017, a loop over atoms, which Reverie writes as one product.
"""

import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn import functional

OUT = {}
OBS, ACTIONS, BATCH, ATOMS, LOW, HIGH = 3, 4, 8, 11, -4.0, 6.0


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def mlp(*widths):
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class QNetwork(nn.Module):
    def __init__(self, numbers, dueling):
        super().__init__()
        self.numbers = numbers
        self.advantage = mlp(OBS, 16, 12, ACTIONS * numbers)
        self.value = mlp(OBS, 16, 12, numbers) if dueling else None

    def forward(self, obs):
        x = self.advantage(obs).view(-1, ACTIONS, self.numbers)
        if self.value is None:
            return x
        return self.value(obs).view(-1, 1, self.numbers) + x - x.mean(1, keepdim=True)


ATOM_VALUES = torch.linspace(LOW, HIGH, ATOMS)


def mean_value(x):
    return x[..., 0]


def mean_loss(x, following, reward, discount):
    return functional.smooth_l1_loss(x[:, 0], reward + discount * following[:, 0], reduction="none")


def c51_value(x):
    return (x.softmax(-1) * ATOM_VALUES).sum(-1)


def c51_loss(x, following, reward, discount):
    p = following.softmax(-1)
    distance = (HIGH - LOW) / (ATOMS - 1)
    target = torch.zeros_like(p)
    for row in range(BATCH):
        for j in range(ATOMS):
            moved = float((reward[row] + discount[row] * ATOM_VALUES[j]).clamp(LOW, HIGH))
            b = (moved - LOW) / distance
            lower = min(int(b), ATOMS - 2)
            target[row, lower] += p[row, j] * (lower + 1 - b)
            target[row, lower + 1] += p[row, j] * (b - lower)
    return -(target * x.log_softmax(-1)).sum(-1)


def quantile_value(x):
    return x.mean(-1)


def quantile_loss(x, following, reward, discount):
    target = reward[:, None] + discount[:, None] * following
    levels = (torch.arange(ATOMS) + 0.5) / ATOMS
    loss = torch.zeros(BATCH)
    for i in range(ATOMS):
        error = target - x[:, i : i + 1]
        huber = torch.where(error.abs() <= 1, 0.5 * error**2, error.abs() - 0.5)
        loss = loss + ((levels[i] - (error < 0).float()).abs() * huber).mean(1)
    return loss


def write(name, value, loss_of, numbers, double, dueling):
    """Six updates; the target network is copied after the third."""
    online, target = QNetwork(numbers, dueling), QNetwork(numbers, dueling)
    optimizer = torch.optim.Adam(online.parameters(), lr=1e-3, foreach=False, fused=False)

    def save(k):
        for prefix, net in (("network", online), ("target", target)):
            for key, parameter in net.named_parameters():
                put(f"{name}.{k}.{prefix}.{key}", parameter)

    save(0)
    losses = []
    for k in range(1, 7):
        batch = {
            "obs": torch.randn(BATCH, OBS),
            "next_obs": torch.randn(BATCH, OBS),
            "reward": 3 * torch.randn(BATCH),
            "action": torch.randint(ACTIONS, (BATCH,)),
            "discount": torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99**2, 0.99, 0.99]),  # 0: terminated
            "weight": torch.rand(BATCH) + 0.1,
        }
        for key, tensor in batch.items():
            put(f"{name}.batch.{k}.{key}", tensor)
        rows = torch.arange(BATCH)
        with torch.no_grad():
            of_target = target(batch["next_obs"])
            best = value(online(batch["next_obs"]) if double else of_target).argmax(1)
            following = of_target[rows, best]
        x = online(batch["obs"])[rows, batch["action"]]
        each = loss_of(x, following, batch["reward"], batch["discount"])
        loss = (batch["weight"] * each).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(online.parameters(), 0.5)
        optimizer.step()
        if k % 3 == 0:
            target.load_state_dict(online.state_dict())
        losses.append(torch.stack([loss, value(x).mean()]).detach())
        put(f"{name}.td_error.{k}", batch["reward"] + batch["discount"] * value(following) - value(x))
        if k in (1, 6):
            save(k)
    put(f"{name}.losses", torch.stack(losses))  # [6, 2]: loss, mean Q
    probe = torch.randn(16, OBS)
    put(f"{name}.probe.obs", probe)
    put(f"{name}.probe.action", value(online(probe)).argmax(1))


def write_convolutions():
    """Features of two stacked pictures [2 frames, height 44, width 40, 3 colours]."""
    pictures = torch.randint(256, (2, 2, 44, 40, 3), dtype=torch.uint8)
    put("nature.pictures", pictures)
    x = pictures.permute(0, 1, 4, 2, 3).reshape(2, 6, 44, 40).float() / 255
    for i, (channels, kernel, stride) in enumerate([(32, 8, 4), (64, 4, 2), (64, 3, 1)]):
        layer = nn.Conv2d(x.shape[1], channels, kernel, stride)
        put(f"nature.convolutions.pixels.{i}.weight", layer.weight)
        put(f"nature.convolutions.pixels.{i}.bias", layer.bias)
        x = layer(x).relu()
    put("nature.features", x.flatten(1))


torch.manual_seed(22)
torch.set_num_threads(1)
write("plain", mean_value, mean_loss, 1, double=False, dueling=False)
write("double_dueling", mean_value, mean_loss, 1, double=True, dueling=True)
write("c51", c51_value, c51_loss, ATOMS, double=False, dueling=True)
write("quantile", quantile_value, quantile_loss, ATOMS, double=True, dueling=False)
write_convolutions()
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
