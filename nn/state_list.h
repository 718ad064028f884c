#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <ATen/core/TensorBody.h>

#include "core/random.h"
#include "nn/checkpoint.h"

namespace reverie {

class StateList;

// Lists what it needs to continue, in `void state(StateList& list)`.
template <typename T>
concept Stateful = requires(T& object, StateList& list) {
  object.state(list);
};

// Everything that an object needs to continue, each item listed once:
//
//   void state(StateList& list) {
//     list.add("actor", actor_);                  // weights: actor.0.weight, actor.0.bias, ...
//     list.add("actor", actor_optimizer_);        // moments: actor.m, actor.v, actor.step
//     list.add("agent.rng", rng_);
//   }
//
// Saving, loading, and the check for finite numbers all use the list. It holds handles and
// pointers: listed objects must outlive it and must not move.
//
// Tensors belong to a group, which is a file of a checkpoint: "model" holds everything that acting
// needs, "optimizer" what only learning needs. Numbers and texts go to state.json.
class StateList {
 public:
  // Adds what an object lists; its names get the prefix "name.".
  template <Stateful T>
  void add(std::string_view name, T& object) {
    const Scope scope(*this, name);
    object.state(*this);
  }

  // Adds a separate part, such as a stage of training. Its names also get the prefix "name.", and
  // all its tensors go into the group of that name, which only training reads. save() leaves out a
  // part that is not `saved` (it has not begun), and load() leaves a part unchanged that the
  // checkpoint does not have.
  template <Stateful T>
  void add_part(const std::string& name, T& object, bool saved) {
    parts_.insert(name);
    const Scope scope(*this, name, Part{name, saved});
    object.state(*this);
  }

  // Tensors of a fixed shape, on any device: loading copies into them.
  void add_weights(std::string_view name, const at::Tensor& tensor);   // group "model"
  void add_learning(std::string_view name, const at::Tensor& tensor);  // group "optimizer"

  // A tensor whose shape changes or that does not exist yet (undefined): loading replaces it, on
  // `device`. Group "optimizer".
  void add_changing(std::string_view name, at::Tensor& tensor, at::Device device);

  void add(std::string_view name, Rng& rng);
  void add(std::string_view name, int64_t& value);
  void add(std::string_view name, double& value);
  void add(std::string_view name, bool& value);
  void add(std::string_view name, std::string& value);
  void add_text(std::string_view name, std::function<std::string()> get,
                std::function<void(const std::string& text)> set);

  // A group that writes and reads itself, such as a replay buffer. save() appends tensors that must
  // stay unchanged until they are written; load() throws Error for contents that do not fit.
  struct Group {
    std::string name;
    std::function<void(TensorMap& out)> save;
    std::function<void(const TensorReader& in)> load;
  };
  void add_group(Group group);

  // Called after everything is loaded, for values that follow from the rest.
  void after_load(std::function<void()> action) { after_load_.push_back(std::move(action)); }

  // Puts everything into the checkpoint. Tensors are not copied: write the checkpoint, or clone()
  // it, before anything changes. Throws Error(kInput) when two numbers or texts have one name.
  void save(Checkpoint& checkpoint) const;

  // Restores everything. From a checkpoint that was opened for some groups: those groups and all of
  // state.json.
  // Throws Error(kInput), with one message that names every missing, mis-shaped and unexpected
  // tensor, before anything except numbers and texts has changed; and as Group::load() does.
  void load(const Checkpoint& checkpoint) const;

  // The first floating-point tensor that holds NaN or an infinity, as "group: name"; "" if there is
  // none. Groups that write themselves are not checked. Waits for the device.
  std::string find_not_finite() const;

  struct Entry {
    std::string group;
    std::string name;
    at::Tensor tensor;
    bool saved = true;
  };
  std::span<const Entry> tensors() const { return tensors_; }

 private:
  // The group and prefix of what is added now.
  struct Part {
    std::string group = {};  // "" = the groups of the whole
    bool saved = true;
  };

  // Adds a prefix to the names of everything added while it lives.
  class Scope {
   public:
    Scope(StateList& list, std::string_view name) : Scope(list, name, list.part_) {}
    Scope(StateList& list, std::string_view name, Part part);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    StateList& list_;
    size_t length_before_;
    Part part_before_;
  };

  struct Changing {
    std::string group;
    std::string name;
    at::Tensor* tensor;
    at::Device device;
    bool saved;
  };

  struct Text {
    std::string name;
    Part part;
    std::function<std::string()> get;
    std::function<void(const Checkpoint& saved, const std::string& name)> set;
  };

  std::string full_name(std::string_view name) const;
  std::string group_or(const char* usual) const;
  void add_value(std::string_view name, std::function<std::string()> get,
                 std::function<void(const Checkpoint& saved, const std::string& name)> set);
  void check_groups(const Checkpoint& checkpoint) const;
  void check_tensors(const Checkpoint& checkpoint) const;

  std::string prefix_;  // "actor."
  Part part_;
  std::vector<Entry> tensors_;
  std::vector<Changing> changing_;
  std::vector<Text> texts_;
  std::vector<std::pair<Group, Part>> groups_;
  std::set<std::string> parts_;  // by name
  std::vector<std::function<void()>> after_load_;
};

// A checkpoint in memory of what the object lists. It does not change while the object continues.
template <Stateful T>
Checkpoint take_checkpoint(T& object) {
  StateList list;
  object.state(list);
  Checkpoint checkpoint;
  list.save(checkpoint);
  return checkpoint.clone();
}

// Handles to the tensors that an object lists, by name.
template <Stateful T>
TensorMap tensors_of(T& object, std::string_view prefix = "") {
  StateList list;
  if (prefix.empty()) {
    object.state(list);
  } else {
    list.add(prefix, object);
  }
  TensorMap tensors;
  for (const StateList::Entry& entry : list.tensors()) tensors.add(entry.name, entry.tensor);
  return tensors;
}

// Restores an object from take_checkpoint() or from a saved run. Throws Error as StateList::load()
// does.
template <Stateful T>
void load_state(T& object, const Checkpoint& checkpoint) {
  StateList list;
  object.state(list);
  list.load(checkpoint);
}

// Whether two objects list the same tensors of the same shapes, so that one can take the other's.
template <Stateful T>
bool have_equal_shapes(T& a, T& b) {
  const TensorMap left = tensors_of(a), right = tensors_of(b);
  if (left.size() != right.size()) return false;
  for (const auto& [name, tensor] : left) {
    if (!right.contains(name) || !right.at(name).sizes().equals(tensor.sizes())) return false;
  }
  return true;
}

}  // namespace reverie
