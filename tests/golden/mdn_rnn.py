"""Writes mdn_rnn.safetensors: an update of World Models' MDN-RNN as PyTorch computes it, for
tests/worldmodel/mdn_rnn_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 mdn_rnn.py

7 steps of 3 sequences, 4 latent numbers, 2 actions, 6 units, 3 components, with both heads. One step does not
count, and two sequences begin anew. "gradient.*" is before, "clipped.*" behind the clipping of elements, "after.*"
behind Adam's step.
"""

import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal

OUT = {}
SEED = 5  # of MdnRnnLearner
T, B, D, A, H, K = 7, 3, 4, 2, 6, 3


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def noise(step, shape):
    words = np.array([SEED, step], np.uint64)
    seed = np.random.SeedSequence([2, *words.view(np.uint32)]).generate_state(1, np.uint64)[0]
    return torch.randn(shape, generator=torch.Generator().manual_seed(int(seed)))


torch.manual_seed(0)
lstm = nn.LSTM(D + A, H)
mixtures, reward_head, end_head = nn.Linear(H, 3 * K * D), nn.Linear(H, 1), nn.Linear(H, 1)
with torch.no_grad():
    lstm.bias_hh_l0.zero_()
lstm.bias_hh_l0.requires_grad_(False)
parameters = {f"lstm.{k}": p for k, p in lstm.named_parameters() if p.requires_grad}
for prefix, layer in [("mixtures", mixtures), ("reward", reward_head), ("end", end_head)]:
    parameters |= {f"{prefix}.{k}": p for k, p in layer.named_parameters()}
for name, parameter in parameters.items():
    put(name, parameter)

mean, log_variance = torch.randn(T + 1, B, D), torch.randn(T + 1, B, D) - 1
action, reward = torch.randn(T, B, A), torch.randn(T, B)
started, ended, weight = torch.zeros(T, B, dtype=torch.bool), torch.zeros(T, B), torch.ones(T, B)
started[3, 0] = started[5, 2] = True
ended[2, 0], weight[4, 2] = 1, 0
for name, value in {
    "mean": mean,
    "log_variance": log_variance,
    "action": action,
    "reward": reward,
    "started": started,
    "ended": ended,
    "weight": weight,
}.items():
    put(f"data.{name}", value)

z = mean + torch.exp(0.5 * log_variance) * noise(0, (T + 1, B, D))
columns = []
for b in range(B):
    cuts = sorted({0, T} | {t for t in range(T) if started[t, b]})
    x = torch.cat([z[:-1, b : b + 1], action[:, b : b + 1]], 2)
    columns.append(torch.cat([lstm(x[i:j])[0] for i, j in zip(cuts[:-1], cuts[1:])]))
h = torch.cat(columns, 1)
put("h", h)
logits, means, log_stds = mixtures(h).view(T, B, D, 3, K).unbind(3)
mixture = MixtureSameFamily(Categorical(logits=logits), Normal(means, log_stds.clamp(-5, 2).exp()))
log_p = mixture.log_prob(z[1:]).sum(2)
put("log_prob", log_p)


def mean_over_steps(x):
    return (x * weight).sum() / weight.sum()


latent = mean_over_steps(-log_p / D)
reward_loss = mean_over_steps((reward_head(h).squeeze(2) - reward) ** 2)
end = nn.functional.binary_cross_entropy_with_logits(
    end_head(h).squeeze(2), ended, pos_weight=torch.tensor(10.0), reduction="none"
)
end_loss = mean_over_steps(end)
total = latent + 0.5 * reward_loss + 2.0 * end_loss
for name, value in {"latent": latent, "reward": reward_loss, "end": end_loss, "total": total}.items():
    put(f"loss.{name}", value)
adam = torch.optim.Adam(parameters.values(), lr=1e-2, foreach=False, fused=False)
total.backward()
clipped = 0
for name, parameter in parameters.items():
    put(f"gradient.{name}", parameter.grad)
    clipped += (parameter.grad.abs() > 0.05).sum()
assert clipped > 5
torch.nn.utils.clip_grad_value_(parameters.values(), 0.05)
for name, parameter in parameters.items():
    put(f"clipped.{name}", parameter.grad)
adam.step()
for name, parameter in parameters.items():
    put(f"after.{name}", parameter)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
