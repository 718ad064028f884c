// The log of a run: the input is its metrics.csv.

#include <cstdlib>

#include "core/error.h"
#include "core/run_directory.h"
#include "runs/metrics_table.h"
#include "tests/fuzz/dataset_input.h"

namespace {

std::filesystem::path make_run() {
  const std::filesystem::path folder = reverie::fuzz::clean_folder() / "run";
  const auto run = reverie::RunDirectory::create(folder);
  reverie::fuzz::write(run.config_file(), {});
  run.new_checkpoint(0).publish();
  return folder;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::filesystem::path run = make_run();
  reverie::fuzz::write(run / "metrics.csv", {data, size});
  try {
    const reverie::MetricsTable table = reverie::MetricsTable::read(run);
    if (table.has("step")) table.column("step");
  } catch (const reverie::Error& error) {
    if (error.kind() != reverie::ErrorKind::kInput) std::abort();
  }
  return 0;
}
