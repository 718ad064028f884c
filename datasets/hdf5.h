#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/spec.h"

namespace reverie {

// Recordings and datasets as HDF5 files in the layout that h5py writes: numeric datasets in groups,
// bool as h5py's enumeration {FALSE, TRUE} over int8.
//
// Files are treated as hostile: shapes are checked before memory is allocated; links out of the
// file, datasets stored in other files and filter plugins are refused (Blosc and LZF are built in);
// and a file that crashes the library is detected in a child process first (see hdf5_library.h).
// That keeps a damaged file from ending a run, but it is no sandbox against a file made to exploit
// the library. Every Error names the file and the object in it. All functions may be called from
// any thread; a global lock serialises them, because the library does not run in parallel.

// The two halves of "file.h5:/group". Without ":/", or when a file has that whole name, the object
// is the root, "/".
struct Hdf5Path {
  std::string file;
  std::string object;  // starts with '/'
};

// Throws Error(kInput) when the file name is empty.
Hdf5Path split_hdf5_path(std::string_view argument);

// What the caller of a read accepts; anything else is Error(kInput) before memory is allocated.
struct Hdf5Expected {
  std::optional<std::vector<int64_t>> shape = {};  // -1 is any length; nullopt is any shape
  int64_t max_bytes = int64_t{8} << 30;            // of the values in memory, and of one chunk
};

struct Hdf5WriteOptions {
  int gzip = 0;                     // 0 = not compressed, 1 fast .. 9 small; with byte shuffling
  std::vector<int64_t> chunk = {};  // one length per axis; empty = rows of about 256 KiB if needed
};

class Hdf5Appender;

namespace hdf5 {
struct OpenFile;
}

// One open file, either for reading or for writing. Names are paths inside it, "group/dataset",
// with or without a leading '/'.
class Hdf5File {
 public:
  // Throws Error(kInput) when the file is missing, not HDF5, truncated or damaged.
  static Hdf5File open_read(const std::string& path);

  // Starts a file that appears at `path` complete, on commit(), or not at all; the same calls give
  // the same bytes. A symbolic link at `path` stays, and the file is created at its target. Throws
  // Error(kInput) when the path is a folder, pipe or device, Error(kRun) when it cannot be created.
  static Hdf5File create(const std::string& path);

  // Likewise with the caller's name for the unfinished file, which people find after the process
  // was killed. Throws Error(kInput) when it already exists.
  static Hdf5File create(const std::string& path, const std::string& unfinished);

  Hdf5File(Hdf5File&&) noexcept;
  Hdf5File& operator=(Hdf5File&&) noexcept;
  ~Hdf5File();  // discards a created file that was not committed

  const std::string& path() const;

  // Flushes the appenders, closes, syncs and renames. It must be the last call.
  // Throws Error(kRun) when the disk fails; the path then keeps its old content.
  void commit();

  // Hands everything written so far to the system, except rows that do not fill a chunk yet. A
  // process killed later leaves an unfinished file that can be opened. Rows are not synced to disk.
  // Throws Error(kRun) when the disk fails.
  void save_progress();

  // Names directly in the group, in byte order ("seed_10" before "seed_2").
  std::vector<std::string> list(const std::string& group) const;

  // Whether there is a group or dataset of that name.
  bool exists(const std::string& name) const;
  bool is_group(const std::string& name) const;

  // {} is a scalar.
  std::vector<int64_t> shape(const std::string& name) const;

  // The best dtype for reading the dataset: integers other than uint8 as int64, IEEE float32 and
  // float64 as themselves. Throws Error(kInput) for text, compounds, other enumerations and other
  // floats.
  DType dtype(const std::string& name) const;

  // Throws Error(kInput) when the values take far more memory than the file stores for them, which
  // no compression of real data achieves. read() checks it; callers of read_rows() call it once
  // themselves.
  void check_stored(const std::string& name) const;

  // All values in row-major order; T is uint8_t (also for bool), int64_t, float or double. Values
  // are converted: to an integer exactly or with Error(kInput), to a float with rounding, beyond
  // its range to infinity.
  template <typename T>
  std::vector<T> read(const std::string& name, const Hdf5Expected& expected = {}) const {
    std::vector<T> values(checked_count(name, expected, sizeof(T)));
    read_values(name, element_dtype<T>(), std::as_writable_bytes(std::span(values)));
    return values;
  }

  // Rows [first, first + n) of the first axis into the caller's memory, n * row elements of `dtype`
  // (bool: bytes that are 0 or 1); `out` determines the number of rows. Throws Error(kInput) when
  // the range leaves the dataset or `out` is not a whole number of rows.
  void read_rows(const std::string& name, int64_t first, DType dtype,
                 std::span<std::byte> out) const;

  // Creates a dataset and the groups above it. `values` holds the whole array, row-major, of dtype;
  // scalars and empty arrays are stored plainly whatever the options say. Throws Error(kInput) when
  // the name exists, the size does not fit or a bool is not 0 or 1; Error(kRun) when the disk
  // fails.
  void write(const std::string& name, DType dtype, std::span<const int64_t> shape,
             std::span<const std::byte> values, const Hdf5WriteOptions& options = {});

  // The same for uint8_t, int64_t, float and double.
  template <typename T>
  void write(const std::string& name, std::span<const int64_t> shape, std::span<const T> values,
             const Hdf5WriteOptions& options = {}) {
    write(name, element_dtype<T>(), shape, std::as_bytes(values), options);
  }

  void create_group(const std::string& name);

  // Creates a dataset [0, row.shape...] named group/row.name that grows by rows. The file owns it:
  // the reference is valid until commit() or the file's end. options.chunk, if given, covers all
  // axes.
  Hdf5Appender& appender(const std::string& group, const Field& row,
                         const Hdf5WriteOptions& options = {});

  // Text attributes of a group or dataset, UTF-8 of fixed length: h5py shows them as numpy.bytes_.
  // Reading gives nullopt when there is none of that name, and Error(kInput) when it is not a
  // single text or has variable length (h5py's str), which the library cannot read safely from a
  // damaged file.
  std::optional<std::string> attribute(const std::string& object, const std::string& key) const;
  void set_attribute(const std::string& object, const std::string& key, const std::string& text);

  // Likewise for one 64-bit integer. Reading gives nullopt for an attribute of another kind;
  // unsigned ones are returned as the same 64 bits.
  std::optional<int64_t> integer_attribute(const std::string& object, const std::string& key) const;
  void set_attribute(const std::string& object, const std::string& key, int64_t value);

 private:
  explicit Hdf5File(std::unique_ptr<hdf5::OpenFile> open);

  // `type` is a library handle, used on disk and in memory.
  void put_attribute(const std::string& object, const std::string& key, int64_t type,
                     const void* value);

  template <typename T>
  static constexpr DType element_dtype() {
    static_assert(holds<T>(DType::kUInt8) || holds<T>(DType::kInt64) || holds<T>(DType::kFloat32) ||
                  holds<T>(DType::kFloat64));
    if (holds<T>(DType::kInt64)) return DType::kInt64;
    if (holds<T>(DType::kFloat32)) return DType::kFloat32;
    if (holds<T>(DType::kFloat64)) return DType::kFloat64;
    return DType::kUInt8;
  }

  // The number of elements, after every check against `expected`.
  size_t checked_count(const std::string& name, const Hdf5Expected& expected,
                       size_t element_bytes) const;
  void read_values(const std::string& name, DType dtype, std::span<std::byte> out) const;

  std::unique_ptr<hdf5::OpenFile> open_;
};

// A dataset that grows by rows, made by Hdf5File::appender(). Rows are collected in memory until
// they fill a chunk.
class Hdf5Appender {
 public:
  Hdf5Appender(const Hdf5Appender&) = delete;
  Hdf5Appender& operator=(const Hdf5Appender&) = delete;
  ~Hdf5Appender();

  // Appends rows.count rows. Throws Error(kInput) when their shape or dtype differs or a bool is
  // not 0 or 1, and Error(kRun) when the disk fails.
  void append(ConstFieldView rows);

  // Hands the collected rows to HDF5, as commit() does too.
  void flush();

  int64_t rows() const { return rows_; }  // appended so far

 private:
  friend class Hdf5File;

  Hdf5Appender(const hdf5::OpenFile& file, std::string name, const Field& row, int64_t chunk_rows,
               int64_t dataset);

  void write_pending();

  const hdf5::OpenFile& file_;
  std::string name_;
  Field row_;
  int64_t chunk_rows_;
  int64_t dataset_;  // HDF5's handle, owned
  int64_t rows_ = 0;
  std::vector<std::byte> pending_;  // the last rows, not in the file yet
};

}  // namespace reverie
