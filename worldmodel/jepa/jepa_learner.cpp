#include "worldmodel/jepa/jepa_learner.h"

#include "core/random.h"
#include "nn/pch.h"
#include "nn/schedule.h"
#include "nn/state_list.h"
#include "worldmodel/jepa/latent_statistics.h"

namespace reverie {

void JepaTrainingOptions::describe(ConfigFields& f) {
  regulariser.describe(f);
  f.add("regulariser_weight", regulariser_weight,
        "lambda: weight of the regulariser beside the prediction loss", at_least(0));
  f.add("learning_rate", learning_rate,
        "peak of AdamW's step size; 0 = the architecture's (5e-4, lewm 5e-5)", at_least(0));
  f.add("weight_decay", weight_decay, "AdamW's", at_least(0));
  f.add("warmup", warmup,
        "share of the run in which the learning rate rises; a cosine to 0 follows",
        {.low = 0, .high = 1, .open_high = true});
  f.add("gradient_limit", gradient_limit, "maximum norm of the gradient",
        {.low = 0, .high = std::numeric_limits<float>::max(), .open_low = true});
  f.add("minibatch", minibatch, "sequences per update", between(2, 1 << 20));
}

JepaLearner::JepaLearner(Jepa& model, const JepaTrainingOptions& options, uint64_t seed,
                         DataParallel parallel)
    : model_(model),
      options_(options),
      learning_rate_(options.learning_rate > 0.0 ? options.learning_rate
                                                 : model.default_learning_rate()),
      seed_(seed),
      dropout_(model.device(), seed),
      parallel_(std::move(parallel)),
      regulariser_(make_regulariser(options.regulariser, model.device())) {
  for (const auto& [name, block] : model.parameters()) {
    parameters_.push_back(block);
    optimizers_.emplace_back(name, Adam(*block, {.learning_rate = learning_rate_,
                                                 .weight_decay = options.weight_decay,
                                                 .decoupled_weight_decay = true}));
  }
}

SampleSpec JepaLearner::sample_spec() const {
  const int64_t block = model_.options().action_block;
  return {.length = model_.options().history * block, .observation_stride = block};
}

JepaLearner::Forward JepaLearner::forward(const SequenceBatch& batch, ForwardMode mode,
                                          const NoiseSource* dropout) const {
  const at::Tensor& pixels = batch.obs.at("pixels");  // [B, F, H, W, C]
  const int64_t sequences = pixels.size(0), frames = pixels.size(1);
  const at::Tensor z = model_.latents(pixels.flatten(0, 1), mode).view({sequences, frames, -1});
  std::vector<int64_t> blocks = batch.action.sizes().vec();  // [B, (F - 1) k, ...]
  blocks[1] = frames - 1;
  blocks.insert(blocks.begin() + 2, model_.options().action_block);
  const at::Tensor actions = model_.actions().to_model(batch.action.view(blocks));

  const at::Tensor predicted =
      model_.predict_next(z.narrow(1, 0, frames - 1), actions, mode, dropout);
  return {z, (predicted - z.narrow(1, 1, frames - 1)).square().mean()};
}

// z: [B, F, D].
at::Tensor JepaLearner::regularise(const at::Tensor& z) const {
  return (*regulariser_)(z.transpose(0, 1), step_, parallel_);
}

TensorMap JepaLearner::update(const SequenceBatch& batch, double progress) {
  // Seeded by the step, so that a resumed run draws the same.
  dropout_.reseed(mix_seed({static_cast<uint64_t>(seed_), static_cast<uint64_t>(step_)}));
  const auto [z, prediction] = forward(batch, ForwardMode::kTraining, &dropout_);
  const at::Tensor regulariser = regularise(z);
  const at::Tensor total = prediction + options_.regulariser_weight * regulariser;
  for (Parameters* block : parameters_) block->zero_grad();
  total.backward();
  const at::Tensor norm = clip_gradients(parameters_, options_.gradient_limit);
  const double rate = learning_rate_ * warmup_cosine(progress, options_.warmup);
  for (auto& [name, optimizer] : optimizers_) {
    optimizer.set_learning_rate(rate);
    optimizer.step();
  }
  ++step_;
  return {{"loss/prediction", prediction.detach()},
          {"loss/regulariser", regulariser.detach()},
          {"loss/total", total.detach()},
          {"gradient/norm", norm}};
}

TensorMap JepaLearner::validate(const SequenceBatch& batch) const {
  const at::NoGradGuard no_grad;
  const auto [z, prediction] = forward(batch, ForwardMode::kValidation, nullptr);
  const int64_t size = std::min(options_.minibatch, z.size(0));
  const int64_t count = z.size(0) / size;
  at::Tensor regulariser = at::zeros({}, z.options());
  for (int64_t i = 0; i < count; ++i) regulariser += regularise(z.narrow(0, i * size, size));
  TensorMap out = latent_statistics(z);
  out.add("prediction", prediction);
  out.add("regulariser", regulariser / static_cast<double>(count));
  return out;
}

void JepaLearner::state(StateList& list) {
  for (auto& [name, optimizer] : optimizers_) list.add(name, optimizer);
  list.add("learner.step", step_);
  list.add("learner.seed", seed_);
}

}  // namespace reverie
