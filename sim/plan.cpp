#include "sim/plan.h"

#include <cmath>

namespace perdure::sim {

namespace {

double number(Duration value) { return std::chrono::duration<double, std::micro>(value).count(); }
template <class Number>
double number(Number value) {
  return static_cast<double>(value);
}

void put(double value, Duration& into) {
  into = Duration(static_cast<Duration::rep>(std::llround(value * 1000)));
}
void put(double value, double& into) { into = value; }
template <class Int>
void put(double value, Int& into) {
  into = static_cast<Int>(value < 0 ? 0 : value);
}

}  // namespace

std::string_view name_of(Pick pick) {
  switch (pick) {
    case Pick::first: return "first";
    case Pick::any: return "any";
    case Pick::priority: return "priority";
  }
  UNREACHABLE();
}

std::optional<Pick> pick_named(std::string_view name) {
  for (const Pick pick : {Pick::first, Pick::any, Pick::priority}) {
    if (name == name_of(pick)) return pick;
  }
  return std::nullopt;
}

Plan settle(Plan plan, std::uint64_t seed) {
  for (const auto& [name, range] : plan.ranges) {
    Dice dice(seed, "setting." + name);
    plan.settings[name] = range.low == 0 ? dice.between(range.low, range.high)
                                         : dice.log_between(range.low, range.high);
  }
  plan.ranges.clear();
  return plan;
}

Result<void> apply(const Plan& plan, faults::Weather& weather) {
  std::size_t known = 0;
  faults::Weather::fields(weather, [&](const std::string& name, auto& value) {
    const auto found = plan.weather.find(name);
    if (found == plan.weather.end()) return;
    ++known;
    put(found->second, value);
  });
  if (known == plan.weather.size()) return {};
  const faults::Weather fair;
  std::string names;
  faults::Weather::fields(fair, [&](const std::string& name, const auto&) { names += " " + name; });
  return fail(Code::invalid, "the weather has no such value; it has:" + names);
}

std::map<std::string, double, std::less<>> what_is_unfair(const faults::Weather& weather) {
  std::map<std::string, double, std::less<>> unfair;
  faults::Weather::fields(
      weather, [&](const std::string& name, const auto& value) { unfair[name] = number(value); });
  const faults::Weather fair;
  faults::Weather::fields(fair, [&](const std::string& name, const auto& value) {
    if (unfair[name] == number(value)) unfair.erase(name);
  });
  return unfair;
}

}  // namespace perdure::sim
