// engine/base/bytes.h
//
// Bytes are std::string: owned, movable, and every library here takes them.  A view
// of them is std::string_view.  Integers that are compared as bytes (table keys,
// wire headers) are big-endian; put_be and get_be are the only places that know.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "engine/base/check.h"

namespace perdure {

template <std::unsigned_integral Int>
void put_be(std::string& out, Int value) {
  for (int shift = (sizeof(Int) - 1) * 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<unsigned char>(value >> shift)));
  }
}

// Reads the first sizeof(Int) bytes; the caller has made sure that they are there.
template <std::unsigned_integral Int>
Int get_be(std::string_view bytes) {
  CHECK(bytes.size() >= sizeof(Int));
  Int value = 0;
  for (std::size_t i = 0; i < sizeof(Int); ++i) {
    value = static_cast<Int>((value << 7 << 1) | static_cast<unsigned char>(bytes[i]));
  }
  return value;
}

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// XXH3-64, seed 0 unless given.  Not for strangers' input where they could gain by
// collisions: those go through SHA-256.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace perdure
