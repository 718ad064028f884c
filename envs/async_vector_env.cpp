#include "envs/async_vector_env.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <system_error>

#include "envs/spin_wait.h"
#include "envs/thread_pool.h"

namespace reverie {

void AsyncVectorEnv::Queue::push(size_t env) {
  const uint64_t end = end_.load(std::memory_order_relaxed);
  slots_[end % slots_.size()].store(env, std::memory_order_relaxed);
  end_.store(end + 1, std::memory_order_release);
}

bool AsyncVectorEnv::Queue::take(size_t& env) {
  uint64_t first = first_.load(std::memory_order_relaxed);
  while (first != end_.load(std::memory_order_acquire)) {
    // Read before it is claimed, because afterwards the slot may be used again. If another thread
    // has claimed it meanwhile, the value read is discarded.
    env = slots_[first % slots_.size()].load(std::memory_order_relaxed);
    if (first_.compare_exchange_weak(first, first + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

AsyncVectorEnv::Block::Block(std::span<const Field> fields, int64_t batch)
    : obs(fields, batch), final_obs(fields, batch) {
  const auto rows = static_cast<size_t>(batch);
  reward.resize(rows);
  terminated.resize(rows);
  truncated.resize(rows);
  env_id.resize(rows);
  episodes.resize(rows);
  finished.reserve(rows);
}

AsyncVectorEnv::AsyncVectorEnv(const EnvMaker& make, const VectorEnvOptions& options)
    : lanes_(make_lanes(make, options.num_envs)),
      fields_(spec().observation),
      action_field_(action_field(spec().action)),
      batch_(options.batch == 0 ? options.num_envs : options.batch) {
  REVERIE_CHECK(batch_ >= 1 && batch_ <= num_envs(),
                "asynchronous environments: a batch of {}, expected 1 to {}, their number", batch_,
                num_envs());
  REVERIE_CHECK(options.threads >= 1 && options.threads <= 4096,
                "asynchronous environments: {} threads, expected 1 to 4096", options.threads);
  REVERIE_CHECK(options.autoreset == AutoReset::kSameStep,
                "asynchronous environments reset themselves in the step that ends an episode; "
                "another AutoReset needs ThreadedVectorEnv");
  REVERIE_CHECK(options.episode_seeds.empty(),
                "asynchronous environments: {} seeds of episodes; those need ThreadedVectorEnv",
                options.episode_seeds.size());
  const size_t n = lanes_.size();
  action_memory_.resize(n * action_field_.bytes());
  starting_.resize(n);
  start_seed_.resize(n);
  under_way_.resize(n);
  failures_.reserve(n);
  // At most N results are sent and not received, and the caller holds one more block.
  const int64_t blocks = (num_envs() + batch_ - 1) / batch_ + 1;
  for (int64_t k = 0; k < blocks; ++k) blocks_.push_back(std::make_unique<Block>(fields_, batch_));
  const size_t threads = std::min(n, static_cast<size_t>(options.threads));
  for (size_t t = 0; t < threads; ++t) {
    workers_.push_back(std::make_unique<Worker>(fields_, n));
  }
  threads_.reserve(threads);
  try {
    for (size_t t = 0; t < threads; ++t) threads_.emplace_back([this, t] { worker_loop(t); });
    pin_threads(threads_, options.cpus);
  } catch (const std::system_error& error) {
    const size_t made = threads_.size();
    stop();
    fail_run("asynchronous environments: the system gave {} of {} threads ({}); ask for fewer",
             made, threads, error.code().message());
  } catch (const Error&) {
    stop();
    throw;
  }
}

AsyncVectorEnv::~AsyncVectorEnv() { stop(); }

void AsyncVectorEnv::stop() {
  stopping_.store(true, std::memory_order_relaxed);
  dispatched_.fetch_add(1, std::memory_order_release);
  dispatched_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void AsyncVectorEnv::reset(uint64_t seed) {
  wait_for_all();
  failures_.clear();
  failed_.store(false, std::memory_order_relaxed);
  for (const auto& block : blocks_) block->filled.store(0, std::memory_order_relaxed);
  next_row_.store(0, std::memory_order_relaxed);
  std::fill(under_way_.begin(), under_way_.end(), uint8_t{0});
  num_under_way_ = 0;
  received_ = 0;
  holding_ = false;
  seed_ = seed;
  started_ = true;
  std::vector<int64_t> all;
  for (size_t i = 0; i < lanes_.size(); ++i) {
    lanes_[i].episode = 0;
    starting_[i] = 1;
    start_seed_[i] = seed;
    all.push_back(static_cast<int64_t>(i));
  }
  dispatch(all);
}

// All commands are done: the workers touch no lane or block any more.
void AsyncVectorEnv::wait_for_all() {
  const auto completed = [&] {
    uint64_t sum = 0;
    for (const auto& worker : workers_) sum += worker->completed.load(std::memory_order_acquire);
    return sum;
  };
  while (completed() != sent_) std::this_thread::sleep_for(std::chrono::microseconds(50));
}

void AsyncVectorEnv::mark_under_way(std::string_view what, std::span<const int64_t> env_ids,
                                    bool failed_too) {
  REVERIE_CHECK(started_, "{}: {}() before reset()", spec().id, what);
  const auto check = [&](int64_t id) {
    REVERIE_CHECK(id >= 0 && id < num_envs(), "{}: {}(): environment {}, expected 0 to {}",
                  spec().id, what, id, num_envs() - 1);
    const auto i = static_cast<size_t>(id);
    REVERIE_CHECK(under_way_[i] == 0,
                  "{}: {}(): environment {} of {} is under way already; recv() returns it",
                  spec().id, what, id, num_envs());
    if (!failed_too && lanes_[i].error) lanes_[i].rethrow(i, num_envs());
  };
  // Marked one by one, so that an id that appears twice is found.
  for (size_t k = 0; k < env_ids.size(); ++k) {
    try {
      check(env_ids[k]);
    } catch (...) {
      for (const int64_t id : env_ids.first(k)) under_way_[static_cast<size_t>(id)] = 0;
      throw;
    }
    under_way_[static_cast<size_t>(env_ids[k])] = 1;
  }
}

void AsyncVectorEnv::reset_envs(std::span<const int64_t> env_ids, uint64_t seed) {
  mark_under_way("reset_envs", env_ids, /*failed_too=*/true);
  for (const int64_t id : env_ids) {
    const auto i = static_cast<size_t>(id);
    ++lanes_[i].episode;
    starting_[i] = 1;
    start_seed_[i] = seed;
  }
  dispatch(env_ids);
}

void AsyncVectorEnv::send(ConstFieldView actions, std::span<const int64_t> env_ids) {
  REVERIE_CHECK(actions.count == static_cast<int64_t>(env_ids.size()),
                "{}: send(): {} actions for {} environments", spec().id, actions.count,
                env_ids.size());
  check_actions(spec(), actions, num_envs(), env_ids);
  mark_under_way("send", env_ids, /*failed_too=*/false);
  const size_t bytes = action_field_.bytes();
  for (size_t k = 0; k < env_ids.size(); ++k) {
    const auto i = static_cast<size_t>(env_ids[k]);
    std::memcpy(action_memory_.data() + i * bytes, actions.data + k * bytes, bytes);
    starting_[i] = 0;
  }
  dispatch(env_ids);
}

void AsyncVectorEnv::dispatch(std::span<const int64_t> env_ids) {
  for (const int64_t id : env_ids) {
    const auto i = static_cast<size_t>(id);
    under_way_[i] = 1;
    workers_[i * workers_.size() / lanes_.size()]->queue.push(i);
  }
  num_under_way_ += static_cast<int64_t>(env_ids.size());
  sent_ += env_ids.size();
  dispatched_.fetch_add(1, std::memory_order_release);
  dispatched_.notify_all();
}

void AsyncVectorEnv::worker_loop(size_t self) {
  for (;;) {
    const uint32_t seen = dispatched_.load(std::memory_order_acquire);
    if (stopping_.load(std::memory_order_relaxed)) return;
    size_t env = 0;
    if (take(self, env)) {
      Worker& worker = *workers_[self];
      work(env, worker);
      worker.completed.fetch_add(1, std::memory_order_release);
    } else {
      wait_for_change(dispatched_, seen);
    }
  }
}

// Takes the worker's own next environment, else one from another worker that is behind.
bool AsyncVectorEnv::take(size_t self, size_t& env) {
  for (size_t k = 0; k < workers_.size(); ++k) {
    if (workers_[(self + k) % workers_.size()]->queue.take(env)) return true;
  }
  return false;
}

void AsyncVectorEnv::work(size_t i, const Worker& worker) {
  EnvLane& lane = lanes_[i];
  const FieldViews obs = worker.obs.row(0);
  try {
    if (starting_[i] != 0) {
      lane.error = nullptr;
      lane.start(start_seed_[i], i, obs);
      deliver(i, worker, {}, nullptr);
      return;
    }
    const ConstFieldView actions{&action_field_, action_memory_.data(), num_envs()};
    const StepResult result = lane.step(actions.row(static_cast<int64_t>(i)), obs);
    if (!result.terminated && !result.truncated) {
      deliver(i, worker, result, nullptr);
      return;
    }
    copy_row(obs, worker.final_obs.row(0));
    Episode episode = lane.report(i, result.terminated);
    ++lane.episode;
    lane.start(seed_, i, obs);
    deliver(i, worker, result, &episode);
  } catch (...) {
    lane.error = std::current_exception();
    const std::lock_guard lock(failures_mutex_);
    failures_.push_back(i);
    failed_.store(true, std::memory_order_release);
    news_.fetch_add(1, std::memory_order_release);
    news_.notify_one();
  }
}

void AsyncVectorEnv::deliver(size_t i, const Worker& worker, const StepResult& result,
                             Episode* episode) {
  const auto batch = static_cast<uint64_t>(batch_);
  // Orders the workers: a row is reused only after a step that was sent when the caller was done
  // with it, but another worker may have taken that step.
  const uint64_t ticket = next_row_.fetch_add(1, std::memory_order_acq_rel);
  Block& block = *blocks_[ticket / batch % blocks_.size()];
  const size_t row = ticket % batch;
  copy_row(worker.obs.row(0), block.obs.row(row));
  block.env_id[row] = static_cast<int64_t>(i);
  block.reward[row] = result.reward;
  block.terminated[row] = result.terminated ? 1 : 0;
  block.truncated[row] = result.truncated ? 1 : 0;
  if (episode != nullptr) {
    copy_row(worker.final_obs.row(0), block.final_obs.row(row));
    block.episodes[row] = std::move(*episode);
  }
  if (block.filled.fetch_add(1, std::memory_order_acq_rel) + 1 != batch_) return;
  news_.fetch_add(1, std::memory_order_release);
  news_.notify_one();
}

void AsyncVectorEnv::rethrow_failure() {
  if (!failed_.load(std::memory_order_acquire)) return;
  size_t i = 0;
  {
    const std::lock_guard lock(failures_mutex_);
    i = failures_.front();
    failures_.erase(failures_.begin());
    failed_.store(!failures_.empty(), std::memory_order_relaxed);
  }
  under_way_[i] = 0;
  --num_under_way_;
  lanes_[i].rethrow(i, num_envs());
}

AsyncStep AsyncVectorEnv::recv() {
  REVERIE_CHECK(started_, "{}: recv() before reset()", spec().id);
  if (holding_) {  // the caller is done with the previous block
    blocks_[(received_ - 1) % blocks_.size()]->filled.store(0, std::memory_order_relaxed);
    holding_ = false;
  }
  Block& block = *blocks_[received_ % blocks_.size()];
  for (;;) {
    const uint32_t seen = news_.load(std::memory_order_acquire);
    rethrow_failure();
    if (block.filled.load(std::memory_order_acquire) == batch_) break;
    REVERIE_CHECK(num_under_way_ >= batch_,
                  "{}: recv(): {} environments are under way, a batch is {}; send() to more",
                  spec().id, num_under_way_, batch_);
    wait_for_change(news_, seen);
  }
  ++received_;
  holding_ = true;
  num_under_way_ -= batch_;
  block.finished.clear();
  for (size_t row = 0; row < block.env_id.size(); ++row) {
    under_way_[static_cast<size_t>(block.env_id[row])] = 0;
    if (block.terminated[row] == 0 && block.truncated[row] == 0) continue;
    block.finished.push_back(std::move(block.episodes[row]));
  }
  return {{block.obs.all(), block.final_obs.all(), block.reward, block.terminated, block.truncated,
           block.finished},
          block.env_id};
}

}  // namespace reverie
