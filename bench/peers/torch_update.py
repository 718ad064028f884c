"""The update of DDPG in PyTorch Python, the peer of `reverie bench update`.

Written as CleanRL and Spinning Up write it: nn.Sequential, torch.optim.Adam, a loop over the
parameters for the target networks. Prints one JSON object: updates per second.
"""

import argparse
import copy
import json
import time

import torch
from torch import nn


def mlp(sizes, output=None):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(nn.ReLU())
    if output is not None:
        layers.append(output)
    return nn.Sequential(*layers)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--observation", type=int, default=4)
    parser.add_argument("--action", type=int, default=2)
    parser.add_argument("--hidden", type=int, default=256)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--fused", action="store_true", help="Adam's fused kernel, which few use")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)

    hidden = [args.hidden, args.hidden]
    actor = mlp([args.observation, *hidden, args.action], nn.Tanh())
    critic = mlp([args.observation + args.action, *hidden, 1])
    target_actor, target_critic = copy.deepcopy(actor), copy.deepcopy(critic)
    options = {"fused": True} if args.fused else {}
    actor_optimizer = torch.optim.Adam(actor.parameters(), lr=3e-4, **options)
    critic_optimizer = torch.optim.Adam(critic.parameters(), lr=3e-4, **options)

    obs = torch.randn(args.batch, args.observation)
    next_obs = torch.randn(args.batch, args.observation)
    action = torch.rand(args.batch, args.action) * 2 - 1
    reward = torch.randn(args.batch)
    discount = torch.full((args.batch,), 0.99)

    def update():
        with torch.no_grad():
            next_q = target_critic(torch.cat([next_obs, target_actor(next_obs)], 1)).squeeze(1)
            target = reward + discount * next_q
        q = critic(torch.cat([obs, action], 1)).squeeze(1)
        critic_loss = nn.functional.mse_loss(q, target)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()

        actor_loss = -critic(torch.cat([obs, actor(obs)], 1)).mean()
        actor_optimizer.zero_grad()
        actor_loss.backward()
        actor_optimizer.step()

        with torch.no_grad():
            for online, target in ((actor, target_actor), (critic, target_critic)):
                for p, q in zip(online.parameters(), target.parameters()):
                    q.data.mul_(0.995).add_(p.data, alpha=0.005)

    for _ in range(50):
        update()
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < args.seconds:
        for _ in range(20):
            update()
        count += 20
    rate = count / (time.perf_counter() - start)
    print(json.dumps({"updates_per_second": rate, "torch": torch.__version__, "threads": args.threads}))


if __name__ == "__main__":
    main()
