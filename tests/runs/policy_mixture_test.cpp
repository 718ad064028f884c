#include "runs/policy_mixture.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/errors.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using test::input_error;
using testing::HasSubstr;

TEST(PolicyShareTest, ASharesColonIsTheLast) {
  EXPECT_EQ(parse_policy_share("random").share, 1.0);
  EXPECT_EQ(parse_policy_share("random:0.25").name, "random");
  EXPECT_EQ(parse_policy_share("random:0.25").share, 0.25);
  EXPECT_EQ(parse_policy_share("runs/a:b").name, "runs/a:b");
  EXPECT_THAT(input_error([] { parse_policy_share("random:0"); }), HasSubstr("above 0"));
  EXPECT_THAT(input_error([] { parse_policy_share(":1"); }), HasSubstr("NAME"));
}

TEST(PolicyShareTest, AFolderOfTheWholeNameIsTheRun) {
  const test::TemporaryFolder folder;
  const std::string run = (folder / "2026-11-28_13:05").string();
  EXPECT_EQ(parse_policy_share(run).share, 5.0) << "before there is such a folder";
  std::filesystem::create_directory(run);
  EXPECT_EQ(parse_policy_share(run).name, run);
  EXPECT_EQ(parse_policy_share(run).share, 1.0);
  EXPECT_EQ(parse_policy_share(run + ":2").name, run);
  EXPECT_EQ(parse_policy_share(run + ":2").share, 2.0);
}

}  // namespace
}  // namespace reverie
