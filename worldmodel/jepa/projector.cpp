#include "worldmodel/jepa/projector.h"

#include "nn/pch.h"

namespace reverie {
namespace {

Shapes shapes(int64_t inputs, int64_t hidden, int64_t outputs) {
  Shapes out;
  Linear::declare(out, "net.0", inputs, hidden);
  BatchNorm1d::declare(out, "net.1", hidden);
  Linear::declare(out, "net.3", hidden, outputs);
  return out;
}

}  // namespace

Projector::Projector(int64_t inputs, int64_t hidden, int64_t outputs, Rng& rng, at::Device device)
    : Network(shapes(inputs, hidden, outputs), device),
      input_(parameters(), "net.0"),
      norm_(parameters(), "net.1"),
      output_(parameters(), "net.3") {
  reset_parameters(parameters(), rng);
  norm_.add_buffers(buffers());
}

at::Tensor Projector::operator()(const at::Tensor& x, ForwardMode mode) {
  std::vector<int64_t> shape = x.sizes().vec();
  const at::Tensor y = output_(at::gelu(norm_(input_(x.flatten(0, -2)), mode)));
  shape.back() = y.size(-1);
  return y.view(shape);
}

}  // namespace reverie
