#include "engine/wire/codec.h"

#include <algorithm>

namespace perdure::wire::detail {

void show_bytes(std::string& out, std::string_view bytes) {
  const bool printable = std::ranges::all_of(bytes, [](char c) { return c >= ' ' && c <= '~'; });
  if (printable) {
    out.append("'").append(bytes).append("'");
    return;
  }
  constexpr char digits[] = "0123456789abcdef";
  out += "0x";
  for (const char c : bytes) {
    out += digits[static_cast<unsigned char>(c) >> 4];
    out += digits[static_cast<unsigned char>(c) & 15];
  }
}

}  // namespace perdure::wire::detail
