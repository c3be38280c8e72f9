#include "sim/shrink/shrink.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "faults/catalogue.h"

namespace perdure::sim {

using std::chrono::duration_cast;
using std::chrono::milliseconds;

bool Shrinker::accept(const std::string& step, Plan candidate) {
  if (!fails_(candidate)) return false;
  plan_ = std::move(candidate);
  tell_(step, plan_);
  return true;
}

Plan Shrinker::shrink() {
  drop_kinds();
  calm_weather();
  simplify_world();
  fewer_misfortunes();
  fewer_mishaps();
  fewer_operations();
  smaller_numbers();
  shorter();
  fewer_misfortunes();
  round();
  return plan_;
}

// Whole kinds at once: most of them have nothing to do with it.
void Shrinker::drop_kinds() {
  Plan bare = plan_;
  bare.misfortunes.clear();
  if (!plan_.misfortunes.empty()) accept("without misfortunes", bare);
  bare = plan_;
  if (bare.mishaps && !bare.mishaps->empty()) {
    bare.mishaps->clear();
    accept("without mishaps", bare);
  }
  std::set<faults::Kind> kinds;
  for (const auto& each : plan_.misfortunes) kinds.insert(kind_of(each.fault));
  for (const faults::Kind kind : kinds) {
    Plan candidate = plan_;
    std::erase_if(candidate.misfortunes,
                  [kind](const auto& each) { return kind_of(each.fault) == kind; });
    accept(fmt::format("without {}", faults::entry(kind).name), std::move(candidate));
  }
  kinds.clear();
  if (!plan_.mishaps) return;
  for (const auto& each : *plan_.mishaps) kinds.insert(each.kind);
  for (const faults::Kind kind : kinds) {
    Plan candidate = plan_;
    std::erase_if(*candidate.mishaps, [kind](const auto& each) { return each.kind == kind; });
    accept(fmt::format("without {}", faults::entry(kind).name), std::move(candidate));
  }
}

void Shrinker::calm_weather() {
  if (plan_.weather.empty()) return;
  Plan fair = plan_;
  fair.weather.clear();
  if (accept("in fair weather", std::move(fair))) return;
  const auto names = plan_.weather;
  for (const auto& [name, value] : names) {
    Plan candidate = plan_;
    candidate.weather.erase(name);
    accept("with ordinary " + name, std::move(candidate));
  }
}

void Shrinker::simplify_world() {
  if (plan_.pick != Pick::first) {
    Plan candidate = plan_;
    candidate.pick = Pick::first;
    accept("fibers in their order", std::move(candidate));
  }
  if (plan_.framed_http != false) {
    Plan candidate = plan_;
    candidate.framed_http = false;
    accept("http at message level", std::move(candidate));
  }
  const auto settings = plan_.settings;
  for (const auto& [name, value] : settings) {
    if (!name.starts_with("handlers.") || value == 0) continue;
    Plan candidate = plan_;
    candidate.settings[name] = 0;
    accept("without " + name, std::move(candidate));
  }
}

void Shrinker::fewer_operations() {
  if (plan_.settings.contains("tour.tourists") && plan_.settings["tour.tourists"] > 0) {
    Plan candidate = plan_;
    candidate.settings["tour.tourists"] = 0;
    accept("without tourists", std::move(candidate));
  }
  // Fewer clients first: halves what there is to leave out.
  while (plan_.settings.contains("workload.clients") && plan_.settings["workload.clients"] > 1) {
    Plan candidate = plan_;
    candidate.settings["workload.clients"] /= 2;
    if (!accept("fewer clients", std::move(candidate))) break;
  }
  if (!plan_.settings.contains("workload.clients") ||
      !plan_.settings.contains("workload.operations")) {
    return;
  }
  std::vector<std::string> tokens;
  for (std::uint64_t c = 1; c <= plan_.settings["workload.clients"]; ++c) {
    for (std::uint64_t n = 1; n <= plan_.settings["workload.operations"]; ++n) {
      tokens.push_back(fmt::format("c{}-{}", c, n));
    }
  }
  std::erase_if(tokens, [this](const std::string& token) {
    return std::ranges::find(plan_.skipped, token) != plan_.skipped.end();
  });
  const auto without_others = [&](const std::vector<std::string>& kept) {
    Plan candidate = plan_;
    for (const std::string& token : tokens) {
      if (std::ranges::find(kept, token) == kept.end()) candidate.skipped.push_back(token);
    }
    return candidate;
  };
  const auto kept = minimal<std::string>(
      tokens, [&](const std::vector<std::string>& some) { return fails_(without_others(some)); });
  if (kept.size() < tokens.size()) {
    accept(fmt::format("{} operations", kept.size()), without_others(kept));
  }
}

void Shrinker::fewer_misfortunes() {
  const auto with = [this](const faults::Schedule& some) {
    Plan candidate = plan_;
    candidate.misfortunes = some;
    return candidate;
  };
  const auto kept = minimal<faults::Misfortune>(
      plan_.misfortunes, [&](const faults::Schedule& some) { return fails_(with(some)); });
  if (kept.size() < plan_.misfortunes.size()) {
    accept(fmt::format("{} misfortunes", kept.size()), with(kept));
  }
}

void Shrinker::fewer_mishaps() {
  if (!plan_.mishaps || plan_.mishaps->empty()) return;
  const auto with = [this](const std::vector<faults::Mishap>& some) {
    Plan candidate = plan_;
    candidate.mishaps = some;
    return candidate;
  };
  const auto kept = minimal<faults::Mishap>(
      *plan_.mishaps, [&](const std::vector<faults::Mishap>& some) { return fails_(with(some)); });
  if (kept.size() < plan_.mishaps->size()) {
    accept(fmt::format("{} mishaps", kept.size()), with(kept));
  }
}

void Shrinker::smaller_numbers() {
  const auto lower = [this](const std::string& name, std::uint64_t least) {
    while (plan_.settings.contains(name) && plan_.settings[name] > least) {
      Plan candidate = plan_;
      std::uint64_t& value = candidate.settings[name];
      value = std::max(least, value / 2);
      if (accept("less " + name, std::move(candidate))) continue;
      candidate = plan_;
      --candidate.settings[name];
      if (!accept("less " + name, std::move(candidate))) return;
    }
  };
  lower("cluster.nodes", 1);
  lower("cluster.partitions", 1);
  lower("cluster.shards", 1);
  lower("cluster.replication", 1);
  lower("workload.keys", 1);
  lower("workload.operations", 1);
  lower("tour.tourists", 0);
  lower("tour.sights", 1);
}

// What lasts lasts half as long, and the chaos ends after the last misfortune.
void Shrinker::shorter() {
  for (std::size_t i = 0; i < plan_.misfortunes.size(); ++i) {
    while (true) {
      Plan candidate = plan_;
      Duration* lasts = lasting(candidate.misfortunes[i].fault);
      if (lasts == nullptr || *lasts < milliseconds(2)) break;
      *lasts = duration_cast<milliseconds>(*lasts / 2);
      if (!accept("shorter " + show(candidate.misfortunes[i].fault), candidate)) break;
    }
  }
  while (plan_.settings.contains("time.chaos_ms") && plan_.settings["time.chaos_ms"] > 200) {
    Plan candidate = plan_;
    candidate.settings["time.chaos_ms"] /= 2;
    if (!accept("a shorter chaos", std::move(candidate))) return;
  }
}

void Shrinker::round() {
  for (std::size_t i = 0; i < plan_.misfortunes.size(); ++i) {
    for (const int grain_ms : {1000, 100, 10, 1}) {
      Plan candidate = plan_;
      Duration& at = candidate.misfortunes[i].at;
      const Duration whole = milliseconds(at / milliseconds(grain_ms) * grain_ms);
      if (whole == at) break;
      at = whole;
      if (accept("at a round time", std::move(candidate))) break;
    }
  }
}

}  // namespace perdure::sim
