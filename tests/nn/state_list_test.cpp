#include "nn/state_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "nn/adam.h"
#include "nn/mlp.h"
#include "nn/normalizer.h"
#include "nn/pch.h"
#include "nn/safetensors.h"
#include "tests/checkpoints.h"
#include "tests/errors.h"
#include "tests/temporary_folder.h"
#include "tests/tensors.h"

namespace reverie {
namespace {

using test::group_of;
using test::input_error;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// One state of every kind.
struct Thing {
  Thing(uint64_t seed, int64_t width = 4)
      : rng(seed),
        net(3, {width}, 2, rng, at::kCPU),
        adam(net.parameters(), {}),
        normalizer(3, at::kCPU),
        moving(at::full({2}, static_cast<double>(seed))) {}

  void state(StateList& list) {
    list.add("net", net);
    list.add("net", adam);
    list.add("observation", normalizer);
    list.add_changing("memory", memory, at::kCPU);
    list.add_learning("moving", moving);
    list.add("rng", rng);
    list.add("count", count);
    list.add("rate", rate);
    list.add("flag", flag);
    list.add("name", name);
    list.add_group({.name = "ring",
                    .save = [this](TensorMap& out) { out.add("ring", ring); },
                    .load = [this](const TensorReader& in) { ring = in.read("ring"); }});
    list.after_load([this] { ++loads; });
  }

  void advance() {
    net.parameters().flat_grad().fill_(0.25);
    adam.step();
    normalizer.update(at::arange(12, at::kFloat).view({4, 3}));
    memory = at::arange(5);
    ring = at::ones({3, 2});
    rng.random();
    count = -7;
    rate = 0.1;
    flag = true;
    name = "other";
  }

  Rng rng;
  Mlp net;
  Adam adam;
  Normalizer normalizer;
  at::Tensor moving, memory, ring = at::zeros({2, 2});
  int64_t count = 1, loads = 0;
  double rate = 0.5;
  bool flag = false;
  std::string name = "one";
};

void expect_same(Thing& a, Thing& b) {
  const Checkpoint one = take_checkpoint(a), other = take_checkpoint(b);
  for (const char* group : {"model", "optimizer", "ring"}) {
    SCOPED_TRACE(group);
    test::expect_same_bits(group_of(one, group), group_of(other, group));
  }
  for (const char* key : {"rng", "count", "rate", "flag", "name"}) {
    EXPECT_EQ(one.text(key), other.text(key)) << key;
  }
}

TEST(StateList, GroupsAndNamesFollowTheList) {
  Thing thing(1);
  const Checkpoint saved = take_checkpoint(thing);
  EXPECT_THAT(saved.reader("model").names(),
              ElementsAre("net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias",
                          "observation.mean", "observation.m2", "observation.count"));
  EXPECT_THAT(saved.reader("optimizer").names(),
              ElementsAre("net.m", "net.v", "net.step", "moving"));
  thing.advance();
  EXPECT_TRUE(take_checkpoint(thing).reader("optimizer").contains("memory"));
}

TEST(StateList, EverythingComesBackFromMemoryAndFromAFolder) {
  Thing thing(1);
  thing.advance();
  const test::TemporaryFolder folder;
  take_checkpoint(thing).write(folder.path());
  Thing of_memory(2), of_folder(3);
  load_state(of_memory, take_checkpoint(thing));
  load_state(of_folder, Checkpoint::read(folder.path()));
  expect_same(thing, of_memory);
  expect_same(thing, of_folder);
  EXPECT_EQ(of_folder.loads, 1);
  // It continues from there, with its moments and statistics.
  thing.advance();
  of_folder.advance();
  expect_same(thing, of_folder);
  // Parts that no longer exist are removed.
  Thing fresh(1);
  load_state(of_folder, take_checkpoint(fresh));
  EXPECT_FALSE(of_folder.memory.defined());
}

TEST(StateList, ACheckpointTakenDoesNotFollowTheObject) {
  Thing thing(1);
  const Checkpoint taken = take_checkpoint(thing);
  const at::Tensor before = taken.reader("model").read("net.0.weight");
  thing.advance();
  EXPECT_TRUE(at::equal(taken.reader("model").read("net.0.weight"), before));
  EXPECT_FALSE(at::equal(thing.net.parameters().at("0.weight").detach(), before));
}

TEST(StateList, SavingCopiesNothing) {
  Thing thing(1);
  StateList list;
  thing.state(list);
  Checkpoint checkpoint;
  list.save(checkpoint);
  EXPECT_EQ(checkpoint.group("model").at("net.0.weight").data_ptr(),
            thing.net.parameters().at("0.weight").data_ptr());
  EXPECT_EQ(checkpoint.group("ring").at("ring").data_ptr(), thing.ring.data_ptr());
}

TEST(StateList, EvaluationLoadsTheModelAlone) {
  Thing thing(1);
  thing.advance();
  const test::TemporaryFolder folder;
  take_checkpoint(thing).write(folder.path());
  Thing other(2);
  load_state(other, Checkpoint::read(folder.path(), {"model"}));
  const auto weights = [](Thing& of) { return group_of(take_checkpoint(of), "model"); };
  test::expect_same_bits(weights(thing), weights(other));
  EXPECT_EQ(other.moving[0].item<double>(), 2.0) << "the optimiser was not asked for";
}

// A checkpoint of a configuration with fewer parts.
TEST(StateList, AMissingGroupIsNamed) {
  Thing thing(1);
  Checkpoint written = take_checkpoint(thing);
  const test::TemporaryFolder folder;
  written.write(folder.path());
  for (const std::string missing : {"optimizer", "ring"}) {
    Checkpoint fewer;
    for (const char* group : {"model", "optimizer", "ring"}) {
      if (group == missing) continue;
      for (const auto& [name, tensor] : group_of(written, group)) {
        fewer.group(group).add(name, tensor);
      }
    }
    for (const char* key : {"rng", "count", "rate", "flag", "name"}) {
      fewer.set(key, written.text(key));
    }
    const test::TemporaryFolder other;
    fewer.write(other.path());
    EXPECT_THAT(input_error([&] { load_state(thing, Checkpoint::read(other.path())); }),
                HasSubstr("has no '" + missing + "'"));
  }
}

TEST(StateList, NamesEveryFaultAndChangesNoTensor) {
  Thing thing(1), wide(2, 5);
  const Checkpoint before = take_checkpoint(thing);
  Checkpoint damaged = take_checkpoint(wide);
  damaged.group("model").add("net.extra", at::zeros({1}));
  TensorMap optimizer;
  for (const auto& [name, tensor] : damaged.group("optimizer")) {
    if (name != "net.v") optimizer.add(name, tensor);
  }
  damaged.group("optimizer") = optimizer;
  EXPECT_THAT(input_error([&] { load_state(thing, damaged); }),
              AllOf(HasSubstr("net.0.weight is Float [5, 3], expected Float [4, 3]"),
                    HasSubstr("net.extra is not part of it"), HasSubstr("net.v is missing")));
  test::expect_same_bits(group_of(before, "model"), group_of(take_checkpoint(thing), "model"));
  Checkpoint flagged = take_checkpoint(thing);
  flagged.set("flag", int64_t{2});
  EXPECT_THAT(input_error([&] { load_state(thing, flagged); }), HasSubstr("'flag' is 2"));
}

TEST(StateList, FindsWhatIsNotFiniteInEveryGroup) {
  Thing thing(1);
  const auto broken = [&] {
    StateList list;
    thing.state(list);
    return list.find_not_finite();
  };
  thing.advance();
  EXPECT_EQ(broken(), "");
  thing.moving[1] = INFINITY;
  EXPECT_EQ(broken(), "optimizer: moving");
  thing.net.parameters().flat()[0] = NAN;
  EXPECT_EQ(broken(), "model: net.0.weight");
  Thing other(1);
  other.memory = at::tensor({1.0F, NAN});
  StateList list;
  other.state(list);
  EXPECT_EQ(list.find_not_finite(), "optimizer: memory");
}

TEST(Checkpoint, OfAnotherFormatIsRefused) {
  Thing thing(1);
  const test::TemporaryFolder folder;
  take_checkpoint(thing).write(folder.path());
  const std::string state = read_file(folder / "state.json", 1 << 20);
  std::string old = state;
  const std::string now = fmt::format("\"format\": \"{}\"", Checkpoint::kFormat);
  old.replace(old.find(now), now.size(), "\"format\": \"1\"");
  write_file_atomically(folder / "state.json", old);
  EXPECT_THAT(
      input_error([&] { Checkpoint::read(folder.path()); }),
      AllOf(HasSubstr("state.json"), HasSubstr("format 1"), HasSubstr("train the run again")));
}

TEST(SafetensorsRows, OfALargerTensorAreWrittenAndReadInPlace) {
  const test::TemporaryFolder folder;
  const std::string file = folder / "rows.safetensors";
  const at::Tensor ring = at::arange(24, at::kFloat).view({2, 4, 3});
  save_safetensors(file, {{"rows", ring.narrow(1, 0, 2)}, {"strided", ring.select(2, 1)}});
  const SafetensorsReader reader(file);
  EXPECT_TRUE(at::equal(reader.read("rows"), ring.narrow(1, 0, 2)));
  EXPECT_TRUE(at::equal(reader.read("strided"), ring.select(2, 1)));
  at::Tensor target = at::zeros({2, 4, 3});
  reader.read_into("rows", target.narrow(1, 0, 2));
  EXPECT_TRUE(at::equal(target.narrow(1, 0, 2), ring.narrow(1, 0, 2)));
  EXPECT_EQ(target.narrow(1, 2, 2).abs().sum().item<double>(), 0.0);
  at::Tensor columns = at::zeros({2, 4, 3});
  reader.read_into("strided", columns.select(2, 1));
  EXPECT_TRUE(at::equal(columns.select(2, 1), ring.select(2, 1)));
  EXPECT_EQ(columns.select(2, 0).abs().sum().item<double>(), 0.0);
  EXPECT_THAT(input_error([&] { reader.read_into("rows", target); }), HasSubstr("[2, 2, 3]"));
}

}  // namespace
}  // namespace reverie
