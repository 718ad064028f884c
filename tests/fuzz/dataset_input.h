#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace reverie::fuzz {

// A folder in memory that belongs to this process, empty at the beginning of every input.
const std::filesystem::path& clean_folder();

void write(const std::filesystem::path& file, std::span<const uint8_t> bytes);

// Opens the dataset and reads every episode, as every command does. It may be read or refused with
// an Error(kInput); anything else ends the process.
void read_dataset(const std::filesystem::path& path);

}  // namespace reverie::fuzz
