"""Writes vae.safetensors: two updates of variational autoencoders as PyTorch computes them, for
tests/worldmodel/vae_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 vae.py

"paper": the layout of World Models with few channels. "mirror": pictures of odd sides, beta, a learnt deviation.
"CASE.k.*" are loss terms, gradients and parameters of update k. The free nats lie between the KL terms of the
pictures of the first update, so that some are below and some above.
"""

import pathlib

import numpy as np
import torch
from safetensors.numpy import save_file
from torch import nn

OUT = {}
SEED = 5  # of VaeLearner


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def noise(step, shape):
    words = np.array([SEED, step], np.uint64)
    seed = np.random.SeedSequence([2, *words.view(np.uint32)]).generate_state(1, np.uint64)[0]
    return torch.randn(shape, generator=torch.Generator().manual_seed(int(seed)))


class Vae(nn.Module):
    def __init__(self, picture, channels, latent, kernels, features, learns_std):
        super().__init__()
        colours = picture[2]
        widths = [colours, *channels]
        self.encoder = nn.ModuleList(nn.Conv2d(a, b, 4, 2) for a, b in zip(widths[:-1], widths[1:]))
        self.code = nn.ModuleDict({"mean": nn.Linear(features, latent), "log_variance": nn.Linear(features, latent)})
        self.cells = nn.Linear(latent, features)
        self.mirrors = kernels is None
        first = channels[-1] if self.mirrors else features
        widths = [first, *channels[-2::-1], colours]
        kernels = kernels or [4] * len(channels)
        self.decoder = nn.ModuleList(
            nn.ConvTranspose2d(a, b, k, 2) for a, b, k in zip(widths[:-1], widths[1:], kernels)
        )
        self.first = first
        if learns_std:
            self.log_std = nn.Parameter(torch.full((1,), -0.7))

    def forward(self, x, z_noise):
        sizes, h = [], x
        for layer in self.encoder:
            sizes.append(h.shape[2:])
            h = torch.relu(layer(h))
        sides = h.shape[2:] if self.mirrors else (1, 1)
        h = h.flatten(1)
        mean, log_variance = self.code["mean"](h), self.code["log_variance"](h)
        z = mean + torch.exp(0.5 * log_variance) * z_noise
        y = self.cells(z).view(len(x), self.first, *sides)
        for i, layer in enumerate(self.decoder):
            y = layer(y)
            if self.mirrors:
                height, width = sizes[-1 - i]
                y = nn.functional.pad(y, (0, width - y.shape[3], 0, height - y.shape[2]), mode="replicate")
            y = torch.relu(y) if i + 1 < len(self.decoder) else torch.sigmoid(y)
        return mean, log_variance, y


def case(name, picture, channels, latent, kernels, features, beta, free_nats, learns_std):
    model = Vae(picture, channels, latent, kernels, features, learns_std)
    with torch.no_grad():
        for layer in model.encoder:  # else pictures of random pixels look alike
            layer.weight *= 3
            layer.bias.zero_()
        model.code["mean"].bias.zero_()
    for key, parameter in model.named_parameters():
        put(f"{name}.{key}", parameter)
    adam = torch.optim.Adam(model.parameters(), lr=1e-2, foreach=False, fused=False)
    for k in range(2):
        brightness = torch.linspace(0.1, 1.0, 6).view(6, 1, 1, 1)
        pixels = (256 * brightness * torch.rand(6, *picture)).to(torch.uint8)
        put(f"{name}.{k}.pixels", pixels)
        x = pixels.permute(0, 3, 1, 2).float() / 255
        mean, log_variance, y = model(x, noise(k, (6, latent)))
        posterior = torch.distributions.Normal(mean, torch.exp(0.5 * log_variance))
        kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1)
        free = free_nats * latent
        assert k > 0 or ((kl < free).any() and (kl > free).any()), kl
        if learns_std:
            log_std = -6 + nn.functional.softplus(model.log_std + 6)
            pixel = torch.distributions.Normal(y, torch.exp(log_std))
            constant = 0.5 * np.log(2 * np.pi) * x[0].numel()
            reconstruction = -pixel.log_prob(x).sum((1, 2, 3)).mean() - constant
        else:
            reconstruction = (x - y).square().sum((1, 2, 3)).mean()
        total = reconstruction + beta * torch.clamp(kl, min=free).mean()
        adam.zero_grad()
        total.backward()
        put(f"{name}.{k}.total", total)
        put(f"{name}.{k}.reconstruction", reconstruction)
        put(f"{name}.{k}.kl", kl.mean())
        for key, parameter in model.named_parameters():
            put(f"{name}.{k}.gradient.{key}", parameter.grad)
        adam.step()
        for key, parameter in model.named_parameters():
            put(f"{name}.{k}.after.{key}", parameter)


torch.manual_seed(0)
case("paper", (64, 64, 3), [2, 3, 4, 5], 3, [5, 5, 6, 6], 20, 1.0, 0.1, False)
case("mirror", (23, 18, 1), [3, 4], 2, None, 48, 2.5, 0.004, True)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
