#include "core/json.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/json_reader.h"
#include "tests/errors.h"

namespace reverie::test {
namespace {

using testing::HasSubstr;

Json sample() {
  return Json::Object{{"name", "a \"b\"\n"},
                      {"steps", int64_t{1} << 60},
                      {"mean", 0.1},
                      {"whole", 2.0},
                      {"is_done", true},
                      {"none", nullptr},
                      {"shape", std::vector<int64_t>{3, 4}},
                      {"empty", Json::List{}},
                      {"peers", Json::Object{{"z", 1}, {"a", Json::Object{}}}}};
}

TEST(Json, WritesOneLine) {
  EXPECT_EQ(sample().dump(),
            R"({"name":"a \"b\"\n","steps":1152921504606846976,"mean":0.1,"whole":2.0,)"
            R"("is_done":true,"none":null,"shape":[3,4],"empty":[],"peers":{"z":1,"a":{}}})");
}

TEST(Json, WritesALineForEachValue) {
  const Json out =
      Json::Object{{"a", Json::List{1, Json::Object{{"b", "c"}}}}, {"d", Json::List{}}};
  EXPECT_EQ(out.dump(2), R"({
  "a": [
    1,
    {
      "b": "c"
    }
  ],
  "d": []
})");
}

TEST(Json, ReadsWhatItWrote) {
  EXPECT_EQ(Json::parse(sample().dump(), "f.json"), sample());
  EXPECT_EQ(Json::parse(sample().dump(3), "f.json"), sample());
}

TEST(Json, HasNoNumbersThatAreNotFinite) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
        -std::numeric_limits<double>::infinity()}) {
    EXPECT_TRUE(Json(value).is_null());
  }
  EXPECT_EQ(Json(std::optional<double>()), Json());
  EXPECT_EQ(Json(std::optional<double>(0.5)), Json(0.5));
}

TEST(Json, ReplacesWhatIsNotUtf8) { EXPECT_EQ(Json("run\xff").dump(), "\"run\xef\xbf\xbd\""); }

TEST(Json, TellsKindsApart) {
  const Json value = sample();
  EXPECT_EQ(value.find("steps")->integer(), int64_t{1} << 60);
  EXPECT_EQ(value.find("shape")->list()->front().number(), 3.0) << "an integer is a number too";
  EXPECT_EQ(value.find("mean")->integer(), std::nullopt);
  EXPECT_EQ(value.find("is_done")->integer(), std::nullopt) << "no boolean is a number";
  EXPECT_EQ(value.find("is_done")->boolean(), true);
  EXPECT_EQ(value.find("name")->object(), nullptr);
  EXPECT_EQ(value.find("name")->find("x"), nullptr);
  EXPECT_EQ(value.find("absent"), nullptr);
}

TEST(Json, SetsMembersInOrder) {
  Json value;
  value.set("b", 1);
  value.set("a", "x");
  value.set("b", 2);
  EXPECT_EQ(value.dump(), R"({"b":2,"a":"x"})");
  EXPECT_THAT(input_error([] { Json(1).set("a", 2); }), HasSubstr("'a'"));
}

TEST(Json, TheLastOfEqualNamesCounts) {
  EXPECT_EQ(Json::parse(R"({"a": 1, "a": 2})", "f").find("a")->integer(), 2);
}

TEST(Json, RefusesWhatIsNotJson) {
  for (const char* text : {"", "{", "[1,]", "{\"a\" 1}", "nan", "1 2", "\"\xff\"", "1e999"}) {
    EXPECT_THAT(input_error([&] { Json::parse(text, "f.json"); }), HasSubstr("f.json: not JSON"))
        << text;
  }
  EXPECT_THAT(input_error([&] { Json::parse("[1,", "f.json"); }), HasSubstr("byte 4"));
}

TEST(Json, RefusesNestingWithoutEnd) {
  const auto nested = [](size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_EQ(Json::parse(nested(Json::kMostLevels), "f").list()->size(), 1U);
  for (const size_t levels : {Json::kMostLevels + 1, size_t{1'000'000}}) {
    EXPECT_THAT(input_error([&] { Json::parse(nested(levels), "f"); }), HasSubstr("64")) << levels;
  }
}

TEST(JsonReader, NamesWhatIsMissingAndWhatIsOfAnotherKind) {
  const Json value = Json::parse(R"({"a": "x", "n": 3, "d": 0.5, "l": [1], "o": {"k": 2}})", "f");
  const JsonReader read(value, "f.json");
  EXPECT_EQ(read.text("a"), "x");
  EXPECT_EQ(read.integer("n"), 3);
  EXPECT_EQ(read.number("d"), 0.5);
  EXPECT_EQ(read.number("n"), 3.0);
  EXPECT_EQ(read.list("l").size(), 1U);
  EXPECT_EQ(read.object("o").front().first, "k");
  EXPECT_EQ(input_error([&] { read.text("b"); }), "f.json: has no 'b'");
  EXPECT_EQ(input_error([&] { read.text("n"); }), "f.json: 'n' is 3, expected a text");
  EXPECT_EQ(input_error([&] { read.integer("d"); }), "f.json: 'd' is 0.5, expected a whole number");
  EXPECT_EQ(input_error([&] { read.number("a"); }), "f.json: 'a' is \"x\", expected a number");
  EXPECT_EQ(input_error([&] { read.list("o"); }), "f.json: 'o' is {\"k\":2}, expected a list");
  EXPECT_EQ(input_error([&] { read.object("l"); }), "f.json: 'l' is [1], expected an object");
}

}  // namespace
}  // namespace reverie::test
