"""Updates of DDPG, IQL and FB in PyTorch Python, the peers of `reverie bench update`.

Written as CleanRL, CORL and the authors' repositories write them: nn.Sequential, torch.optim.Adam, a loop over the
parameters for the target networks, twin networks one after the other. Prints one JSON object: updates per second.
"""

import argparse
import copy
import json
import math
import time

import torch
from torch import nn

TASK, HIDDEN_FB = 50, 256


def mlp(sizes, output=None):
    layers = []
    for i in range(len(sizes) - 1):
        layers.append(nn.Linear(sizes[i], sizes[i + 1]))
        if i < len(sizes) - 2:
            layers.append(nn.ReLU())
    if output is not None:
        layers.append(output)
    return nn.Sequential(*layers)


def step(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def polyak(online, target, tau):
    with torch.no_grad():
        for p, q in zip(online.parameters(), target.parameters()):
            q.data.mul_(1 - tau).add_(p.data, alpha=tau)


class Data:
    def __init__(self, args):
        self.obs = torch.randn(args.batch, args.observation)
        self.next_obs = torch.randn(args.batch, args.observation)
        self.action = torch.rand(args.batch, args.action) * 2 - 1
        self.reward = torch.randn(args.batch)
        self.discount = torch.full((args.batch,), 0.99)


def ddpg(args, data, adam):
    hidden = [args.hidden, args.hidden]
    actor = mlp([args.observation, *hidden, args.action], nn.Tanh())
    critic = mlp([args.observation + args.action, *hidden, 1])
    target_actor, target_critic = copy.deepcopy(actor), copy.deepcopy(critic)
    actor_optimizer, critic_optimizer = adam(actor.parameters(), 3e-4), adam(critic.parameters(), 3e-4)

    def update():
        with torch.no_grad():
            next_q = target_critic(torch.cat([data.next_obs, target_actor(data.next_obs)], 1)).squeeze(1)
            target = data.reward + data.discount * next_q
        q = critic(torch.cat([data.obs, data.action], 1)).squeeze(1)
        step(critic_optimizer, nn.functional.mse_loss(q, target))
        step(actor_optimizer, -critic(torch.cat([data.obs, actor(data.obs)], 1)).mean())
        polyak(actor, target_actor, 0.005)
        polyak(critic, target_critic, 0.005)

    return update


def iql(args, data, adam):
    hidden = [args.hidden, args.hidden]
    actor = mlp([args.observation, *hidden, args.action], nn.Tanh())
    log_std = nn.Parameter(torch.zeros(args.action))
    critics = nn.ModuleList([mlp([args.observation + args.action, *hidden, 1]) for _ in range(2)])
    value = mlp([args.observation, *hidden, 1])
    targets = copy.deepcopy(critics)
    actor_optimizer = adam([*actor.parameters(), log_std], 3e-4)
    critic_optimizer, value_optimizer = adam(critics.parameters(), 3e-4), adam(value.parameters(), 3e-4)

    def update():
        sa = torch.cat([data.obs, data.action], 1)
        with torch.no_grad():
            best = torch.min(targets[0](sa), targets[1](sa)).squeeze(1)
            next_v = value(data.next_obs).squeeze(1)
        u = best - value(data.obs).squeeze(1)
        step(value_optimizer, (torch.abs(0.7 - (u < 0).float()) * u**2).mean())
        target = data.reward + data.discount * next_v
        q = [critic(sa).squeeze(1) for critic in critics]
        step(critic_optimizer, sum(nn.functional.mse_loss(x, target) for x in q) / 2)
        polyak(critics, targets, 0.005)
        weight = torch.exp(3.0 * u.detach()).clamp(max=100.0)
        policy = torch.distributions.Normal(actor(data.obs), log_std.clamp(-5, 2).exp())
        step(actor_optimizer, (weight * -policy.log_prob(data.action).sum(1)).mean())

    return update


class Branch(nn.Sequential):
    def __init__(self, inputs, hidden):
        super().__init__(
            nn.Linear(inputs, hidden), nn.LayerNorm(hidden), nn.Tanh(), nn.Linear(hidden, hidden // 2), nn.ReLU()
        )


class Forward(nn.Module):
    def __init__(self, args, h):
        super().__init__()
        self.state_action = Branch(args.observation + args.action, h)
        self.state_task = Branch(args.observation + TASK, h)
        self.heads = nn.ModuleList([mlp([h, h, TASK]) for _ in range(2)])

    def forward(self, s, a, z):
        x = torch.cat([self.state_action(torch.cat([s, a], 1)), self.state_task(torch.cat([s, z], 1))], 1)
        return self.heads[0](x), self.heads[1](x)


class Backward(nn.Module):
    def __init__(self, args, h):
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(args.observation, h), nn.LayerNorm(h), nn.Tanh(), nn.Linear(h, h), nn.ReLU(), nn.Linear(h, TASK)
        )

    def forward(self, g):
        return math.sqrt(TASK) * nn.functional.normalize(self.net(g), dim=1)


class Policy(nn.Module):
    def __init__(self, args, h):
        super().__init__()
        self.state, self.state_task = Branch(args.observation, h), Branch(args.observation + TASK, h)
        self.head = mlp([h, h, args.action])

    def forward(self, s, z):
        return torch.tanh(self.head(torch.cat([self.state(s), self.state_task(torch.cat([s, z], 1))], 1)))


def fb(args, data, adam):
    h, n = HIDDEN_FB, args.batch
    forward, backward, actor = Forward(args, h), Backward(args, h), Policy(args, h)
    target_forward, target_backward = copy.deepcopy(forward), copy.deepcopy(backward)
    forward_optimizer, backward_optimizer = adam(forward.parameters(), 1e-4), adam(backward.parameters(), 1e-4)
    actor_optimizer = adam(actor.parameters(), 1e-4)
    off_diagonal = ~torch.eye(n, dtype=torch.bool)

    def noisy(mu):
        return (mu + (0.2 * torch.randn_like(mu)).clamp(-0.3, 0.3)).clamp(-1, 1)

    def update():
        s, s_next, discount = data.obs, data.next_obs, data.discount[:, None]
        with torch.no_grad():
            z = math.sqrt(TASK) * nn.functional.normalize(torch.randn(n, TASK), dim=1)
            rows = torch.rand(n) < 0.5
            z[rows] = backward(s_next[torch.randperm(n)][rows])
            f1, f2 = target_forward(s_next, noisy(actor(s_next, z)), z)
            b = target_backward(s_next)
            target = discount * torch.min(f1 @ b.T, f2 @ b.T)
        f1, f2 = forward(s, data.action, z)
        b = backward(s_next)
        loss = 0.0
        for measure in (f1 @ b.T, f2 @ b.T):
            loss = loss + 0.5 * (measure - target)[off_diagonal].pow(2).mean() - measure.diag().mean()
        gram = b @ b.T
        loss = loss + gram[off_diagonal].pow(2).mean() - 2 * gram.diag().mean()
        forward_optimizer.zero_grad()
        step(backward_optimizer, loss)
        forward_optimizer.step()
        f1, f2 = forward(s, noisy(actor(s, z)), z)
        step(actor_optimizer, -torch.min((f1 * z).sum(1), (f2 * z).sum(1)).mean())
        polyak(forward, target_forward, 0.01)
        polyak(backward, target_backward, 0.01)

    return update


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--agent", choices=["ddpg", "iql", "fb"], default="ddpg")
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

    def adam(parameters, learning_rate):
        return torch.optim.Adam(parameters, lr=learning_rate, **({"fused": True} if args.fused else {}))

    update = {"ddpg": ddpg, "iql": iql, "fb": fb}[args.agent](args, Data(args), adam)
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
