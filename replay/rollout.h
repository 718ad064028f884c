#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/spec.h"
#include "nn/tensor_map.h"

namespace reverie {

class StateList;

// T steps of N environments, collected in sequence by one policy. action[t] was taken at obs[t],
// gave reward[t] and led to obs[t+1], or to final_obs if the episode ended there. Environments may
// be in the middle of an episode at both ends. Dtypes as in Batch.
struct Rollout {
  TensorMap obs;          // [T, N, ...]
  at::Tensor started;     // [T, N] bool: obs[t] is the first of its episode
  at::Tensor action;      // [T, N, A] float32, or [T, N] int64
  TensorMap extra;        // [T, N, ...] what the actor stores with its actions
  at::Tensor reward;      // [T, N] float32
  at::Tensor terminated;  // [T, N] bool: the next state has value 0
  at::Tensor truncated;   // [T, N] bool: the time limit ended the episode; false where terminated

  TensorMap last_obs;  // [N, ...] obs[T]
  // The final observations of the K truncated episodes, and the steps that led there, as t N + n.
  TensorMap final_obs;     // [K, ...]
  at::Tensor final_index;  // [K] int64

  int64_t steps() const { return reward.size(0); }
  int64_t num_envs() const { return reward.size(1); }

  at::Tensor ended() const;  // [T, N] bool

  // The values of each step's next state, [T, N], from the values of obs [T, N], last_obs [N] and
  // final_obs [K]. Meaningless where the episode terminated.
  at::Tensor next_value(const at::Tensor& value, const at::Tensor& last_value,
                        const at::Tensor& final_value) const;

  // The rollout cut into sequences of `length` consecutive steps of one environment: the rows of
  // flat() that each consists of, [T N / length, length] int64 on the rollout's device. length
  // divides T.
  at::Tensor sequences(int64_t length) const;
};

// Fields flattened to T N rows, in the order of final_index.
at::Tensor flat(const at::Tensor& steps);  // [T, N, ...] to [T N, ...]
TensorMap flat(const TensorMap& steps);

struct Advantages {
  at::Tensor advantage;  // [T, N]
  at::Tensor returns;    // [T, N] advantage + value: the TD(lambda) return, the critic's target
};

// Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438, equations 11 and 16).
// All arguments are [T, N], without gradient:
//
//   delta_t = r_t + gamma V(s_t+1) - V(s_t)
//   A_t     = delta_t + gamma lambda delta_t+1 + (gamma lambda)^2 delta_t+2 + ...
//
// The sum ends with the episode or with the rollout. next_value: V(s_t+1), of the final observation
// where the episode was truncated; where it terminated, 0 is used instead. lambda = 0: one-step
// advantages; 1: the discounted sum of rewards, minus V(s_t).
Advantages advantages(const at::Tensor& reward, const at::Tensor& value,
                      const at::Tensor& next_value, const at::Tensor& terminated,
                      const at::Tensor& truncated, double gamma, double lambda);

// Collects rollouts of N environments, always into the same memory:
//
//   begin(obs);  steps times:  act on observations(),  add(what came of it);  rollout()
class RolloutStore {
 public:
  // extra: what the actor stores with its actions. Throws Error for fewer than 1 step or
  // environment.
  RolloutStore(const EnvSpec& spec, std::vector<Field> extra, int64_t steps, int64_t num_envs);

  RolloutStore(const RolloutStore&) = delete;
  RolloutStore& operator=(const RolloutStore&) = delete;

  // Begins a rollout with these observations, [N, ...]: those after the last step, or of new
  // episodes.
  void begin(FieldViews obs);

  // All environments begin new episodes.
  void start_episodes();

  // The observations that the next actions are chosen for, [N, ...]: handles to the rollout's own.
  TensorMap observations() const;

  // action: [N, A] float32 or [N] int64; extra: [N, ...]; all contiguous on the CPU. Throws Error
  // for other fields, dtypes or shapes.
  void add(const at::Tensor& action, const TensorMap& extra, const VectorStep& step);

  bool full() const { return t_ == steps_; }

  // Handles to the collected data, valid until begin(); copies if on another device. Requires
  // full().
  Rollout rollout(at::Device device) const;

  // The state between two rollouts: which environments begin the next one in a new episode.
  void state(StateList& list);

 private:
  // A field over time: rows [N, ...] in sequence.
  struct Column {
    Column(const Field& shown, int64_t rows, int64_t num_envs);

    // Copies environments' rows; float64 is rounded to float32.
    void put(int64_t row, const FieldView& view);
    void put(int64_t row, const at::Tensor& values);
    at::Tensor row(int64_t t) const { return data.select(0, t); }

    Field field;
    at::Tensor data;   // [rows, N, ...]
    size_t row_bytes;  // of N
  };

  void add_final(const VectorStep& step, int64_t env);

  int64_t steps_, num_envs_;
  std::vector<Column> obs_;    // T + 1 rows
  Column action_;              // T
  std::vector<Column> extra_;  // T
  std::vector<Column> final_;  // as many rows of one environment as were ever needed
  at::Tensor started_, reward_, terminated_, truncated_;  // [T, N]
  at::Tensor final_index_;                                // [rows of final_]
  at::Tensor starts_;                                     // [N] bool: of the next step
  int64_t t_ = 0;
  int64_t finals_ = 0;  // K
};

}  // namespace reverie
