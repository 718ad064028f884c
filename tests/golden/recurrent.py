"""Writes recurrent.safetensors: outputs and gradients of PyTorch's nn.LSTM and nn.GRU, for
tests/nn/recurrent_test.cpp.

Made with torch 2.11.0 (CPU), numpy 2.4.6, safetensors 0.8.0:
  python3 recurrent.py

"KIND.whole.*" is one call for the whole sequence. "KIND.resets.*" is a call for every stretch of one
sequence between two steps that begin anew, each with a state of 0. The loss is sum(y weight).
"""

import pathlib

import torch
from safetensors.numpy import save_file
from torch import nn

OUT = {}
T, B, INPUTS, SIZE = 7, 3, 4, 5
STARTED = torch.zeros(T, B, dtype=torch.bool)
# Sequence 0 begins anew in the middle, 1 never, 2 at the first step, at two steps in a row and at the last.
for t, b in [(3, 0), (0, 2), (4, 2), (5, 2), (6, 2)]:
    STARTED[t, b] = True


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous().numpy()


def whole(layer, x, state):
    y, _ = layer(x, state)
    return y


def with_resets(layer, x, state):
    columns = []
    for b in range(B):
        cuts = sorted({0, T} | {t for t in range(T) if STARTED[t, b]})
        parts = []
        for begin, end in zip(cuts[:-1], cuts[1:]):
            h = tuple(s[:, b : b + 1] for s in state) if isinstance(state, tuple) else state[:, b : b + 1]
            if begin > 0 or STARTED[0, b]:
                h = None
            parts.append(layer(x[begin:end, b : b + 1], h)[0])
        columns.append(torch.cat(parts))
    return torch.cat(columns, 1)


torch.manual_seed(0)
for kind, layer in [("lstm", nn.LSTM(INPUTS, SIZE)), ("gru", nn.GRU(INPUTS, SIZE))]:
    for parameter in layer.parameters():
        nn.init.uniform_(parameter, -0.8, 0.8)
    x = torch.randn(T, B, INPUTS, requires_grad=True)
    packed = torch.randn(B, 2 * SIZE if kind == "lstm" else SIZE, requires_grad=True)
    weight = torch.randn(T, B, SIZE)
    state = tuple(s.unsqueeze(0) for s in packed.chunk(2, 1)) if kind == "lstm" else packed.unsqueeze(0)
    for name, parameter in layer.named_parameters():
        put(f"{kind}.layer.{name}", parameter)
    put(f"{kind}.x", x)
    put(f"{kind}.state", packed)
    put(f"{kind}.weight", weight)
    _, last = layer(x[:1], state)
    put(f"{kind}.next_state", torch.cat(last, 2)[0] if kind == "lstm" else last[0])
    for case, forward in [("whole", whole), ("resets", with_resets)]:
        y = forward(layer, x, state)
        put(f"{kind}.{case}.y", y)
        names, inputs = zip(*layer.named_parameters(), ("x", x), ("state", packed))
        for name, gradient in zip(names, torch.autograd.grad((y * weight).sum(), inputs, retain_graph=True)):
            put(f"{kind}.{case}.gradient.{name}", gradient)
put("started", STARTED)
save_file(OUT, pathlib.Path(__file__).with_suffix(".safetensors"))
