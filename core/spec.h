#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/error.h"

namespace reverie {

// The one schema of named fields shared by the simulator, the vector environment, the replay
// buffer, the dataset file and the training batch. Letters: N environments, T time steps, F fields.

enum class DType : uint8_t { kBool, kUInt8, kInt64, kFloat32, kFloat64 };

// Bytes of one element.
size_t item_size(DType dtype);

// "bool", "uint8", "int64", "float32", "float64".
std::string_view dtype_name(DType dtype);

// The C++ type for a DType; bool is stored as one byte, 0 or 1.
template <typename T>
constexpr bool holds(DType dtype) {
  using U = std::remove_const_t<T>;
  if constexpr (std::is_same_v<U, uint8_t>) return dtype == DType::kUInt8 || dtype == DType::kBool;
  if constexpr (std::is_same_v<U, int64_t>) return dtype == DType::kInt64;
  if constexpr (std::is_same_v<U, float>) return dtype == DType::kFloat32;
  if constexpr (std::is_same_v<U, double>) return dtype == DType::kFloat64;
  return false;
}

// One named array of one environment, without a batch axis.
struct Field {
  std::string name;            // "observation", "pixels", "desired_goal", "action", ...
  std::vector<int64_t> shape;  // {} is a scalar
  DType dtype = DType::kFloat32;
  std::vector<float> low = {},
                     high = {};  // bounds: empty = none, one = of all elements, else per element
  // K: shape[0] counts the last K frames, oldest first; before an episode's start its first frame
  // is repeated. The replay buffer then stores each frame once. 1: no such axis.
  int64_t stacked = 1;
  // Rounding would change the meaning of the numbers, as with a simulator's state, so learners too
  // get them in this dtype.
  bool is_exact = false;

  int64_t numel() const;  // product of the shape
  size_t bytes() const;   // numel() * item_size(dtype)
  bool operator==(const Field&) const = default;
};

// The actions 0 .. n-1, carried as one int64.
struct DiscreteSpace {
  int64_t n = 0;
  bool operator==(const DiscreteSpace&) const = default;
};

using ActionSpace = std::variant<Field, DiscreteSpace>;

// The action as a field named "action": the Box itself, or an int64 scalar in [0, n-1].
Field action_field(const ActionSpace& space);

// The mean undiscounted episode returns behind normalised scores:
// score = 100 (return - random) / (expert - random).
struct ReferenceReturns {
  double random = 0.0;
  double expert = 0.0;
  bool operator==(const ReferenceReturns&) const = default;
};

// The fixed facts of an environment, the same for every instance with the same configuration.
struct EnvSpec {
  std::string id;                  // "maze2d-umaze"
  std::vector<Field> observation;  // in the order of the views that step() fills
  ActionSpace action;
  double dt = 0.0;          // [s] simulated time per step()
  int64_t max_steps = 0;    // step() reports truncated here; 0 = never
  bool exact_state = true;  // set_state(state()) continues bit-equal
  std::optional<ReferenceReturns> reference = {};
  std::string source = {};  // "Gymnasium-Robotics 1.4.2 PointMaze_UMaze-v3; differs: none"

  // The observation field of that name. Throws Error that names the known ones.
  const Field& field(std::string_view name) const;
};

namespace detail {
[[noreturn]] void fail_view(const Field& field, std::string_view asked);
}

// `count` rows of a field, contiguous, in memory that somebody else owns.
template <typename Byte>
struct BasicFieldView {
  const Field* field = nullptr;
  Byte* data = nullptr;
  int64_t count = 1;

  // All elements as T, [count * numel]. Throws Error when the field has another dtype.
  template <typename T>
  auto as() const {
    using Element = std::conditional_t<std::is_const_v<Byte>, const T, T>;
    if (!holds<T>(field->dtype)) detail::fail_view(*field, typeid(T).name());
    return std::span<Element>(reinterpret_cast<Element*>(data),
                              static_cast<size_t>(count * field->numel()));
  }

  // Row i alone, 0 <= i < count (not checked: this is on the step path).
  BasicFieldView row(int64_t i) const {
    return {field, data + static_cast<size_t>(i) * field->bytes(), 1};
  }

  // A writable view converts to a read-only one.
  operator BasicFieldView<const std::byte>() const { return {field, data, count}; }
};

using FieldView = BasicFieldView<std::byte>;
using ConstFieldView = BasicFieldView<const std::byte>;
using FieldViews = std::span<const FieldView>;  // F views, in the order of the spec
using ConstFieldViews = std::span<const ConstFieldView>;

// The result of one env.step() besides the observation. The reward is double because the references
// compute it in double and parity is checked to 1e-9; the replay buffer stores float32.
struct StepResult {
  double reward = 0.0;
  bool terminated = false;  // the task ended: the value of the next state is 0
  bool truncated = false;   // the time limit ended the episode: the next state still has a value
};

// Named scalars, in insertion order.
using Metrics = std::vector<std::pair<std::string, double>>;

// An episode that has ended.
struct Episode {
  int64_t env = 0;              // which of the N environments
  int64_t index = 0;            // number of episodes that environment began before
  uint64_t seed = 0;            // Env::reset(seed) starts the same episode again
  double episode_return = 0.0;  // undiscounted sum of rewards
  int64_t length = 0;           // [steps]
  bool terminated = false;
  Metrics metrics = {};  // Env::metrics() at the end
};

// One synchronous step of N environments. Views stay valid until the next call.
struct VectorStep {
  FieldViews obs;        // [N, ...] the first observation of the NEW episode where one ended
  FieldViews final_obs;  // [N, ...] the last one of the OLD; valid only there
  std::span<const double> reward;          // [N]
  std::span<const uint8_t> terminated;     // [N] 0 or 1
  std::span<const uint8_t> truncated;      // [N] 0 or 1, never merged with terminated
  std::span<const Episode> finished = {};  // the episodes that ended, in the order of the rows
};

// Throws Error(kInput) unless the action has the right dtype and size and every value is finite
// (Box) or in [0, n-1] (discrete). The environment clips Box values outside the bounds. `who` opens
// the message, for example the environment's id.
void check_action(std::string_view who, const ActionSpace& space, ConstFieldView action);

}  // namespace reverie
