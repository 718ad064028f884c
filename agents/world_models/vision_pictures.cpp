#include "agents/world_models/vision_pictures.h"

#include <algorithm>

#include "agents/training/picture_sheet.h"
#include "nn/gaussian_code.h"
#include "nn/pch.h"

namespace reverie {
namespace {

constexpr int64_t kWalks = 8;       // latent numbers
constexpr double kReach = 3.0;      // of a walk, to both sides
constexpr int64_t kDrawnSteps = 8;  // of a dream

std::vector<std::string> walk_captions() {
  std::vector<std::string> captions;
  for (int64_t i = 0; i < kDrawnPictures; ++i) {
    captions.push_back(fmt::format(
        "{:+.2f}", kReach * (2.0 * static_cast<double>(i) / (kDrawnPictures - 1) - 1.0)));
  }
  return captions;
}

}  // namespace

void write_vision_sheet(const std::filesystem::path& path, const std::string& title,
                        const Vae& vision, const at::Tensor& pixels, uint64_t seed) {
  const at::NoGradGuard no_grad;
  const GaussianCode code = vision.code(pixels);
  PictureSheet sheet(title);
  sheet.add_heading("held-out pictures, and their reconstructions");
  sheet.add_row("seen", pixels.cpu());
  sheet.add_row("rebuilt", vision.pictures(code.mean));

  const NoiseSource noise(code.mean.device(), seed);
  sheet.add_heading("pictures of random latents");
  sheet.add_row("drawn", vision.pictures(noise.normal({kDrawnPictures, code.mean.size(1)})));

  // The spread of a number's means says how much it tells pictures apart.
  const at::Tensor kl =
      0.5 * (code.mean.square() + code.log_variance.exp() - code.log_variance - 1.0);
  const int64_t walks = std::min<int64_t>(kWalks, kl.size(1));
  const at::Tensor numbers = std::get<1>(kl.mean(0).topk(walks)).cpu();
  sheet.add_heading("the first picture when one latent number changes, those of most information");
  for (int64_t i = 0; i < walks; ++i) {
    const auto number = numbers[i].item<int64_t>();
    at::Tensor z = code.mean.narrow(0, 0, 1).repeat({kDrawnPictures, 1});
    z.select(1, number).copy_(at::linspace(-kReach, kReach, kDrawnPictures, z.options()));
    sheet.add_row(fmt::format("number {}", number), vision.pictures(z),
                  i == 0 ? walk_captions() : std::vector<std::string>{});
  }
  sheet.write(path);
}

void write_dream_sheet(const std::filesystem::path& path, const std::string& title,
                       const VisionMemory& model, const LatentSequences& seen, uint64_t seed) {
  const at::NoGradGuard no_grad;
  const int64_t steps = seen.mean.size(0) - 1, sequences = seen.mean.size(1);
  const NoiseSource noise(model.device(), seed);
  std::vector<at::Tensor> dreamt = {seen.mean[0]};
  at::Tensor memory = model.memory().initial_memory(sequences);
  for (int64_t t = 0; t < steps; ++t) {
    memory = model.memory().step(dreamt.back(), seen.action[t], memory);
    dreamt.push_back(model.memory().next(model.memory().output(memory)).draw(noise));
  }
  // Some of the frames, evenly spaced.
  const int64_t columns = std::min(steps, kDrawnSteps) + 1;
  std::vector<int64_t> frames;
  std::vector<std::string> captions;
  for (int64_t i = 0; i < columns; ++i) {
    frames.push_back(i * steps / (columns - 1));
    captions.push_back(frames.back() == 0 ? "start" : fmt::format("+{}", frames.back()));
  }
  const at::Tensor index = copy_to_tensor<int64_t>(frames).to(model.device());
  const at::Tensor dreams = at::stack(dreamt).index_select(0, index);  // [frames, B, D]
  const at::Tensor real = seen.mean.index_select(0, index);
  PictureSheet sheet(title);
  sheet.add_heading("held-out sequences as the VAE sees them, and dreams of the same actions");
  for (int64_t b = 0; b < sequences; ++b) {
    sheet.add_row("seen", model.vision().pictures(real.select(1, b)), captions);
    sheet.add_row("dreamt", model.vision().pictures(dreams.select(1, b)));
  }
  sheet.write(path);
}

}  // namespace reverie
