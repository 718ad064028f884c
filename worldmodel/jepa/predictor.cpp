#include "worldmodel/jepa/predictor.h"

#include <cmath>
#include <limits>

#include "nn/pch.h"

namespace reverie {
namespace {

Shapes action_shapes(int64_t inputs, int64_t mixed, int64_t hidden, int64_t outputs) {
  Shapes out;
  // A convolution over time with a kernel of 1, as in the reference.
  out.push_back({"patch_embed.weight", {mixed, inputs, 1}});
  out.push_back({"patch_embed.bias", {mixed}});
  Linear::declare(out, "embed.0", mixed, hidden);
  Linear::declare(out, "embed.2", hidden, outputs);
  return out;
}

std::string block_name(int64_t index) { return fmt::format("transformer.layers.{}", index); }

Shapes predictor_shapes(const PredictorOptions& o) {
  REVERIE_CHECK(o.frames >= 1 && o.latent_size >= 1 && o.width >= 1 && o.depth >= 1 &&
                    o.heads >= 1 && o.head_size >= 1 && o.hidden_size >= 1,
                "predictor: history {}, latent size {}, width {}, depth {}, {} heads of {}, hidden "
                "size {}; expected at least 1 each",
                o.frames, o.latent_size, o.width, o.depth, o.heads, o.head_size, o.hidden_size);
  const int64_t inner = o.heads * o.head_size;
  Shapes out;
  out.push_back({"pos_embedding", {1, o.frames, o.latent_size}});
  LayerNorm::declare(out, "transformer.norm", o.width);
  if (o.width != o.latent_size) {
    Linear::declare(out, "transformer.input_proj", o.latent_size, o.width);
    Linear::declare(out, "transformer.cond_proj", o.latent_size, o.width);
    Linear::declare(out, "transformer.output_proj", o.width, o.latent_size);
  }
  for (int64_t i = 0; i < o.depth; ++i) {
    const std::string block = block_name(i);
    LayerNorm::declare(out, block + ".attn.norm", o.width);
    Linear::declare(out, block + ".attn.to_qkv", o.width, 3 * inner, /*bias=*/false);
    Linear::declare(out, block + ".attn.to_out.0", inner, o.width);
    LayerNorm::declare(out, block + ".mlp.net.0", o.width);
    Linear::declare(out, block + ".mlp.net.1", o.width, o.hidden_size);
    Linear::declare(out, block + ".mlp.net.4", o.hidden_size, o.width);
    Linear::declare(out, block + ".adaLN_modulation.1", o.width, 6 * o.width);
  }
  return out;
}

Linear where_widths_differ(const Parameters& parameters, const std::string& name) {
  return parameters.named().contains(name + ".weight") ? Linear(parameters, name) : Linear();
}

// The last `count` frames of [B, T, ...].
at::Tensor last_frames(const at::Tensor& x, int64_t count) {
  return count == x.size(1) ? x : x.narrow(1, x.size(1) - count, count);
}

// x (1 + scale) + shift.
at::Tensor modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale) {
  return at::addcmul(x + shift, x, scale);
}

// at::scaled_dot_product_attention() draws its dropout from the process-wide generator. This
// function does the same in the same order, so the CPU results are bit-equal. q, k, v: [B, heads,
// T, size].
at::Tensor attend_with_dropout(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                               bool is_causal, double p, const NoiseSource& noise) {
  const double scale = std::sqrt(1.0 / std::sqrt(static_cast<double>(q.size(-1))));  // of q and k
  at::Tensor scores = at::matmul(q * scale, k.transpose(-2, -1) * scale);
  if (is_causal) {
    const at::Tensor later =
        at::ones({q.size(-2), k.size(-2)}, q.options().dtype(at::kBool)).triu(1);
    scores = scores.masked_fill(later, -std::numeric_limits<double>::infinity());
  }
  return at::matmul(apply_dropout(at::softmax(scores, -1), p, &noise), v);
}

}  // namespace

ActionEncoder::ActionEncoder(int64_t inputs, int64_t mixed, int64_t hidden, int64_t outputs,
                             Rng& rng, at::Device device)
    : Network(action_shapes(inputs, mixed, hidden, outputs), device),
      mix_weight_(parameters().at("patch_embed.weight")),
      mix_bias_(parameters().at("patch_embed.bias")),
      input_(parameters(), "embed.0"),
      output_(parameters(), "embed.2") {
  reset_parameters(parameters(), rng);
}

at::Tensor ActionEncoder::operator()(const at::Tensor& actions) const {
  const at::Tensor mixed = at::linear(actions, mix_weight_.squeeze(2), mix_bias_);
  return output_(at::silu(input_(mixed)));
}

Predictor::Predictor(const PredictorOptions& options, Rng& rng, at::Device device)
    : Network(predictor_shapes(options), device),
      options_(options),
      position_(parameters().at("pos_embedding")),
      input_(where_widths_differ(parameters(), "transformer.input_proj")),
      condition_(where_widths_differ(parameters(), "transformer.cond_proj")),
      output_(where_widths_differ(parameters(), "transformer.output_proj")),
      plain_norm_(options.width, /*epsilon=*/1e-6),
      final_norm_(parameters(), "transformer.norm") {
  reset_parameters(parameters(), rng);
  fill_normal(position_, 1.0, rng);
  const Parameters& p = parameters();
  for (int64_t i = 0; i < options.depth; ++i) {
    const std::string name = block_name(i);
    p.at(name + ".adaLN_modulation.1.weight").detach().zero_();
    p.at(name + ".adaLN_modulation.1.bias").detach().zero_();
    blocks_.push_back({.attention_norm = {p, name + ".attn.norm"},
                       .perceptron_norm = {p, name + ".mlp.net.0"},
                       .query_key_value = {p, name + ".attn.to_qkv"},
                       .attention_output = {p, name + ".attn.to_out.0"},
                       .perceptron_input = {p, name + ".mlp.net.1"},
                       .perceptron_output = {p, name + ".mlp.net.4"},
                       .modulation = {p, name + ".adaLN_modulation.1"}});
  }
}

// From the last `queries` frames to all frames up to each.
at::Tensor Predictor::attend(size_t index, const at::Tensor& x, int64_t queries,
                             const Pass& pass) const {
  const Block& block = blocks_[index];
  const at::Tensor qkv = block.query_key_value(block.attention_norm(x));  // [B, T, 3 inner]
  const at::Tensor query = last_frames(qkv, queries).narrow(2, 0, inner());
  at::Tensor keys_values = qkv.narrow(2, inner(), 2 * inner());
  if (pass.kept != nullptr) pass.kept->push_back(keys_values);
  if (pass.known.defined()) {
    const int64_t width = 2 * inner();
    const auto begin = static_cast<int64_t>(index) * width;
    keys_values = at::cat({pass.known.narrow(2, begin, width), keys_values}, 1);
  }
  const auto heads = [&](const at::Tensor& t) {
    return t.unflatten(2, {options_.heads, options_.head_size}).transpose(1, 2);
  };
  const at::Tensor q = heads(query), k = heads(keys_values.narrow(2, 0, inner())),
                   v = heads(keys_values.narrow(2, inner(), inner()));
  // A single query, the last one, sees everything.
  const bool is_causal = queries > 1;
  const at::Tensor attended =
      pass.dropout != nullptr && options_.dropout > 0.0
          ? attend_with_dropout(q, k, v, is_causal, options_.dropout, *pass.dropout)
          : at::scaled_dot_product_attention(q, k, v, /*attn_mask=*/{}, /*dropout_p=*/0.0,
                                             is_causal);
  return apply_dropout(block.attention_output(attended.transpose(1, 2).flatten(2)),
                       options_.dropout, pass.dropout);
}

at::Tensor Predictor::run_block(size_t index, const at::Tensor& x, const at::Tensor& condition,
                                const Pass& pass) const {
  const Block& block = blocks_[index];
  // Earlier frames matter to the last one as long as a later block attends to them.
  const int64_t outputs = index + 1 < blocks_.size() ? x.size(1) : pass.outputs;
  const std::vector<at::Tensor> m = block.modulation(condition).chunk(6, -1);
  const auto m_last = [&](size_t i) { return last_frames(m[i], outputs); };
  const at::Tensor attended = attend(index, modulate(plain_norm_(x), m[0], m[1]), outputs, pass);
  const at::Tensor h = at::addcmul(last_frames(x, outputs), m_last(2), attended);
  const at::Tensor hidden = at::gelu(block.perceptron_input(
      block.perceptron_norm(modulate(plain_norm_(h), m_last(3), m_last(4)))));
  const at::Tensor perceptron =
      apply_dropout(block.perceptron_output(apply_dropout(hidden, options_.dropout, pass.dropout)),
                    options_.dropout, pass.dropout);
  return at::addcmul(h, m_last(5), perceptron);
}

at::Tensor Predictor::run(const at::Tensor& z, const at::Tensor& actions, const Pass& pass) const {
  const int64_t begin = pass.known.defined() ? pass.known.size(1) : 0;
  const int64_t frames = begin + z.size(1);
  REVERIE_CHECK(z.size(1) >= 1 && frames <= options_.frames,
                "predictor: a history of {} frames, expected 1 to {}", frames, options_.frames);
  at::Tensor x = input_(z + position_.narrow(1, begin, z.size(1)));
  const at::Tensor condition = at::silu(condition_(actions));
  for (size_t i = 0; i < blocks_.size(); ++i) x = run_block(i, x, condition, pass);
  return output_(final_norm_(x));
}

at::Tensor Predictor::operator()(const at::Tensor& z, const at::Tensor& actions,
                                 const NoiseSource* dropout) const {
  return run(z, actions, {.outputs = z.size(1), .dropout = dropout});
}

Predictor::Step Predictor::step(const at::Tensor& z, const at::Tensor& memory,
                                const at::Tensor& action) const {
  const int64_t frames = z.size(1), action_size = options_.latent_size;
  const int64_t keys_size = options_.depth * 2 * inner();
  const bool remembers = memory.defined() || frames > 1;
  const bool has_keys = memory.defined() && memory.size(-1) == action_size + keys_size;
  if (remembers) {
    const std::vector<int64_t> expected = {z.size(0), frames - 1,
                                           action_size + (has_keys ? keys_size : 0)};
    REVERIE_CHECK(memory.defined() && memory.sizes() == expected,
                  "predictor: a memory of shape {}, expected {} x {} x {} or {}",
                  memory.defined() ? fmt::format("{}", fmt::join(memory.sizes(), "x")) : "none",
                  z.size(0), frames - 1, action_size, action_size + keys_size);
  }
  const int64_t known = has_keys ? frames - 1 : 0;
  at::Tensor actions = action.unsqueeze(1);
  if (remembers) actions = at::cat({memory.narrow(2, 0, action_size), actions}, 1);
  const auto rest = [&](const at::Tensor& x) { return last_frames(x, frames - known); };

  std::vector<at::Tensor> kept = {rest(actions)};
  Pass pass{.outputs = 1};
  if (has_keys) pass.known = memory.narrow(2, action_size, keys_size);
  const bool grows = frames < options_.frames;
  if (grows) pass.kept = &kept;
  const at::Tensor next = run(rest(z), rest(actions), pass).squeeze(1);
  // In a sliding history every frame moves to another position.
  if (!grows) return {next, last_frames(actions, options_.frames - 1)};
  const at::Tensor entry = at::cat(kept, 2);
  return {next, has_keys ? at::cat({memory, entry}, 1) : entry};
}

}  // namespace reverie
