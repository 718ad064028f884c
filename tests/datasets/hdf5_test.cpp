#include "datasets/hdf5.h"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <thread>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "core/error.h"
#include "tests/temporary_folder.h"

namespace reverie {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
namespace fs = std::filesystem;

using Shape = std::vector<int64_t>;

class Hdf5 : public testing::Test {
 protected:
  std::string path(const std::string& name = "a.h5") const { return (folder_ / name).string(); }

  // Runs a script with h5py as h5py, numpy as np and the arguments as a list; skips without Python.
  bool python(const std::string& script, const std::string& arguments) const {
    std::ofstream(path("script.py"))
        << "import sys\nimport h5py\nimport numpy as np\nargs = sys.argv[1:]\n"
        << script;
    return std::system(fmt::format("PYTHONPATH={} python3 {} {}", REVERIE_TEST_PYTHON_PATH,
                                   path("script.py"), arguments)
                           .c_str()) == 0;
  }

  // A recording like the reference's, packed and plain, with an attribute and a grown dataset.
  void write_recording(const std::string& name) const {
    Hdf5File file = Hdf5File::create(name);
    const Shape action_shape{50, 2}, qpos_shape{51, 2}, success_shape{50};
    std::vector<float> action(100);
    std::iota(action.begin(), action.end(), 0.5F);
    std::vector<double> qpos(102);
    std::iota(qpos.begin(), qpos.end(), 0.25);
    std::vector<uint8_t> success(50);
    success[7] = 1;
    file.write<float>("maze/seed_0/action", action_shape, action);
    file.write<double>("maze/seed_0/qpos", qpos_shape, qpos, {.gzip = 4});
    file.write("maze/seed_0/success", DType::kBool, success_shape,
               std::as_bytes(std::span(success)));
    file.write<int64_t>("maze/seed_0/count", {}, std::array<int64_t, 1>{-9});
    const Field reward{.name = "reward", .shape = {}, .dtype = DType::kFloat64};
    Hdf5Appender& appender = file.appender("maze/seed_0", reward, {.gzip = 1});
    appender.append({&reward, reinterpret_cast<const std::byte*>(qpos.data()), 50});
    file.set_attribute("maze", "env", "PointMaze é");
    file.commit();
  }

  test::TemporaryFolder folder_;
};

std::string read_bytes(const std::string& name) {
  std::ifstream stream(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string reading_error(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << error.what();
    return error.what();
  }
  return "no error";
}

// Reads everything in a file, as an importing program would.
void read_everything(const Hdf5File& file, const std::string& group, int depth = 0) {
  file.attribute(group, "env");
  for (const std::string& name : file.list(group)) {
    const std::string full = group + "/" + name;
    if (!file.is_group(full)) {
      file.dtype(full);
      file.read<double>(full, {.max_bytes = 1 << 20});
    } else if (depth < 8) {
      read_everything(file, full, depth + 1);
    }
  }
}

TEST(SplitHdf5Path, FileAndObject) {
  EXPECT_EQ(split_hdf5_path("a/b.h5:/maze/seed_0").file, "a/b.h5");
  EXPECT_EQ(split_hdf5_path("a/b.h5:/maze/seed_0").object, "/maze/seed_0");
  EXPECT_EQ(split_hdf5_path("a:b.h5").file, "a:b.h5");
  EXPECT_EQ(split_hdf5_path("a:b.h5").object, "/");
  const test::TemporaryFolder folder;
  fs::create_directory(folder / "13:");
  std::ofstream(folder / "13:/b.h5") << "";
  EXPECT_EQ(split_hdf5_path((folder / "13:/b.h5").string()).file, (folder / "13:/b.h5").string());
  EXPECT_EQ(split_hdf5_path((folder / "13:/b.h5:/x").string()).object, "/x");
  EXPECT_THAT(reading_error([] { split_hdf5_path(":/x"); }), HasSubstr("names no file"));
  EXPECT_THAT(reading_error([] { split_hdf5_path(""); }), HasSubstr("names no file"));
}

TEST_F(Hdf5, RoundTrip) {
  write_recording(path());
  const Hdf5File file = Hdf5File::open_read(path());
  EXPECT_THAT(file.list("/"), ElementsAre("maze"));
  EXPECT_THAT(file.list("maze/seed_0"),
              ElementsAre("action", "count", "qpos", "reward", "success"));
  EXPECT_EQ(file.shape("/maze/seed_0/action"), (Shape{50, 2}));
  EXPECT_EQ(file.shape("maze/seed_0/count"), Shape{});
  EXPECT_EQ(file.dtype("maze/seed_0/action"), DType::kFloat32);
  EXPECT_EQ(file.dtype("maze/seed_0/qpos"), DType::kFloat64);
  EXPECT_EQ(file.dtype("maze/seed_0/success"), DType::kBool);
  EXPECT_EQ(file.dtype("maze/seed_0/count"), DType::kInt64);
  EXPECT_EQ(file.read<float>("maze/seed_0/action")[99], 99.5F);
  EXPECT_EQ(file.read<double>("maze/seed_0/action", {.shape = Shape{-1, 2}})[99], 99.5);
  EXPECT_EQ(file.read<double>("maze/seed_0/qpos")[101], 101.25);
  EXPECT_THAT(file.read<int64_t>("maze/seed_0/count"), ElementsAre(-9));
  EXPECT_EQ(file.read<double>("maze/seed_0/reward").back(), 49.25);
  const std::vector<uint8_t> success = file.read<uint8_t>("maze/seed_0/success");
  EXPECT_EQ(success[7], 1);
  EXPECT_EQ(std::accumulate(success.begin(), success.end(), 0), 1);
  EXPECT_EQ(file.read<float>("maze/seed_0/success")[7], 1.0F);
  EXPECT_EQ(file.attribute("maze", "env"), "PointMaze é");
  EXPECT_EQ(file.attribute("maze", "none"), std::nullopt);

  std::array<float, 4> rows{};
  file.read_rows("maze/seed_0/action", 10, DType::kFloat32,
                 std::as_writable_bytes(std::span(rows)));
  EXPECT_THAT(rows, ElementsAre(20.5F, 21.5F, 22.5F, 23.5F));
  EXPECT_THAT(reading_error([&] {
                file.read_rows("maze/seed_0/action", 49, DType::kFloat32,
                               std::as_writable_bytes(std::span(rows)));
              }),
              HasSubstr("found 50 rows, expected rows [49, 51)"));
  EXPECT_THAT(reading_error([&] {
                file.read_rows("maze/seed_0/action", 0, DType::kFloat32,
                               std::as_writable_bytes(std::span(rows).first(3)));
              }),
              HasSubstr("12 bytes are not a number of them"));
}

TEST_F(Hdf5, ErrorsNameTheObjectAndItsNeighbours) {
  write_recording(path());
  Hdf5File file = Hdf5File::open_read(path());
  EXPECT_TRUE(file.exists("/"));
  EXPECT_TRUE(file.exists("maze/seed_0/qpos"));
  EXPECT_TRUE(file.is_group("maze"));
  for (const char* name : {"x", "maze/x/y", "maze/seed_0/qpos/x"}) EXPECT_FALSE(file.exists(name));
  EXPECT_THAT(reading_error([&] { file.shape("maze/seed_0/actoin"); }),
              HasSubstr(path() + ":/maze/seed_0: unknown object 'actoin'; did you mean 'action'?"));
  EXPECT_THAT(reading_error([&] { file.shape("maze/seed_0/qpos/x"); }),
              HasSubstr("is not a group"));
  EXPECT_THAT(reading_error([&] { file.shape("maze"); }),
              HasSubstr("is a group, expected a dataset"));
  EXPECT_THAT(reading_error([&] { file.list("maze/seed_0/qpos"); }), HasSubstr("expected a group"));
  EXPECT_THAT(reading_error([&] { file.shape(std::string("maze\0x", 6)); }),
              HasSubstr("zero byte"));
  EXPECT_THAT(reading_error([&] {
                file.read<float>("maze/seed_0/action", {.shape = Shape{-1, 3}});
              }),
              HasSubstr("/maze/seed_0/action: has shape [50, 2], expected [any, 3]"));
  EXPECT_THAT(reading_error([&] { file.read<float>("maze/seed_0/action", {.max_bytes = 399}); }),
              HasSubstr("more than the 399 bytes"));
  EXPECT_THAT(reading_error([&] { file.read<uint8_t>("maze/seed_0/count"); }),
              HasSubstr("holds a value that uint8 cannot hold exactly"));
  EXPECT_THAT(reading_error([&] { file.read<int64_t>("maze/seed_0/qpos"); }),
              HasSubstr("holds a value that int64 cannot hold exactly"));
  EXPECT_THAT(reading_error([&] { file.create_group("x"); }), HasSubstr("not open for writing"));
}

TEST_F(Hdf5, WriteRefusesWhatDoesNotFit) {
  Hdf5File file = Hdf5File::create(path());
  const std::array<float, 4> values{};
  const Shape shape{2, 2};
  const auto write = [&](const Shape& s, const Hdf5WriteOptions& options = {}) {
    return reading_error([&] { file.write<float>("x", s, values, options); });
  };
  EXPECT_THAT(write({2, 3}), HasSubstr("16 bytes given for float32 values of shape [2, 3]"));
  EXPECT_THAT(write({-2, -2}), HasSubstr("[-2, -2]"));
  EXPECT_THAT(write({int64_t{1} << 62, 4, 4}), HasSubstr("16 bytes given"));
  EXPECT_THAT(write(shape, {.gzip = 10}), HasSubstr("gzip is 10"));
  EXPECT_THAT(write(shape, {.chunk = {2}}), HasSubstr("expected 2 lengths"));
  EXPECT_THAT(write(shape, {.chunk = {2, 0}}), HasSubstr("at least 1"));
  EXPECT_EQ(write(shape, {.gzip = 1, .chunk = {100, 1}}), "no error");
  EXPECT_THAT(write(shape), HasSubstr("already exists"));
  const std::array<uint8_t, 4> bools{0, 1, 2, 0};
  EXPECT_THAT(
      reading_error([&] { file.write("b", DType::kBool, shape, std::as_bytes(std::span(bools))); }),
      HasSubstr("element 2 is 2, expected a bool"));
  EXPECT_THAT(reading_error([&] { file.set_attribute("x", "k", std::string("a\0b", 3)); }),
              HasSubstr("zero byte"));
  const Field empty{.name = "e", .shape = {0}};
  EXPECT_THAT(reading_error([&] { file.appender("", empty); }), HasSubstr("at least one element"));
}

TEST_F(Hdf5, AppenderKeepsRowsAcrossChunksAndFlushes) {
  const Field row{.name = "obs", .shape = {3}, .dtype = DType::kFloat32};
  const Field done{.name = "done", .shape = {}, .dtype = DType::kBool};
  std::vector<float> all(3 * 1000);
  std::iota(all.begin(), all.end(), 0.0F);
  const std::vector<uint8_t> flags(1000, 1);
  {
    Hdf5File file = Hdf5File::create(path());
    Hdf5Appender& obs = file.appender("data", row, {.gzip = 1, .chunk = {64, 3}});
    Hdf5Appender& dones = file.appender("data", done);
    std::mt19937 rng(2);
    for (int64_t at = 0; at < 1000;) {
      const int64_t n = std::min<int64_t>(rng() % 150, 1000 - at);
      obs.append({&row, reinterpret_cast<const std::byte*>(all.data() + 3 * at), n});
      dones.append({&done, reinterpret_cast<const std::byte*>(flags.data() + at), n});
      at += n;
      EXPECT_EQ(obs.rows(), at);
      if (rng() % 3 == 0) {
        obs.flush();
        EXPECT_EQ(file.shape("data/obs"), (Shape{at, 3}));
      }
    }
    EXPECT_THAT(reading_error([&] {
                  obs.append({&done, nullptr, 0});
                }),
                HasSubstr("/data/obs: 0 rows of bool [] given, expected rows of float32 [3]"));
    file.commit();
    EXPECT_THAT(reading_error([&] { file.create_group("late"); }),
                HasSubstr("not open for writing"));
  }
  const Hdf5File file = Hdf5File::open_read(path());
  EXPECT_EQ(file.read<float>("data/obs", {.shape = Shape{1000, 3}}), all);
  EXPECT_EQ(file.read<uint8_t>("data/done"), flags);
  EXPECT_EQ(file.dtype("data/done"), DType::kBool);
}

TEST_F(Hdf5, FilesAppearWholeOrNotAtAll) {
  std::ofstream(path()) << "old";
  {
    Hdf5File file = Hdf5File::create(path());
    file.create_group("a");
    EXPECT_EQ(read_bytes(path()), "old");
  }
  EXPECT_EQ(read_bytes(path()), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1)
      << "a temporary file was left";
  write_recording(path());
  write_recording(path("b.h5"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 2);
  EXPECT_EQ(read_bytes(path()), read_bytes(path("b.h5"))) << "the same calls, other bytes";
}

TEST_F(Hdf5, FullDiskIsARunErrorAndLeavesTheOldFile) {
  std::ofstream(path()) << "old";
  rlimit old{};
  getrlimit(RLIMIT_FSIZE, &old);
  const rlimit small{.rlim_cur = 100'000, .rlim_max = old.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  std::optional<ErrorKind> kind;
  try {
    Hdf5File file = Hdf5File::create(path());
    const Field row{.name = "x", .shape = {1000}, .dtype = DType::kFloat64};
    const std::vector<double> values(1000, 1.5);
    Hdf5Appender& appender = file.appender("", row);
    for (int i = 0; i < 100; ++i) {
      appender.append({&row, reinterpret_cast<const std::byte*>(values.data()), 1});
    }
    file.commit();
  } catch (const Error& error) {
    kind = error.kind();
  }
  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(kind, ErrorKind::kRun);
  EXPECT_EQ(read_bytes(path()), "old");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), {}), 1)
      << "a temporary file was left";
  write_recording(path());  // the library still works
  EXPECT_TRUE(Hdf5File::open_read(path()).exists("maze"));
  EXPECT_THROW(Hdf5File::create(path("no/such.h5")), Error);
}

TEST_F(Hdf5, PythonReadsOurs) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  write_recording(path());
  EXPECT_TRUE(python(R"(
with h5py.File(args[0]) as f:
    g = f["maze/seed_0"]
    assert g["success"].dtype == np.bool_ and g["success"][()].nonzero()[0].tolist() == [7]
    assert g["action"].dtype == np.float32
    np.testing.assert_array_equal(g["action"], np.arange(100).reshape(50, 2) + np.float32(0.5))
    np.testing.assert_array_equal(g["qpos"], np.arange(102).reshape(51, 2) + 0.25)
    assert g["qpos"].compression == "gzip" and g["qpos"].compression_opts == 4
    np.testing.assert_array_equal(g["reward"], np.arange(50) + 0.25)
    assert g["reward"].maxshape == (None,)
    assert g["count"].shape == () and g["count"][()] == -9
    assert f["maze"].attrs["env"].decode() == "PointMaze é"
)",
                     path()));
}

TEST_F(Hdf5, WeReadPythons) {
  if (std::system("python3 --version > /dev/null 2>&1") != 0) GTEST_SKIP() << "no python3 here";
  ASSERT_TRUE(python(R"(
with h5py.File(args[0], "w") as f:
    f["bool"] = np.array([[True, False], [False, True]])
    f["u8"] = np.arange(256, dtype=np.uint8)
    f["i16be"] = np.array([-2, 3], ">i2")
    f["f64be"] = np.array([1e300, np.inf, -0.5], ">f8")
    f["u64"] = np.array([2**63], np.uint64)
    f["f16"] = np.zeros(2, np.float16)
    f["text"] = "hello"
    f["null"] = h5py.Empty("f8")
    f["empty"] = np.zeros((0, 4))
    f["compound"] = np.zeros(2, [("a", "f4"), ("b", "i4")])
    f["enum"] = np.zeros(2, h5py.enum_dtype({"A": 0, "B": 1}, "i1"))
    f.create_dataset("packed", data=np.arange(10000.), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("lzf", data=np.arange(100.), compression="lzf")
    f.create_dataset("scaled", data=np.arange(100.), scaleoffset=2)
    f.create_dataset("huge", (1 << 20, 1 << 20), "f8", chunks=(64, 64))
    f.create_dataset("vast", (1 << 31, 1 << 31, 1 << 31), "f8", chunks=(1, 1, 1))
    f.create_dataset("big_chunk", (1, 1), "f4", chunks=(1 << 14, 1 << 15), maxshape=(None, None))
    f.create_group("later")
    f["later/x"] = h5py.SoftLink("/bool")
    f["cycle"] = h5py.SoftLink("/cycle2")
    f["cycle2"] = h5py.SoftLink("/cycle")
    f["nowhere"] = h5py.SoftLink("/nothing")
    f["outside"] = h5py.ExternalLink(args[1], "/secret")
    f["via"] = h5py.SoftLink("/outside")
    f["type"] = np.dtype("f4")
    f.create_dataset("raw", (2,), "f8", external=[(args[1], 0, 16)])
    layout = h5py.VirtualLayout((2,), "f8")
    layout[:] = h5py.VirtualSource(args[1], "secret", (2,))
    f.create_virtual_dataset("virtual", layout)
    f.attrs["str"] = "vär"
    f.attrs["fixed"] = np.bytes_("vär".encode())
    f.attrs["number"] = 3
    f.attrs["many"] = ["a", "b"]
with h5py.File(args[1], "w") as f:
    f["secret"] = np.zeros(2)
)",
                     path() + " " + path("other.h5")));
  const Hdf5File file = Hdf5File::open_read(path());
  EXPECT_THAT(file.read<uint8_t>("bool"), ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(file.read<uint8_t>("later/x"), ElementsAre(1, 0, 0, 1));
  EXPECT_EQ(file.read<uint8_t>("u8")[255], 255);
  EXPECT_EQ(file.dtype("i16be"), DType::kInt64);
  EXPECT_THAT(file.read<int64_t>("i16be"), ElementsAre(-2, 3));
  EXPECT_THAT(file.read<double>("f64be"), ElementsAre(1e300, HUGE_VAL, -0.5));
  EXPECT_THAT(file.read<float>("f64be"), ElementsAre(HUGE_VALF, HUGE_VALF, -0.5F));
  EXPECT_EQ(file.read<double>("packed")[9999], 9999.0);
  EXPECT_EQ(file.read<double>("lzf")[99], 99.0);
  EXPECT_EQ(file.shape("empty"), (Shape{0, 4}));
  EXPECT_TRUE(file.read<double>("empty").empty());
  EXPECT_EQ(file.attribute("/", "fixed"), "vär");
  EXPECT_EQ(file.shape("vast"), (Shape{1LL << 31, 1LL << 31, 1LL << 31}));
  EXPECT_FALSE(file.exists("nowhere"));

  const auto refused = [&](const char* name, const char* message) {
    EXPECT_THAT(reading_error([&] { file.read<double>(name); }),
                testing::AllOf(HasSubstr(message), HasSubstr(path()), HasSubstr(name)));
  };
  EXPECT_THAT(reading_error([&] { file.read<int64_t>("u64"); }), HasSubstr("cannot hold exactly"));
  refused("f16", "floats other than");
  refused("text", "holds text, expected bool");
  refused("null", "null dataspace");
  refused("compound", "holds compounds");
  refused("enum", "an enumeration other than h5py's bool");
  refused("scaled", "filter 6");
  refused("huge", "more than the 8589934592 bytes");
  refused("vast", "more than the 8589934592 bytes");
  refused("type", "expected a dataset");
  refused("cycle", "cannot be followed");
  refused("nowhere", "leads nowhere");
  refused("outside", "out of this file");
  refused("via", "out of this file");
  refused("raw", "other files, which is refused");
  refused("virtual", "other files, which is refused");
  EXPECT_THAT(reading_error([&] { file.read<float>("big_chunk", {.max_bytes = 1 << 30}); }),
              HasSubstr("chunks of shape [16384, 32768]"));
  EXPECT_THAT(reading_error([&] { file.attribute("/", "str"); }), HasSubstr("variable length"));
  EXPECT_THAT(reading_error([&] { file.attribute("/", "number"); }), HasSubstr("not one text"));
  EXPECT_THAT(reading_error([&] { file.attribute("/", "many"); }), HasSubstr("not one text"));
}

TEST_F(Hdf5, NotAFile) {
  const auto open = [&](const std::string& name) {
    return reading_error([&] { Hdf5File::open_read(path(name)); });
  };
  EXPECT_THAT(open("none"), HasSubstr("no such file"));
  EXPECT_THAT(open(""), HasSubstr("not a regular file"));
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_THAT(open("pipe"), HasSubstr("not a regular file"));
  std::ofstream(path("text")) << std::string(5000, 'x');
  EXPECT_THAT(open("text"), HasSubstr("is not an HDF5 file"));
  std::ofstream(path("empty")).close();
  EXPECT_THAT(open("empty"), HasSubstr("is not an HDF5 file"));
  EXPECT_THAT(reading_error([&] { Hdf5File::create(folder_.path().string()); }),
              HasSubstr("not a regular file"));
}

TEST_F(Hdf5, TruncatedFilesAreRefused) {
  write_recording(path());
  const std::string whole = read_bytes(path());
  for (size_t size = 0; size < whole.size(); size += 1 + size / 16) {
    std::ofstream(path("cut"), std::ios::binary) << whole.substr(0, size);
    EXPECT_NE(reading_error([&] { read_everything(Hdf5File::open_read(path("cut")), ""); }),
              "no error")
        << size << " of " << whole.size();
  }
}

// HDF5 1.10.8 copies as many bytes as the file declares for an enumeration's value.
TEST_F(Hdf5, FileThatCrashesTheLibraryIsRefused) {
  write_recording(path());
  std::string bytes = read_bytes(path());
  const size_t names = bytes.find(std::string("FALSE\0\0\0TRUE", 12));
  ASSERT_NE(names, std::string::npos);
  bytes[names - 6] = 0x32;  // third byte of the value's size
  std::ofstream(path(), std::ios::binary) << bytes;
  EXPECT_THAT(reading_error([&] { Hdf5File::open_read(path()); }),
              HasSubstr(path() + ": is damaged: HDF5 crashes on it"));
}

TEST_F(Hdf5, FlippedBytesGiveAnErrorOrValues) {
  write_recording(path());
  const std::string whole = read_bytes(path());
  std::mt19937 rng(3);  // raw draws are the same everywhere
  int refused = 0;
  constexpr int kTrials = 600;
  for (int trial = 0; trial < kTrials; ++trial) {
    std::string bytes = whole;
    const int flips = 1 + static_cast<int>(rng() % 4);
    for (int i = 0; i < flips; ++i) bytes[rng() % bytes.size()] = static_cast<char>(rng() % 256);
    std::ofstream(path("flipped"), std::ios::binary) << bytes;
    try {
      read_everything(Hdf5File::open_read(path("flipped")), "");
    } catch (const Error& error) {
      ASSERT_EQ(error.kind(), ErrorKind::kInput) << error.what();
      ++refused;
    }
  }
  EXPECT_GT(refused, kTrials / 20);
  EXPECT_LT(refused, kTrials);
}

TEST_F(Hdf5, ThreadsTakeTurns) {
  write_recording(path());
  std::vector<std::thread> threads;
  std::atomic<int> wrong{0};
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const Hdf5File file = Hdf5File::open_read(path());
        if (file.read<double>("maze/seed_0/qpos")[101] != 101.25) ++wrong;
        if (file.exists("x")) ++wrong;
        write_recording(path(fmt::format("thread_{}.h5", t)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace reverie
