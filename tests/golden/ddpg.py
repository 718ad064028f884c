"""Writes ddpg.safetensors: a network, Adam and DDPG as PyTorch computes them, for
tests/nn/{mlp,adam}_test.cpp and tests/agents/ddpg_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 ddpg.py

Everything is written out, inputs and weights too, so the tests share no generator with PyTorch.
Adam is PyTorch's loop over single tensors, not the fused kernel that Reverie uses.
"""

import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn

OUT = {}


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def put_module(prefix, module):
    for name, parameter in module.named_parameters():
        put(f"{prefix}.{name}", parameter)


def mlp(*widths):
    layers = []
    for inputs, outputs in zip(widths[:-1], widths[1:]):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def adam(parameters, learning_rate, weight_decay=0.0):
    return torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay, foreach=False, fused=False)


def write_mlp():
    """One forward and backward pass of sum(w * net(x)) with random weights w."""
    net = mlp(5, 16, 12, 3)
    x, weight = torch.randn(7, 5), torch.randn(7, 3)
    y = net(x)
    (weight * y).sum().backward()
    put("mlp.x", x)
    put("mlp.weight", weight)
    put("mlp.y", y)
    put_module("mlp.net", net)
    for name, parameter in net.named_parameters():
        put(f"mlp.grad.{name}", parameter.grad)


def write_adam(name, weight_decay):
    """Ten steps along given gradients of sizes from 1e-4 to 1e2, some exactly 0."""
    theta = nn.Parameter(torch.randn(40))
    gradients = torch.randn(10, 40) * torch.logspace(-4, 2, 40)
    gradients[:, 7] = 0
    put(f"{name}.start", theta)
    put(f"{name}.gradients", gradients)
    optimizer = adam([theta], 3e-3, weight_decay)
    path = []
    for gradient in gradients:
        theta.grad = gradient.clone()
        optimizer.step()
        path.append(theta.detach().clone())
    put(f"{name}.path", torch.stack(path))


def write_ddpg():
    """Ten updates (Lillicrap et al. 2016, algorithm 1) on given batches."""
    tau = 0.05
    low, high = torch.tensor([-2.0, 0.5]), torch.tensor([1.0, 3.0])  # of the environment's actions
    actor, critic = mlp(3, 16, 12, 2), mlp(5, 16, 12, 1)
    target_actor, target_critic = mlp(3, 16, 12, 2), mlp(5, 16, 12, 1)
    nets = {"actor": actor, "critic": critic, "target_actor": target_actor, "target_critic": target_critic}
    for name, net in nets.items():
        put_module(f"ddpg.0.{name}", net)
    actor_optimizer = adam(actor.parameters(), 1e-3)
    critic_optimizer = adam(critic.parameters(), 2e-3)

    def mu(net, obs):
        return torch.tanh(net(obs))

    def q(net, obs, action):
        return net(torch.cat([obs, action], 1)).squeeze(1)

    losses = []
    for k in range(1, 11):
        obs, next_obs, reward = torch.randn(8, 3), torch.randn(8, 3), 3 * torch.randn(8)
        action = low + (high - low) * torch.rand(8, 2)
        discount = torch.tensor([0.99, 0.0, 0.99**3, 0.99, 0.0, 0.99**2, 0.99, 0.99])  # 0: terminated
        batch = {"obs": obs, "next_obs": next_obs, "action": action, "reward": reward, "discount": discount}
        for name, tensor in batch.items():
            put(f"ddpg.batch.{k}.{name}", tensor)

        unit = (action - (high + low) / 2) / ((high - low) / 2)
        with torch.no_grad():
            y = reward + discount * q(target_critic, next_obs, mu(target_actor, next_obs))
        q_data = q(critic, obs, unit)
        critic_loss = nn.functional.mse_loss(q_data, y)
        critic_optimizer.zero_grad()
        critic_loss.backward()
        critic_optimizer.step()

        actor_loss = -q(critic, obs, mu(actor, obs)).mean()
        actor_optimizer.zero_grad()
        actor_loss.backward()
        actor_optimizer.step()

        with torch.no_grad():
            for online, target in ((actor, target_actor), (critic, target_critic)):
                for p, p_target in zip(online.parameters(), target.parameters()):
                    p_target.copy_((1 - tau) * p_target + tau * p)
        losses.append(torch.stack([critic_loss, actor_loss, q_data.mean()]).detach())
        if k in (1, 10):
            for name, net in nets.items():
                put_module(f"ddpg.{k}.{name}", net)
    put("ddpg.losses", torch.stack(losses))  # [10, 3]: critic, actor, mean Q
    probe = torch.randn(4, 3)
    put("ddpg.probe.obs", probe)
    put("ddpg.probe.action", (high + low) / 2 + (high - low) / 2 * mu(actor, probe))


torch.manual_seed(20)
torch.set_num_threads(1)
write_mlp()
write_adam("adam", 0.0)
write_adam("adam_decay", 0.1)
write_ddpg()
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
