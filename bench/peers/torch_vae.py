"""The variational autoencoder of World Models in PyTorch Python: images per second of updates and of encoding.

Written as its reproductions write it (ctallec/world-models): nn.Conv2d, nn.ConvTranspose2d, torch.optim.Adam, and
the conversion of the pictures' bytes. Prints one JSON object.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn.functional import relu

LATENT = 32


class Vae(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [3, 32, 64, 128, 256]
        self.encoder = nn.ModuleList(nn.Conv2d(a, b, 4, stride=2) for a, b in zip(widths[:-1], widths[1:]))
        self.mean, self.log_variance = nn.Linear(1024, LATENT), nn.Linear(1024, LATENT)
        self.cells = nn.Linear(LATENT, 1024)
        layers = [(1024, 128, 5), (128, 64, 5), (64, 32, 6), (32, 3, 6)]
        self.decoder = nn.ModuleList(nn.ConvTranspose2d(a, b, k, stride=2) for a, b, k in layers)

    def features(self, pixels):
        x = pixels.permute(0, 3, 1, 2).contiguous().float() / 255
        h = x
        for layer in self.encoder:
            h = relu(layer(h))
        return x, h.flatten(1)

    def encode(self, pixels):
        return self.mean(self.features(pixels)[1])

    def loss(self, pixels):
        x, h = self.features(pixels)
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        y = self.cells(z)[:, :, None, None]
        for layer in self.decoder[:-1]:
            y = relu(layer(y))
        y = torch.sigmoid(self.decoder[-1](y))
        kl = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum(1)
        return (x - y).pow(2).sum((1, 2, 3)).mean() + kl.clamp(min=0.5 * LATENT).mean()


def rate(function, images, seconds):
    for _ in range(3):
        function()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        function()
        count += images
    return count / (time.perf_counter() - start)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=100, help="images of an update")
    parser.add_argument("--rows", type=int, default=16, help="images that are encoded at once")
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--channels-last", action="store_true", help="what few do")
    parser.add_argument("--fused", action="store_true", help="Adam's fused kernel, which few use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    model = Vae()
    if args.channels_last:
        model = model.to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(model.parameters(), lr=1e-4, **({"fused": True} if args.fused else {}))
    pixels = torch.randint(256, (args.batch, 64, 64, 3), dtype=torch.uint8)
    acting = torch.randint(256, (args.rows, 64, 64, 3), dtype=torch.uint8)

    def update():
        adam.zero_grad()
        model.loss(pixels).backward()
        adam.step()

    def encode():
        with torch.no_grad():
            model.encode(acting)

    updates = rate(update, args.batch, args.seconds)
    encoded = rate(encode, args.rows, args.seconds)
    print(
        json.dumps(
            {
                "updated_images_per_second": updates,
                "encoded_images_per_second": encoded,
                "torch": torch.__version__,
                "threads": args.threads,
            }
        )
    )


if __name__ == "__main__":
    main()
