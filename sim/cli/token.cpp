#include "sim/cli/token.h"

#include <fmt/format.h>

#include <charconv>
#include <fstream>
#include <iterator>

#include "engine/base/bytes.h"

namespace perdure::sim::cli {

std::string Token::text() const { return fmt::format("S1-{}-{}-{}", build, scenario, seed); }

Result<Token> Token::from_text(std::string_view text) {
  const auto bad = [&] { return fail(Code::invalid, "not a token: " + std::string(text)); };
  if (!text.starts_with("S1-")) return bad();
  const std::size_t build_end = text.find('-', 3);
  const std::size_t seed_at = text.rfind('-');
  if (build_end == text.npos || seed_at <= build_end) return bad();
  Token token = {.build = std::string(text.substr(3, build_end - 3)),
                 .scenario = std::string(text.substr(build_end + 1, seed_at - build_end - 1))};
  const std::string_view digits = text.substr(seed_at + 1);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), token.seed);
  if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return bad();
  return token;
}

const std::string& build_id() {
  static const std::string id = [] {
    std::ifstream self("/proc/self/exe", std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(self)), {});
    return fmt::format("{:08x}", hash64(bytes) >> 32);
  }();
  return id;
}

}  // namespace perdure::sim::cli
