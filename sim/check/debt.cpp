#include "sim/check/debt.h"

#include <fmt/format.h>

#include <array>
#include <map>

#include "engine/tables/keys.h"

namespace perdure::sim {

namespace {

struct Pending {
  tables::Kind kind;
  std::string_view name;
};
constexpr std::array pending = {
    Pending{tables::Kind::live, "live invocations"}, Pending{tables::Kind::lock, "locks"},
    Pending{tables::Kind::outbox, "messages to be sent"}, Pending{tables::Kind::timer, "timers"}};

}  // namespace

std::string debt_in(const TableStore& store, std::uint64_t abandoned) {
  std::string debt;
  std::uint64_t live = 0;
  for (const auto& [family, rows] : store.families) {
    for (const Pending& each : pending) {
      const tables::KeyRange range = tables::all_of(each.kind);
      const auto count = std::distance(rows->lower_bound(range.from), rows->lower_bound(range.to));
      if (each.kind == tables::Kind::live) live += static_cast<std::uint64_t>(count);
      if (each.kind == tables::Kind::live && live <= abandoned) continue;
      if (count > 0) debt += fmt::format("{}: {} {}; ", family, count, each.name);
    }
  }
  return debt;
}

}  // namespace perdure::sim
