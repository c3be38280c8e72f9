#include "faults/catalogue.h"

#include <array>

#include "engine/base/check.h"
#include "faults/fault.h"
#include "faults/kinds_of_weather.h"

namespace perdure::faults {

namespace {

template <class Fault>
constexpr Entry timed() {
  return {Fault::kind, Fault::name, Fault::story, true, Fault::per_minute,
          requires {Fault::loses_data;
}
};  // namespace
}  // namespace perdure::faults
template <class Weather>
constexpr Entry always() {
  return {Weather::kind, Weather::name, Weather::story, false, 0, false};
}

template <class... W, class... F>
constexpr auto list(std::tuple<W...>*, std::variant<F...>*) {
  return std::array{always<W>()..., timed<F>()...};
}

constexpr auto entries = list(static_cast<KindsOfWeather*>(nullptr), static_cast<Fault*>(nullptr));

constexpr bool in_order() {
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].kind != static_cast<Kind>(i)) return false;
  }
  return true;
}
static_assert(in_order(), "Kind, KindsOfWeather and Fault list the same kinds in one order");

}  // namespace

std::span<const Entry> catalogue() { return entries; }

const Entry& entry(Kind kind) {
  const auto index = static_cast<std::size_t>(kind);
  CHECK(index < entries.size());
  return entries[index];
}

const Entry* find(std::string_view name) {
  for (const Entry& each : entries) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

}  // namespace perdure::faults
