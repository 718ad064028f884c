"""One plan of LeWorldModel in PyTorch Python, the peer of `reverie bench plan`.

Cross-entropy method over its predictor (6 blocks of width 192, histories of up to 3) as
stable-worldmodel 0.1.1 runs it: all candidates of an iteration in one batch, actions embedded once
a rollout, the window grows from 1 frame to 3, every call predicts after all frames of the window
and the last prediction is kept. torch.inference_mode(). Prints one JSON object: the milliseconds of
each plan.
"""

import argparse
import json
import time

import torch
import torch.nn.functional as F
from torch import nn

LATENT, HEADS, INNER, HIDDEN, DEPTH, FRAMES, ACTIONS = 192, 16, 1024, 2048, 6, 3, 10


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain_norm = nn.LayerNorm(LATENT, elementwise_affine=False, eps=1e-6)
        self.attention_norm = nn.LayerNorm(LATENT)
        self.query_key_value = nn.Linear(LATENT, 3 * INNER, bias=False)
        self.attention_output = nn.Linear(INNER, LATENT)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(LATENT), nn.Linear(LATENT, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, LATENT)
        )
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(LATENT, 6 * LATENT))

    def attend(self, x):
        qkv = self.query_key_value(self.attention_norm(x)).chunk(3, dim=-1)
        q, k, v = (t.unflatten(-1, (HEADS, -1)).transpose(1, 2) for t in qkv)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.attention_output(y.transpose(1, 2).flatten(2))

    def forward(self, x, condition):
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=-1)
        x = x + gate1 * self.attend(self.plain_norm(x) * (1 + scale1) + shift1)
        return x + gate2 * self.perceptron(self.plain_norm(x) * (1 + scale2) + shift2)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.mix = nn.Conv1d(ACTIONS, 10, 1)
        self.embed = nn.Sequential(nn.Linear(10, 4 * LATENT), nn.SiLU(), nn.Linear(4 * LATENT, LATENT))
        self.position = nn.Parameter(torch.randn(1, FRAMES, LATENT))
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(LATENT)
        self.projector = nn.Sequential(
            nn.Linear(LATENT, HIDDEN), nn.BatchNorm1d(HIDDEN), nn.GELU(), nn.Linear(HIDDEN, LATENT)
        )

    def predict(self, z, actions):
        x = z + self.position[:, : z.shape[1]]
        for block in self.blocks:
            x = block(x, actions)
        return self.projector(self.norm(x).flatten(0, 1)).view(x.shape)

    def rollout(self, start, actions):
        embedded = self.embed(self.mix(actions.transpose(1, 2)).transpose(1, 2))
        latents = [start]
        for t in range(actions.shape[1]):
            begin = max(0, t + 1 - FRAMES)
            window = torch.stack(latents[begin:], dim=1)
            latents.append(self.predict(window, embedded[:, begin : t + 1])[:, -1])
        return latents[-1]


def plan(model, start, goal, args):
    mean = torch.zeros(args.horizon, ACTIONS)
    std = torch.ones(args.horizon, ACTIONS)
    starts = start.expand(args.samples, LATENT)
    for _ in range(args.iterations):
        candidates = mean + std * torch.randn(args.samples, args.horizon, ACTIONS)
        candidates[0] = mean
        cost = (model.rollout(starts, candidates) - goal).square().sum(-1)
        elites = candidates[cost.topk(args.elites, largest=False).indices]
        mean, std = elites.mean(0), elites.std(0)
    return mean


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--samples", type=int, default=300)
    parser.add_argument("--iterations", type=int, default=30)
    parser.add_argument("--horizon", type=int, default=5)
    parser.add_argument("--elites", type=int, default=30)
    parser.add_argument("--plans", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = Model().eval()
    start, goal = torch.randn(1, LATENT), torch.randn(1, LATENT)
    milliseconds = []
    with torch.inference_mode():
        starts = start.expand(args.samples, LATENT)
        model.rollout(starts, torch.randn(args.samples, args.horizon, ACTIONS))  # warm-up
        for _ in range(args.plans):
            begin = time.perf_counter()
            plan(model, start, goal, args)
            milliseconds.append(1e3 * (time.perf_counter() - begin))
    print(json.dumps({"milliseconds": milliseconds, "torch": torch.__version__, "threads": args.threads}))


if __name__ == "__main__":
    main()
