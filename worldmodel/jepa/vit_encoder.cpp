#include "nn/pch.h"
#include "worldmodel/jepa/encoder.h"

namespace reverie {
namespace {

constexpr double kLayerNormEpsilon = 1e-12;
constexpr double kInitialStd = 0.02;

std::string block_name(int64_t index) { return fmt::format("encoder.layer.{}", index); }

void check(const VitEncoderOptions& o) {
  REVERIE_CHECK(o.height >= 1 && o.width >= 1 && o.image_channels >= 1 && o.patch >= 1 &&
                    o.features >= 1 && o.depth >= 1 && o.heads >= 1 && o.hidden_size >= 1,
                "vision transformer: pictures of {}x{}x{}, patch {}, {} features, depth {}, {} "
                "heads, hidden size {}; expected at least 1 each",
                o.width, o.height, o.image_channels, o.patch, o.features, o.depth, o.heads,
                o.hidden_size);
  REVERIE_CHECK(o.height % o.patch == 0 && o.width % o.patch == 0,
                "vision transformer: pictures of {}x{} pixels, expected sides that the patch of {} "
                "divides",
                o.width, o.height, o.patch);
  REVERIE_CHECK(o.features % o.heads == 0,
                "vision transformer: {} features, expected a multiple of the {} heads", o.features,
                o.heads);
}

Shapes shapes(const VitEncoderOptions& o) {
  check(o);
  const int64_t patches = (o.height / o.patch) * (o.width / o.patch);
  Shapes out;
  out.push_back({"embeddings.cls_token", {1, 1, o.features}});
  out.push_back({"embeddings.position_embeddings", {1, patches + 1, o.features}});
  Conv2d::declare(out, "embeddings.patch_embeddings.projection", o.image_channels, o.features,
                  o.patch);
  for (int64_t i = 0; i < o.depth; ++i) {
    const std::string block = block_name(i);
    for (const char* part : {"query", "key", "value"}) {
      Linear::declare(out, fmt::format("{}.attention.attention.{}", block, part), o.features,
                      o.features);
    }
    Linear::declare(out, block + ".attention.output.dense", o.features, o.features);
    Linear::declare(out, block + ".intermediate.dense", o.features, o.hidden_size);
    Linear::declare(out, block + ".output.dense", o.hidden_size, o.features);
    LayerNorm::declare(out, block + ".layernorm_before", o.features);
    LayerNorm::declare(out, block + ".layernorm_after", o.features);
  }
  LayerNorm::declare(out, "layernorm", o.features);
  return out;
}

class VitEncoder final : public Encoder {
 public:
  VitEncoder(const VitEncoderOptions& options, Rng& rng, at::Device device)
      : Encoder(shapes(options), {options.image_channels, options.height, options.width}, device),
        options_(options),
        cls_(parameters().at("embeddings.cls_token")),
        position_(parameters().at("embeddings.position_embeddings")),
        patches_(parameters(), "embeddings.patch_embeddings.projection", options.patch,
                 /*padding=*/0),
        norm_(parameters(), "layernorm", kLayerNormEpsilon) {
    const Parameters& p = parameters();
    for (int64_t i = 0; i < options.depth; ++i) {
      const std::string name = block_name(i);
      blocks_.push_back({.attention_norm = {p, name + ".layernorm_before", kLayerNormEpsilon},
                         .perceptron_norm = {p, name + ".layernorm_after", kLayerNormEpsilon},
                         .query = {p, name + ".attention.attention.query"},
                         .key = {p, name + ".attention.attention.key"},
                         .value = {p, name + ".attention.attention.value"},
                         .attention_output = {p, name + ".attention.output.dense"},
                         .perceptron_input = {p, name + ".intermediate.dense"},
                         .perceptron_output = {p, name + ".output.dense"}});
    }
    initialise(rng);
  }

  int64_t features() const override { return options_.features; }

 private:
  struct Block {
    LayerNorm attention_norm, perceptron_norm;
    Linear query, key, value, attention_output;
    Linear perceptron_input, perceptron_output;
  };

  // Hugging Face asks for a truncated normal distribution, but PyTorch's limits of -2 and 2 are
  // absolute, which here are a hundred standard deviations.
  void initialise(Rng& rng) {
    for (const auto& [name, parameter] : parameters().named()) {
      if (parameter.dim() >= 2) {
        fill_normal(parameter, kInitialStd, rng);
      } else {
        parameter.detach().fill_(name.ends_with("weight") ? 1.0 : 0.0);
      }
    }
  }

  at::Tensor encode(const at::Tensor& pixels) const override {
    const at::Tensor patches = patches_(pixels).flatten(2).transpose(1, 2);  // [N, patches, D]
    const at::Tensor cls = cls_.expand({pixels.size(0), 1, options_.features});
    at::Tensor x = at::cat({cls, patches}, 1) + position_;
    for (size_t i = 0; i < blocks_.size(); ++i) {
      // The last block's output for the patches is not used.
      x = run_block(blocks_[i], x, i + 1 < blocks_.size() ? x.size(1) : 1);
    }
    return norm_(x.select(1, 0));
  }

  // x: [N, tokens, D]. Returns the first `outputs` tokens.
  at::Tensor run_block(const Block& block, const at::Tensor& x, int64_t outputs) const {
    const at::Tensor normed = block.attention_norm(x);
    const at::Tensor attended =
        at::scaled_dot_product_attention(heads(block.query(normed.narrow(1, 0, outputs))),
                                         heads(block.key(normed)), heads(block.value(normed)));
    const at::Tensor h =
        x.narrow(1, 0, outputs) + block.attention_output(attended.transpose(1, 2).flatten(2));
    return h + block.perceptron_output(at::gelu(block.perceptron_input(block.perceptron_norm(h))));
  }

  // [N, tokens, D] to [N, heads, tokens, D / heads].
  at::Tensor heads(const at::Tensor& x) const {
    return x.unflatten(2, {options_.heads, options_.features / options_.heads}).transpose(1, 2);
  }

  VitEncoderOptions options_;
  at::Tensor cls_, position_;
  Conv2d patches_;
  std::vector<Block> blocks_;
  LayerNorm norm_;
};

}  // namespace

std::unique_ptr<Encoder> make_vit_encoder(const VitEncoderOptions& options, Rng& rng,
                                          at::Device device) {
  return std::make_unique<VitEncoder>(options, rng, device);
}

}  // namespace reverie
