#include "faults/drawer.h"

#include <algorithm>
#include <cmath>

namespace perdure::faults {

namespace {

double badness_of(Profile profile) {
  switch (profile) {
    case Profile::calm: return 0.1;
    case Profile::mild: return 0.4;
    case Profile::rough: return 1;
    case Profile::hostile: return 2;
  }
  UNREACHABLE();
}

}  // namespace

std::string_view name_of(Profile profile) {
  switch (profile) {
    case Profile::calm: return "calm";
    case Profile::mild: return "mild";
    case Profile::rough: return "rough";
    case Profile::hostile: return "hostile";
  }
  UNREACHABLE();
}

Drawer::Drawer(io::Random& random, std::string_view kind, Profile profile)
    : random_(random), stream_("fault." + std::string(kind)), badness_(badness_of(profile)) {}

double Drawer::unit() { return static_cast<double>(random_.draw(stream_) >> 11) * 0x1.0p-53; }

double Drawer::magnitude(double low, double high) {
  const double top = std::max(low, high * badness_);
  return low * std::pow(top / low, unit());
}

Duration Drawer::span(Duration low, Duration high) {
  const auto micros = [](Duration span) {
    return std::chrono::duration<double, std::micro>(span).count();
  };
  return std::chrono::microseconds(
      static_cast<std::int64_t>(magnitude(std::max(micros(low), 1.0), micros(high))));
}

Drawer::Link Drawer::link(const Victims& victims) {
  std::vector<std::string> all = victims.nodes;
  all.insert(all.end(), victims.helpers.begin(), victims.helpers.end());
  Link link = {.from = one_of(victims.nodes), .to = one_of(all)};
  if (coin()) std::swap(link.from, link.to);
  return link;
}

std::string Drawer::side(const Victims& victims) {
  // One node alone as often as some set of them.
  if (victims.nodes.size() == 1 || coin()) return one_of(victims.nodes);
  std::string side;
  for (const std::string& node : victims.nodes) {
    if (coin()) side += (side.empty() ? "" : " ") + node;
  }
  return side.empty() ? victims.nodes.front() : side;
}

std::optional<std::uint64_t> Drawer::turn_cut() {
  if (coin(0.3)) return std::nullopt;
  return coin() ? below(4) : below(40);
}

Duration Drawer::restart() { return span(std::chrono::milliseconds(1), std::chrono::seconds(10)); }

std::vector<std::string> names_in(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t space = std::min(text.find(' '), text.size());
    if (space > 0) names.emplace_back(text.substr(0, space));
    text.remove_prefix(std::min(space + 1, text.size()));
  }
  return names;
}

}  // namespace perdure::faults
