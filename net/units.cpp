#include "net/units.h"

#include <charconv>
#include <limits>
#include <ranges>
#include <span>

namespace perdure::net {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t size;
};
// From the largest that divides evenly; the first of equal size is the one we write.
constexpr Unit byte_units[] = {
    {"GiB", 1 << 30},  {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1'000'000'000},
    {"MB", 1'000'000}, {"KB", 1'000},    {"B", 1}};
constexpr std::uint64_t millisecond = 1'000'000;
constexpr Unit time_units[] = {{"d", 86'400'000 * millisecond},
                               {"h", 3'600'000 * millisecond},
                               {"m", 60'000 * millisecond},
                               {"s", 1'000 * millisecond},
                               {"ms", millisecond}};

std::unexpected<Error> wrong(std::string_view text, std::string_view what) {
  return fail(Code::invalid, "'" + std::string(text) + "' is not " + std::string(what));
}

// A number and one of the units behind it.  `what` finishes "is not ...".
Result<std::uint64_t> with_unit(std::string_view text, std::span<const Unit> units,
                                std::string_view what) {
  const std::size_t end = text.find_first_not_of("0123456789_");
  const std::string_view name = end == std::string_view::npos ? "" : text.substr(end);
  const auto number = parse_number(text.substr(0, end));
  const auto unit = std::ranges::find(units, name, &Unit::name);
  if (!number || unit == units.end()) return wrong(text, what);
  if (*number > std::uint64_t{std::numeric_limits<std::int64_t>::max()} / unit->size) {
    return fail(Code::invalid, "'" + std::string(text) + "' is too large");
  }
  return *number * unit->size;
}

std::string as_text(std::uint64_t amount, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    const bool even = amount % unit.size == 0;
    if (amount > 0 && even) return std::to_string(amount / unit.size) + std::string(unit.name);
  }
  return std::to_string(amount) + std::string(units.back().name);
}

}  // namespace

Result<std::uint64_t> parse_number(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (c != '_' || digits.empty()) digits += c;
  }
  std::uint64_t number = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stopped, error] = std::from_chars(digits.data(), end, number);
  if (error != std::errc() || stopped != end) return wrong(text, "a whole number");
  return number;
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  if (const auto plain = parse_number(text)) return plain;
  return with_unit(text, byte_units, "a size like 64MiB, 512KB or 4096");
}

Result<Duration> parse_duration(std::string_view text) {
  TRY(nanoseconds, with_unit(text, time_units, "a duration like 500ms, 10s, 5m, 24h or 7d"));
  return std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds));
}

Result<bool> parse_truth(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return wrong(text, "true or false");
}

std::string bytes_as_text(std::uint64_t bytes) { return as_text(bytes, byte_units); }

std::string duration_as_text(Duration duration) {
  return as_text(static_cast<std::uint64_t>(duration.count()), time_units);
}

}  // namespace perdure::net
