#pragma once

// Private to datasets/hdf5*.cpp: makes the C library safe to call.

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hdf5.h>

#include "core/spec.h"
#include "datasets/array_bytes.h"
#include "datasets/hdf5.h"

namespace reverie {

namespace hdf5 {

// Held around every use of the library, including destruction of handles. Not recursive.
class Library {
 public:
  Library();

 private:
  std::lock_guard<std::mutex> lock_;
};

// The library's reason for the call that just failed: its innermost message.
std::string reason();

// Owns an identifier of any kind.
class Handle {
 public:
  Handle() = default;
  explicit Handle(hid_t id) : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, H5I_INVALID_HID)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(id_, other.id_);
    return *this;
  }
  ~Handle() {
    if (id_ >= 0) H5Idec_ref(id_);
  }

  hid_t get() const { return id_; }
  explicit operator bool() const { return id_ >= 0; }
  hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

 private:
  hid_t id_ = H5I_INVALID_HID;
};

// The state of one Hdf5File.
struct OpenFile {
  std::string path;       // as the user knows it
  std::string target;     // of a created file: where the links at `path` lead
  std::string temporary;  // of a created file: its place until commit(); empty otherwise
  Handle file;
  Handle link_access;  // property list: no link out of the file, few soft links in a row
  std::vector<std::unique_ptr<Hdf5Appender>> appenders;

  OpenFile() = default;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile();  // takes the lock; removes the temporary file

  void close();  // the lock is held
};

// The functions below expect the lock to be held. They throw Error(kInput) that names the file and
// the object.

// "file.h5:/name: what". The second and third are for a library call that just failed and add its
// reason; the third is an Error(kRun).
[[noreturn]] void fail_object(const OpenFile& file, const std::string& name,
                              const std::string& what);
[[noreturn]] void fail_read(const OpenFile& file, const std::string& name, const std::string& what);
[[noreturn]] void fail_write(const OpenFile& file, const std::string& name,
                             const std::string& what);

// Blosc, registered with The HDF Group under this number. stable-worldmodel's published files are
// packed with it. Read only, by the library c-blosc itself; filter plugins stay refused, because
// they are code that a file names.
constexpr H5Z_filter_t kBloscFilter = 32001;
constexpr size_t kBloscChunkBytesAt = 3;  // in the filter's parameters
void register_blosc();

// LZF, which h5py includes (compression='lzf'). Read only, by liblzf.
constexpr H5Z_filter_t kLzfFilter = 32000;
constexpr size_t kLzfChunkBytesAt = 2;  // after the revisions of h5py's filter and of LZF
void register_lzf();

// A property list of the class.
Handle property_list(hid_t property_class);

// Opens file.path.
void open_for_reading(OpenFile& file);

// Creates file.temporary; Error(kRun) when that fails.
void create_file(OpenFile& file);

// Closes file.temporary, which was flushed, and reopens it: the library then frees its memory of
// finished objects. No appender may be open.
void reopen_file(OpenFile& file);

// Throws Error(kInput) when the library crashes or hangs on the file, which a child process tries
// first: 1.10.8 trusts several numbers in a file without checks (an enumeration's, a heap's, a
// tree's), and a damaged recording must not end a run of days. The child does what reading does: it
// visits every object, opens its types and attributes, and reads the first and last rows.
void check_in_child(const std::string& path);

// A group or dataset; for a missing one, an error that lists its neighbours.
Handle open_object(const OpenFile& file, const std::string& name);
bool object_exists(const OpenFile& file, const std::string& name);

// Names in the open group, in byte order.
std::vector<std::string> names_in(const OpenFile& file, const std::string& name,
                                  const Handle& group);

// A dataset whose storage passed every check; its type and size are not checked yet.
struct OpenDataset {
  Handle handle;
  Handle space;
  Handle type;
  std::vector<int64_t> shape;
};
OpenDataset open_dataset(const OpenFile& file, const std::string& name,
                         int64_t max_chunk_bytes = Hdf5Expected{}.max_bytes);

// The dtype to read the dataset as, see Hdf5File::dtype().
DType checked_dtype(const OpenFile& file, const std::string& name, const OpenDataset& dataset);

// The memory type of a dtype (bool: one unsigned byte). Not owned.
hid_t memory_type(DType dtype);

// Throws Error(kInput) unless every byte is 0 or 1.
void check_bools(const OpenFile& file, const std::string& name, std::span<const std::byte> values);

}  // namespace hdf5
}  // namespace reverie
