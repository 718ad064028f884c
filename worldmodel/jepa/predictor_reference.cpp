#include "worldmodel/jepa/predictor_reference.h"

#include <cmath>
#include <limits>

#include "nn/pch.h"

namespace reverie {
namespace {

at::Tensor standardise(const at::Tensor& x, double epsilon) {
  const at::Tensor centred = x - x.mean({-1}, /*keepdim=*/true);
  return centred / (centred.square().mean({-1}, /*keepdim=*/true) + epsilon).sqrt();
}

// The layers, by the names of their parameters.
struct Layers {
  const Parameters& parameters;

  // Returns its input if there is no such layer.
  at::Tensor linear(const std::string& name, const at::Tensor& x) const {
    if (!parameters.named().contains(name + ".weight")) return x;
    const at::Tensor y = at::matmul(x, parameters.at(name + ".weight").t());
    return parameters.named().contains(name + ".bias") ? y + parameters.at(name + ".bias") : y;
  }

  at::Tensor norm(const std::string& name, const at::Tensor& x) const {
    return standardise(x, 1e-5) * parameters.at(name + ".weight") + parameters.at(name + ".bias");
  }
};

// x: [B, T, width]. Every frame attends to itself and the frames before it.
at::Tensor attention(const Layers& layers, const std::string& block, const at::Tensor& x,
                     const PredictorOptions& options) {
  const at::Tensor qkv =
      layers.linear(block + ".attn.to_qkv", layers.norm(block + ".attn.norm", x));
  const auto heads = [&](int64_t third) {  // [B, heads, T, head_size]
    return qkv.chunk(3, -1)[static_cast<size_t>(third)]
        .unflatten(-1, {options.heads, options.head_size})
        .transpose(1, 2);
  };
  const at::Tensor scores = at::matmul(heads(0), heads(1).transpose(-2, -1)) /
                            std::sqrt(static_cast<double>(options.head_size));
  const int64_t frames = x.size(1);
  const at::Tensor is_later =
      at::ones({frames, frames}, x.options().dtype(at::kBool)).triu(/*diagonal=*/1);
  const at::Tensor weight = at::softmax(
      scores.masked_fill(is_later, -std::numeric_limits<double>::infinity()), /*dim=*/-1);
  const at::Tensor attended = at::matmul(weight, heads(2)).transpose(1, 2).flatten(2);
  return layers.linear(block + ".attn.to_out.0", attended);
}

at::Tensor perceptron(const Layers& layers, const std::string& block, const at::Tensor& x) {
  const at::Tensor hidden =
      layers.linear(block + ".mlp.net.1", layers.norm(block + ".mlp.net.0", x));
  return layers.linear(block + ".mlp.net.4", at::gelu(hidden));
}

}  // namespace

at::Tensor predictor_reference(const Predictor& predictor, const at::Tensor& z,
                               const at::Tensor& actions) {
  const Layers layers{predictor.parameters()};
  const at::Tensor position = layers.parameters.at("pos_embedding").narrow(1, 0, z.size(1));
  at::Tensor x = layers.linear("transformer.input_proj", z + position);
  const at::Tensor condition = at::silu(layers.linear("transformer.cond_proj", actions));
  for (int64_t i = 0; i < predictor.options().depth; ++i) {
    const std::string block = fmt::format("transformer.layers.{}", i);
    const std::vector<at::Tensor> m =
        layers.linear(block + ".adaLN_modulation.1", condition).chunk(6, -1);
    x = x + m[2] * attention(layers, block, standardise(x, 1e-6) * (1.0 + m[1]) + m[0],
                             predictor.options());
    x = x + m[5] * perceptron(layers, block, standardise(x, 1e-6) * (1.0 + m[4]) + m[3]);
  }
  return layers.linear("transformer.output_proj", layers.norm("transformer.norm", x));
}

}  // namespace reverie
