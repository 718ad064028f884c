#include "nn/state_list.h"

#include <fmt/ranges.h>

#include "nn/pch.h"

namespace reverie {
namespace {

constexpr const char* kModel = "model";
constexpr const char* kOptimizer = "optimizer";

std::string describe(c10::ScalarType type, at::IntArrayRef shape) {
  return fmt::format("{} [{}]", c10::toString(type), fmt::join(shape, ", "));
}

}  // namespace

StateList::Scope::Scope(StateList& list, std::string_view name, Part part)
    : list_(list), length_before_(list.prefix_.size()), part_before_(list.part_) {
  list_.prefix_ += name;
  list_.prefix_ += '.';
  list_.part_ = std::move(part);
}

StateList::Scope::~Scope() {
  list_.prefix_.resize(length_before_);
  list_.part_ = std::move(part_before_);
}

std::string StateList::full_name(std::string_view name) const {
  return prefix_ + std::string(name);
}

std::string StateList::group_or(const char* usual) const {
  return part_.group.empty() ? usual : part_.group;
}

void StateList::add_weights(std::string_view name, const at::Tensor& tensor) {
  tensors_.push_back({group_or(kModel), full_name(name), tensor.detach(), part_.saved});
}

void StateList::add_learning(std::string_view name, const at::Tensor& tensor) {
  tensors_.push_back({group_or(kOptimizer), full_name(name), tensor.detach(), part_.saved});
}

void StateList::add_changing(std::string_view name, at::Tensor& tensor, at::Device device) {
  changing_.push_back({group_or(kOptimizer), full_name(name), &tensor, device, part_.saved});
}

void StateList::add_value(
    std::string_view name, std::function<std::string()> get,
    std::function<void(const Checkpoint& saved, const std::string& name)> set) {
  texts_.push_back({full_name(name), part_, std::move(get), std::move(set)});
}

void StateList::add(std::string_view name, Rng& rng) {
  add_value(
      name, [&rng] { return rng.to_string(); },
      [&rng](const Checkpoint& saved, const std::string& key) {
        rng = Rng::from_string(saved.text(key));
      });
}

void StateList::add(std::string_view name, int64_t& value) {
  add_value(
      name, [&value] { return std::to_string(value); },
      [&value](const Checkpoint& saved, const std::string& key) { value = saved.integer(key); });
}

void StateList::add(std::string_view name, double& value) {
  add_value(
      name, [&value] { return fmt::format("{}", value); },
      [&value](const Checkpoint& saved, const std::string& key) { value = saved.number(key); });
}

void StateList::add(std::string_view name, bool& value) {
  add_value(
      name, [&value] { return std::string(value ? "1" : "0"); },
      [&value](const Checkpoint& saved, const std::string& key) {
        const int64_t number = saved.integer(key);
        REVERIE_CHECK(number == 0 || number == 1, "state.json: '{}' is {}, expected 0 or 1", key,
                      number);
        value = number != 0;
      });
}

void StateList::add(std::string_view name, std::string& value) {
  add_value(
      name, [&value] { return value; },
      [&value](const Checkpoint& saved, const std::string& key) { value = saved.text(key); });
}

void StateList::add_text(std::string_view name, std::function<std::string()> get,
                         std::function<void(const std::string& text)> set) {
  add_value(name, std::move(get),
            [set = std::move(set)](const Checkpoint& saved, const std::string& key) {
              set(saved.text(key));
            });
}

void StateList::add_group(Group group) {
  if (!part_.group.empty()) group.name = part_.group + "." + group.name;
  groups_.emplace_back(std::move(group), part_);
}

void StateList::save(Checkpoint& checkpoint) const {
  checkpoint.group(kModel);  // evaluation opens it, also where acting needs no tensors
  for (const Entry& entry : tensors_) {
    if (entry.saved) checkpoint.group(entry.group).add(entry.name, entry.tensor);
  }
  for (const Changing& entry : changing_) {
    if (entry.saved && entry.tensor->defined()) {
      checkpoint.group(entry.group).add(entry.name, entry.tensor->detach());
    }
  }
  for (const Text& text : texts_) {
    if (!text.part.saved) continue;
    REVERIE_CHECK(!checkpoint.has_text(text.name), "two parts of a checkpoint are called '{}'",
                  text.name);
    checkpoint.set(text.name, text.get());
    // load() takes the group as the sign that the part exists, whether or not it has tensors.
    if (!text.part.group.empty()) checkpoint.group(text.part.group);
  }
  for (const auto& [group, part] : groups_) {
    if (part.saved) group.save(checkpoint.group(group.name));
  }
}

// Missing whole groups: otherwise weights that nobody loads would silently keep their initial
// values. A checkpoint that was made in memory has no list of groups and holds what its maker
// wanted.
void StateList::check_groups(const Checkpoint& checkpoint) const {
  if (!checkpoint.has_text("groups")) return;
  const auto check = [&](const std::string& group, const std::string& part) {
    const bool is_expected = part.empty() ? !checkpoint.is_partial() : checkpoint.has_group(part);
    REVERIE_CHECK(!is_expected || checkpoint.has_group(group),
                  "the checkpoint has no '{}', which this configuration needs", group);
  };
  for (const Entry& entry : tensors_) {
    check(entry.group, parts_.contains(entry.group) ? entry.group : "");
  }
  for (const auto& [group, part] : groups_) check(group.name, part.group);
}

// One message for all errors, before anything changes.
void StateList::check_tensors(const Checkpoint& checkpoint) const {
  std::vector<std::string> faults;
  std::map<std::string, std::vector<std::string>> known;  // per group
  for (const Entry& entry : tensors_) {
    known[entry.group].push_back(entry.name);
    if (!checkpoint.has_group(entry.group)) continue;
    const TensorReader& saved = checkpoint.reader(entry.group);
    if (!saved.contains(entry.name)) {
      faults.push_back(fmt::format("{} is missing", entry.name));
      continue;
    }
    const at::Tensor& tensor = entry.tensor;
    if (saved.shape(entry.name) != tensor.sizes().vec() ||
        saved.dtype(entry.name) != tensor.scalar_type()) {
      faults.push_back(fmt::format("{} is {}, expected {}", entry.name,
                                   describe(saved.dtype(entry.name), saved.shape(entry.name)),
                                   describe(tensor.scalar_type(), tensor.sizes())));
    }
  }
  for (const Changing& entry : changing_) known[entry.group].push_back(entry.name);
  for (const auto& [group, names] : known) {
    if (!checkpoint.has_group(group)) continue;
    for (const std::string& name : checkpoint.reader(group).names()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) {
        faults.push_back(fmt::format("{} is not part of it", name));
      }
    }
  }
  REVERIE_CHECK(faults.empty(), "the tensors do not fit this configuration: {}",
                fmt::join(faults, "; "));
}

void StateList::load(const Checkpoint& checkpoint) const {
  check_groups(checkpoint);
  for (const Text& text : texts_) {
    if (text.part.group.empty() || checkpoint.has_group(text.part.group)) {
      text.set(checkpoint, text.name);
    }
  }
  check_tensors(checkpoint);
  for (const Entry& entry : tensors_) {
    if (!checkpoint.has_group(entry.group)) continue;
    checkpoint.reader(entry.group).read_into(entry.name, entry.tensor);
  }
  for (const Changing& entry : changing_) {
    if (!checkpoint.has_group(entry.group)) continue;
    const TensorReader& saved = checkpoint.reader(entry.group);
    *entry.tensor =
        saved.contains(entry.name) ? saved.read(entry.name).to(entry.device) : at::Tensor();
  }
  for (const auto& [group, part] : groups_) {
    if (checkpoint.has_group(group.name)) group.load(checkpoint.reader(group.name));
  }
  for (const std::function<void()>& action : after_load_) action();
}

std::string StateList::find_not_finite() const {
  const auto is_finite = [](const at::Tensor& tensor) {
    return !tensor.is_floating_point() || at::isfinite(tensor).all().item<bool>();
  };
  for (const Entry& entry : tensors_) {
    if (entry.saved && !is_finite(entry.tensor))
      return fmt::format("{}: {}", entry.group, entry.name);
  }
  for (const Changing& entry : changing_) {
    if (entry.saved && entry.tensor->defined() && !is_finite(*entry.tensor)) {
      return fmt::format("{}: {}", entry.group, entry.name);
    }
  }
  return "";
}

}  // namespace reverie
