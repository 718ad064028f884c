#include "agents/offline/bottleneck.h"

#include "nn/pch.h"
#include "nn/state_list.h"

namespace reverie {

void BottleneckOptions::describe(ConfigFields& f) {
  f.add("bottleneck", beta,
        "price of each nat that the policy reads of the state (variational information "
        "bottleneck); 0 = it reads the state itself",
        at_least(0));
  f.add("bottleneck_size", size, "numbers of the bottleneck's code", between(1, 65536));
}

Bottleneck::Bottleneck(const BottleneckOptions& options, const StateEncoder& encoder,
                       const std::vector<int64_t>& hidden, double learning_rate, Rng& rng,
                       uint64_t seed)
    : options_(options),
      mlp_(encoder.size(), encoder.widths(hidden), 2 * options.size, rng, encoder.device(),
           {.normalized_trunk = encoder.reads_pictures()}),
      optimizer_(mlp_.parameters(), {.learning_rate = learning_rate}),
      rng_(seed),
      noise_(encoder.device(), 0) {}

GaussianCode Bottleneck::code(const at::Tensor& s) const {
  const std::vector<at::Tensor> halves = mlp_(s).chunk(2, 1);
  return {halves[0], halves[1]};
}

Bottleneck::Narrowed Bottleneck::learn(const at::Tensor& s) {
  noise_.reseed(rng_.next_uint64());
  const GaussianCode of = code(s);
  const at::Tensor kl = of.kl();
  return {.z = of.draw(noise_),
          .penalty = kl_penalty(kl, options_.beta),
          .information = kl.detach().mean()};
}

void Bottleneck::state(StateList& list) {
  list.add("bottleneck", mlp_);
  list.add("bottleneck", optimizer_);
  list.add("bottleneck.rng", rng_);
}

}  // namespace reverie
