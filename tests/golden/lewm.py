"""Writes lewm.safetensors and lewm_tensors.txt: LeWorldModel's modules in plain PyTorch, for
tests/worldmodel/lewm_test.cpp.

Made with torch 2.11.0 (CPU), safetensors 0.8.0:
  python3 lewm.py

Functions over tables of named weights, written from what stable-worldmodel 0.1.1
(stable_worldmodel/wm/lewm/{lewm,module}.py) and the ViTModel of transformers do. Checked once
against those: state dicts of full size have the names and shapes of lewm_tensors.txt, and outputs
of full and small instances with the same weights differ by less than 2e-6 (transformers 4.57.3).

lewm_tensors.txt lists every tensor of the full-size model for two-dimensional actions in blocks of
five: name, then shape. lewm.safetensors has small instances: weights "vit.*", "projector.*", ...,
inputs, outputs and gradients of sum(output * weighting).
"""

import math
import pathlib

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

OUT = {}


def linear_shapes(name, inputs, outputs, bias=True):
    shapes = {f"{name}.weight": (outputs, inputs)}
    if bias:
        shapes[f"{name}.bias"] = (outputs,)
    return shapes


def norm_shapes(name, size):
    return {f"{name}.weight": (size,), f"{name}.bias": (size,)}


def vit_shapes(side=224, patch=14, width=192, depth=12, hidden=768):
    shapes = {
        "embeddings.cls_token": (1, 1, width),
        "embeddings.position_embeddings": (1, (side // patch) ** 2 + 1, width),
        "embeddings.patch_embeddings.projection.weight": (width, 3, patch, patch),
        "embeddings.patch_embeddings.projection.bias": (width,),
    }
    for i in range(depth):
        block = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            shapes |= linear_shapes(f"{block}.attention.attention.{part}", width, width)
        shapes |= linear_shapes(f"{block}.attention.output.dense", width, width)
        shapes |= linear_shapes(f"{block}.intermediate.dense", width, hidden)
        shapes |= linear_shapes(f"{block}.output.dense", hidden, width)
        shapes |= norm_shapes(f"{block}.layernorm_before", width)
        shapes |= norm_shapes(f"{block}.layernorm_after", width)
    return shapes | norm_shapes("layernorm", width)


def projector_shapes(inputs=192, hidden=2048, outputs=192):
    running = {"net.1.running_mean": (hidden,), "net.1.running_var": (hidden,), "net.1.num_batches_tracked": ()}
    return (
        linear_shapes("net.0", inputs, hidden)
        | norm_shapes("net.1", hidden)
        | running
        | linear_shapes("net.3", hidden, outputs)
    )


def action_encoder_shapes(inputs=10, mixed=10, hidden=768, outputs=192):
    shapes = {"patch_embed.weight": (mixed, inputs, 1), "patch_embed.bias": (mixed,)}
    return shapes | linear_shapes("embed.0", mixed, hidden) | linear_shapes("embed.2", hidden, outputs)


def predictor_shapes(frames=3, latent=192, width=192, depth=6, inner=1024, hidden=2048):
    shapes = {"pos_embedding": (1, frames, latent)} | norm_shapes("transformer.norm", width)
    if width != latent:
        shapes |= linear_shapes("transformer.input_proj", latent, width)
        shapes |= linear_shapes("transformer.cond_proj", latent, width)
        shapes |= linear_shapes("transformer.output_proj", width, latent)
    for i in range(depth):
        block = f"transformer.layers.{i}"
        shapes |= norm_shapes(f"{block}.attn.norm", width)
        shapes |= linear_shapes(f"{block}.attn.to_qkv", width, 3 * inner, bias=False)
        shapes |= linear_shapes(f"{block}.attn.to_out.0", inner, width)
        shapes |= norm_shapes(f"{block}.mlp.net.0", width)
        shapes |= linear_shapes(f"{block}.mlp.net.1", width, hidden)
        shapes |= linear_shapes(f"{block}.mlp.net.4", hidden, width)
        shapes |= linear_shapes(f"{block}.adaLN_modulation.1", width, 6 * width)
    return shapes


def draw(shapes):
    """Weights that leave no path dead: gains around 1, variances around 2, everything else random."""
    weights = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            weights[name] = 1.5 + torch.rand(shape)
        elif len(shape) == 1:
            weights[name] = 0.3 * torch.randn(shape) + (1.0 if name.endswith("weight") else 0.0)
        else:
            weights[name] = torch.randn(shape) / math.sqrt(math.prod(shape[1:]))
    return weights


def part(weights, name):
    """The weights below `name`."""
    return {key[len(name) + 1 :]: value for key, value in weights.items() if key.startswith(name + ".")}


def linear(w, name, x):
    return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


def layer_norm(w, name, x, eps=1e-5):
    return F.layer_norm(x, x.shape[-1:], w[f"{name}.weight"], w[f"{name}.bias"], eps)


def attend(q, k, v, heads, causal):
    """Softmax attention written out. q, k, v: [N, T, heads * size]."""
    split = [t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v)]
    scores = split[0] @ split[1].transpose(-1, -2) / math.sqrt(split[0].shape[-1])
    if causal:
        future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        scores = scores.masked_fill(future, -math.inf)
    return (scores.softmax(-1) @ split[2]).transpose(1, 2).flatten(2)


def vit(w, pixels, heads, depth, eps=1e-12):
    """[N, 3, H, W] to CLS after the last layer norm."""
    projection = "embeddings.patch_embeddings.projection"
    patch = w[f"{projection}.weight"].shape[-1]
    patches = F.conv2d(pixels, w[f"{projection}.weight"], w[f"{projection}.bias"], stride=patch)
    patches = patches.flatten(2).mT
    cls = w["embeddings.cls_token"].expand(len(pixels), -1, -1)
    x = torch.cat([cls, patches], 1) + w["embeddings.position_embeddings"]
    for i in range(depth):
        b = part(w, f"encoder.layer.{i}")
        y = layer_norm(b, "layernorm_before", x, eps)
        q, k, v = (linear(b, f"attention.attention.{p}", y) for p in ("query", "key", "value"))
        x = x + linear(b, "attention.output.dense", attend(q, k, v, heads, causal=False))
        y = layer_norm(b, "layernorm_after", x, eps)
        x = x + linear(b, "output.dense", F.gelu(linear(b, "intermediate.dense", y)))
    return layer_norm(w, "layernorm", x, eps)[:, 0]


def projector(w, x, training):
    """Running statistics of `w` change in training."""
    y = F.batch_norm(
        linear(w, "net.0", x),
        w["net.1.running_mean"],
        w["net.1.running_var"],
        w["net.1.weight"],
        w["net.1.bias"],
        training,
        0.1,
        1e-5,
    )
    if training:
        w["net.1.num_batches_tracked"] += 1
    return linear(w, "net.3", F.gelu(y))


def action_encoder(w, actions):
    mixed = F.conv1d(actions.mT, w["patch_embed.weight"], w["patch_embed.bias"]).mT
    return linear(w, "embed.2", F.silu(linear(w, "embed.0", mixed)))


def predictor(w, z, actions, heads, depth):
    x = z + w["pos_embedding"][:, : z.shape[1]]
    if "transformer.input_proj.weight" in w:
        x = linear(w, "transformer.input_proj", x)
        actions = linear(w, "transformer.cond_proj", actions)
    for i in range(depth):
        b = part(w, f"transformer.layers.{i}")
        m = linear(b, "adaLN_modulation.1", F.silu(actions)).chunk(6, -1)
        y = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + m[1]) + m[0]
        q, k, v = linear(b, "attn.to_qkv", layer_norm(b, "attn.norm", y)).chunk(3, -1)
        x = x + m[2] * linear(b, "attn.to_out.0", attend(q, k, v, heads, causal=True))
        y = F.layer_norm(x, x.shape[-1:], eps=1e-6) * (1 + m[4]) + m[3]
        x = x + m[5] * linear(b, "mlp.net.4", F.gelu(linear(b, "mlp.net.1", layer_norm(b, "mlp.net.0", y))))
    x = layer_norm(w, "transformer.norm", x)
    return linear(w, "transformer.output_proj", x) if "transformer.output_proj.weight" in w else x


def rollout(w, start, actions, heads, depth, frames=3):
    """start: [N, D], actions: [N, T, A]. Returns the latents [N, 1 + T, D], from a growing window."""
    embedded = action_encoder(part(w, "action_encoder"), actions)
    latents = [start]
    for t in range(actions.shape[1]):
        begin = max(0, t + 1 - frames)
        window = torch.stack(latents[begin:], 1)
        y = predictor(part(w, "predictor"), window, embedded[:, begin : t + 1], heads, depth)
        latents.append(projector(part(w, "pred_proj"), y[:, -1], training=False))
    return torch.stack(latents, 1)


def put(name, tensor):
    OUT[name] = tensor.detach().clone().contiguous()


def put_all(prefix, weights):
    for name, tensor in weights.items():
        put(f"{prefix}.{name}", tensor)


def put_gradients(case, output, inputs, weights, names=()):
    """Output, and what sum(output * weighting) says of inputs and of a few weights."""
    weighting = torch.randn_like(output)
    wanted = {**inputs, **{name: weights[name] for name in names}}
    gradients = torch.autograd.grad((output * weighting).sum(), wanted.values())
    put(f"{case}.output", output)
    put(f"{case}.weighting", weighting)
    put_all(case, inputs)
    put_all(f"{case}.gradient", dict(zip(wanted, gradients)))


def leaves(tensors):
    return {name: t.requires_grad_(t.is_floating_point() and "running" not in name) for name, t in tensors.items()}


def write_vit():
    w = leaves(draw(vit_shapes(side=28, patch=7, width=12, depth=2, hidden=48)))
    put_all("vit", w)
    inputs = leaves({"pixels": torch.randn(2, 3, 28, 28)})
    names = [
        "embeddings.cls_token",
        "embeddings.position_embeddings",
        "embeddings.patch_embeddings.projection.weight",
        "encoder.layer.1.attention.attention.query.weight",
        "encoder.layer.1.attention.attention.query.bias",
        "encoder.layer.1.attention.attention.key.weight",
        "encoder.layer.1.attention.attention.key.bias",  # 0 but for rounding: a softmax does not see it
        "encoder.layer.0.attention.attention.query.bias",
        "encoder.layer.1.layernorm_before.weight",
        "encoder.layer.1.intermediate.dense.weight",
        "encoder.layer.0.attention.attention.value.weight",
        "encoder.layer.0.output.dense.bias",
        "layernorm.weight",
    ]
    put_gradients("vit_case", vit(w, inputs["pixels"], heads=3, depth=2), inputs, w, names)


def write_projector():
    w = leaves(draw(projector_shapes(12, 16, 10)))
    put_all("projector", w)
    names = ["net.0.weight", "net.1.weight", "net.1.bias", "net.3.bias"]
    # The same first latents in both, so that evaluation sees the statistics of before.
    x = torch.randn(2, 4, 12)
    for case, training in (("projector_evaluation", False), ("projector_training", True)):
        inputs = leaves({"x": x.clone()})
        output = projector(w, inputs["x"].flatten(0, 1), training).unflatten(0, (2, 4))
        put_gradients(case, output, inputs, w, names)
    put_all("projector_after", {name: t for name, t in w.items() if name.startswith("net.1.")})


def write_action_encoder():
    w = leaves(draw(action_encoder_shapes(6, 5, 16, 12)))
    put_all("action_encoder", w)
    inputs = leaves({"actions": torch.randn(2, 3, 6)})
    names = ["patch_embed.weight", "embed.2.weight"]
    put_gradients("action_encoder_case", action_encoder(w, inputs["actions"]), inputs, w, names)


def write_predictor(prefix, width):
    w = leaves(draw(predictor_shapes(latent=12, width=width, depth=2, inner=15, hidden=24)))
    put_all(prefix, w)
    names = [
        "pos_embedding",
        "transformer.layers.0.attn.to_qkv.weight",
        "transformer.layers.0.mlp.net.1.weight",
        "transformer.layers.1.adaLN_modulation.1.weight",
        "transformer.layers.1.attn.norm.weight",
        "transformer.norm.bias",
    ]
    for frames in (1, 2, 3):
        inputs = leaves({"z": torch.randn(4, frames, 12), "actions": torch.randn(4, frames, 12)})
        output = predictor(w, inputs["z"], inputs["actions"], heads=3, depth=2)
        put_gradients(f"{prefix}_case.{frames}", output, inputs, w, names if frames == 3 else names[:1])


def write_rollout():
    """With the weights of the cases above, the projector behind the predictor from 12 to 12."""
    pred_proj = draw(projector_shapes(12, 16, 12))
    put_all("pred_proj", pred_proj)
    w = {f"pred_proj.{name}": t for name, t in pred_proj.items()}
    for name in ("action_encoder", "predictor"):
        w |= {f"{name}.{key}": t for key, t in part(OUT, name).items()}
    inputs = leaves({"start": torch.randn(3, 12), "actions": torch.randn(3, 6, 6)})
    put_gradients("rollout", rollout(w, heads=3, depth=2, **inputs), inputs, w)


def write_vicreg():
    """25 times the hinge on standard deviations and once the penalty on covariances, a mean over time."""
    z = torch.randn(3, 16, 6) * torch.tensor([0.2, 0.5, 0.9, 1.0, 1.5, 3.0]) + 0.4
    z[..., 5] += z[..., 0]
    z.requires_grad_(True)
    values = []
    for frame in z:
        covariance = torch.cov(frame.T)
        hinge = F.relu(1 - torch.sqrt(frame.var(0) + 1e-4)).mean()
        penalty = (covariance - covariance.diag().diag()).pow(2).sum() / frame.shape[1]
        values.append(25 * hinge + penalty)
    value = torch.stack(values).mean()
    value.backward()
    put("vicreg.z", z)
    put("vicreg.value", value)
    put("vicreg.gradient", z.grad)


def full_size():
    parts = {
        "encoder": vit_shapes(),
        "predictor": predictor_shapes(),
        "action_encoder": action_encoder_shapes(),
        "projector": projector_shapes(),
        "pred_proj": projector_shapes(),
    }
    return {f"{prefix}.{name}": shape for prefix, shapes in parts.items() for name, shape in shapes.items()}


def main():
    torch.manual_seed(31)
    torch.set_num_threads(1)
    write_vit()
    write_projector()
    write_action_encoder()
    write_predictor("predictor", width=12)
    write_predictor("wide_predictor", width=16)
    write_rollout()
    write_vicreg()
    path = pathlib.Path(__file__)
    save_file(OUT, path.with_suffix(".safetensors"))
    lines = [" ".join(map(str, (name, *shape))) for name, shape in full_size().items()]
    path.with_name("lewm_tensors.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
