#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/error.h"
#include "core/spec.h"

namespace reverie {

// Whether the row holds the bytes of a JPEG or PNG file. Such bytes look like numbers, and learning
// from them would silently go wrong.
inline bool is_picture_file(const Field& field, std::span<const std::byte> row) {
  constexpr std::byte kJpeg[] = {std::byte{0xff}, std::byte{0xd8}, std::byte{0xff}};
  constexpr std::byte kPng[] = {std::byte{0x89}, std::byte{'P'}, std::byte{'N'}, std::byte{'G'}};
  const auto begins_with = [&](std::span<const std::byte> magic) {
    return row.size() > magic.size() && std::equal(magic.begin(), magic.end(), row.begin());
  };
  return field.dtype == DType::kUInt8 && field.shape.size() == 1 &&
         (begins_with(kJpeg) || begins_with(kPng));
}

// Throws Error(kInput) for such a row. where: file and array.
inline void refuse_picture_file(const std::string& where, const Field& field,
                                std::span<const std::byte> row) {
  REVERIE_CHECK(!is_picture_file(field, row),
                "{}: holds the bytes of JPEG or PNG files, expected the pictures' own numbers "
                "[height, width, channels]; unpack them first (Minari: jpeg_encoding=False)",
                where);
}

}  // namespace reverie
