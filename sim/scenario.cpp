#include "sim/scenario.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "sim/world/random.h"

namespace perdure::sim {

namespace {

constexpr std::uint64_t faults_entity = 0xFA17;

std::string_view name_of(Pick pick) {
  switch (pick) {
    case Pick::first: return "first";
    case Pick::any: return "any";
    case Pick::priority: return "priority";
  }
  return "?";
}

}  // namespace

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

Experiment::Experiment(const Config& config, const std::set<faults::Kind>& forbidden)
    : config_(config) {
  std::set<faults::Kind> all_forbidden = forbidden;
  all_forbidden.insert(config.forbidden.begin(), config.forbidden.end());
  AddressedRandom random(config.seed, faults_entity);
  swarm_ = faults::draw_swarm(random, all_forbidden);
  universe_ = std::make_unique<Universe>(UniverseOptions{
      .seed = config.seed, .weather = faults::draw_weather(random, swarm_), .limits = {}});
  if (config.tell) universe_->recorder.tell(config.tell, config.tell_from_event);
  if (config.break_at_event > 0) {
    universe_->loop.break_at(config.break_at_event, config.break_reached);
  }
}

bool Experiment::chaos(const faults::Victims& victims, Duration lasts) {
  CHECK(nemesis_ == nullptr);
  AddressedRandom random(config_.seed, faults_entity + 1);
  nemesis_ = std::make_unique<Nemesis>(
      *universe_,
      config_.schedule ? *config_.schedule : faults::draw_schedule(random, swarm_, victims, lasts));
  nemesis_->begin();
  universe_->loop.run(universe_->loop.now() + nanos(lasts));
  return !universe_->loop.stopped();
}

bool Experiment::heal(Duration within, const std::function<bool()>& done) {
  if (universe_->loop.stopped()) return false;
  if (nemesis_) nemesis_->heal();
  if (universe_->run_until(universe_->loop.now() + nanos(within), done)) return true;
  if (!universe_->loop.stopped()) {
    report({.check = "liveness.stuck",
            .subject = "heal",
            .detail = fmt::format("not finished {} s after the world was healed\n{}",
                                  std::chrono::duration_cast<std::chrono::seconds>(within).count(),
                                  universe_->waiting())});
  }
  return false;
}

Verdict Experiment::verdict() const {
  const Loop& loop = universe_->loop;
  return {.finding = loop.finding(),
          .digest = loop.digest().hex(),
          .digest_blocks = loop.digest().blocks(),
          .events = loop.event(),
          .time = loop.now(),
          .drawn = fmt::format("{}; picks {}; {} misfortunes{}", show(swarm_),
                               name_of(universe_->pick()), nemesis_ ? nemesis_->inflicted() : 0,
                               universe_->http_over_streams() ? "; framed http" : ""),
          .marks = universe_->recorder.marks()};
}

}  // namespace perdure::sim
