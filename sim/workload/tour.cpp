#include "sim/workload/tour.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/workload/tourist.h"
#include "sim/world/guests.h"

namespace perdure::sim {

TourOptions tour_options(Experiment& experiment, TourOptions options) {
  const auto number = [&](const std::string& name, std::uint32_t otherwise) {
    return static_cast<std::uint32_t>(experiment.setting("tour." + name, otherwise));
  };
  options.tourists = number("tourists", options.tourists);
  options.sights = number("sights", options.sights);
  options.keys = std::max(number("keys", options.keys), 1u);
  return options;
}

Tour::Tour(Experiment& experiment, TourOptions options, const History& history, Journals& journals)
    : experiment_(experiment),
      options_(std::move(options)),
      history_(history),
      journals_(journals),
      model_([this](Finding finding) { experiment_.report(std::move(finding)); }) {
  journals_.lives_again("Fleeting");
  // Drawn once and written down: of a schedule the kinds that were drawn are not known.
  const faults::Swarm& drawn = experiment_.swarm();
  const bool may_err =
      drawn.has(faults::Kind::clock_step) || drawn.has(faults::Kind::clock_offset) ||
      drawn.has(faults::Kind::clock_wobble) || drawn.has(faults::Kind::clock_drift);
  clocks_may_err_ = experiment_.setting("limit.clocks_may_err", may_err ? 1 : 0) != 0;
}

Tour::~Tour() = default;

void Tour::report(std::string_view check, std::string_view subject, std::string detail) {
  experiment_.report(
      {.check = std::string(check), .subject = std::string(subject), .detail = std::move(detail)});
}

// Whether time on every host is the time of the world.
bool Tour::clocks_are_right() const { return !clocks_may_err_ && !clocks_jumped(); }

bool Tour::clocks_jumped() const {
  return std::ranges::any_of(options_.nodes, [this](const std::string& node) {
    return experiment_.universe().host(node).clocks().stepped();
  });
}

void Tour::start() {
  walking_ = options_.tourists;
  for (std::uint32_t i = 1; i <= options_.tourists; ++i) {
    experiment_.universe()
        .add_host({.name = fmt::format("tourist{}", i), .helper = true})
        .start(on_shard_0([this, i](io::World& world) { Tourist(*this, world, i).walk(); }));
  }
}

void Tour::start_probing() {
  constexpr std::uint32_t probes = 3;
  probing_ = probes;
  for (std::uint32_t i = 1; i <= probes; ++i) {
    experiment_.universe()
        .add_host({.name = fmt::format("probe{}", i), .helper = true})
        .start(on_shard_0([this, i](io::World& world) { Tourist(*this, world, i).probe(); }));
  }
}

void Tour::start_reading() {
  experiment_.universe()
      .add_host({.name = "guide", .helper = true})
      .start(on_shard_0([this](io::World& world) { Tourist(*this, world, 0).read(); }));
}

}  // namespace perdure::sim
