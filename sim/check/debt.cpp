#include "sim/check/debt.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/tables/keys.h"

namespace perdure::sim {

namespace {

using tables::Kind;

constexpr std::size_t id_bytes = 24;

// A sweep begins when an hour is over, and takes a few records.
constexpr std::chrono::milliseconds sweeping_at_most = std::chrono::minutes(1);

std::string_view pending(Kind kind) {
  switch (kind) {
    case Kind::lock: return "locks";
    case Kind::outbox: return "messages to be sent";
    case Kind::timer: return "timers";
    default: return "";
  }
}

}  // namespace

void Debt::see(std::string_view family, std::string_view key) {
  const auto kind = static_cast<Kind>(key.front());
  std::string_view what = pending(kind);
  switch (kind) {
    case Kind::live:
      if (++live_ > abandoned_) what = "live invocations";
      known_.emplace(key.substr(1, id_bytes));
      break;
    case Kind::ended: known_.emplace(key.substr(1, id_bytes)); break;
    case Kind::journal: remains_.emplace(key.substr(1, id_bytes)); break;
    case Kind::completed:
    case Kind::kept:
    case Kind::long_kept:
      if (tables::end_of(tables::in_bucket(key).bucket) + sweeping_at_most < now_) {
        what = "rows kept too long";
      }
      remains_.emplace(key.substr(1 + sizeof(tables::Bucket), id_bytes));
      break;
    default: break;
  }
  if (!what.empty()) ++counts_[fmt::format("{}: {}", family, what)];
}

std::string Debt::text() const {
  std::string text;
  for (const auto& [what, count] : counts_) text += fmt::format("{} {}; ", what, count);
  const auto of_nobody = std::ranges::count_if(
      remains_, [this](const std::string& id) { return !known_.contains(id); });
  if (of_nobody > 0) text += fmt::format("remains of nobody {}; ", of_nobody);
  return text;
}

}  // namespace perdure::sim
