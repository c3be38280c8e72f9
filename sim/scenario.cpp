#include "sim/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/check.h"
#include "sim/world/random.h"

namespace perdure::sim {

namespace {

constexpr std::uint64_t faults_entity = 0xFA17;
constexpr std::size_t mishaps_kept = 100'000;

faults::SwarmRules rules_of(const Config& config, const std::set<faults::Kind>& forbidden) {
  faults::SwarmRules rules = config.plan.rules;
  rules.forbid.insert(forbidden.begin(), forbidden.end());
  rules.forbid.insert(config.forbidden.begin(), config.forbidden.end());
  return rules;
}

}  // namespace

const Scenario* find_scenario(std::string_view name) {
  for (const Scenario& scenario : scenarios()) {
    if (scenario.name == name) return &scenario;
  }
  return nullptr;
}

Verdict run(const Plan& plan, Config config) {
  const Scenario* scenario = find_scenario(plan.kind);
  CHECK(scenario != nullptr);
  if (plan.seed) config.seed = *plan.seed;
  config.plan = settle(plan, config.seed);
  return scenario->run(config);
}

Experiment::Experiment(const Config& config, const std::set<faults::Kind>& forbidden)
    : config_(config) {
  AddressedRandom random(config.seed, faults_entity);
  if (!config.plan.no_chance) {
    swarm_ = faults::draw_swarm(random, rules_of(config, forbidden));
    weather_ = faults::draw_weather(random, swarm_);
  }
  if (auto applied = apply(config.plan, weather_); !applied) mistake_ = applied.error();
  // What the plan brings is in as well, for whoever asks what to expect.
  for (const auto& each : config.plan.misfortunes) swarm_.kinds.insert(kind_of(each.fault));
  if (weather_.wall_offset.count() > 0) swarm_.kinds.insert(faults::Kind::clock_offset);
  universe_ = std::make_unique<Universe>(
      UniverseOptions{.seed = config.seed,
                      .weather = weather_,
                      .limits = {},
                      .http_over_streams = config.plan.framed_http,
                      .pick = config.plan.pick,
                      .rocks = draw(config.seed, "tables", 0, 0) % 4 == 0});
  if (config.plan.mishaps) universe_->mishaps.only(*config.plan.mishaps);
  if (config.keep_plan) universe_->mishaps.keep(mishaps_kept);
  universe_->loop.stop_after(config.folds_max);
  if (config.story != nullptr) universe_->recorder.tell_into(config.story);
  if (config.reseed_at) {
    universe_->loop.at(*config.reseed_at, Life(), Kind::nemesis, 0,
                       [this] { universe_->reseed(config_.reseed_salt); });
  }
  if (config.break_at_event > 0) {
    const Loop& loop = universe_->loop;
    universe_->loop.break_at(config.break_at_event,
                             [&loop, told = config.break_reached] { told(loop); });
  }
}

std::uint64_t Experiment::setting(std::string_view name, std::uint64_t drawn) {
  const auto found = config_.plan.settings.find(name);
  const std::uint64_t value = found == config_.plan.settings.end() ? drawn : found->second;
  asked_.insert_or_assign(std::string(name), value);
  return value;
}

std::chrono::milliseconds Experiment::setting_ms(std::string_view name, Duration drawn) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(drawn).count();
  return std::chrono::milliseconds(setting(name, static_cast<std::uint64_t>(ms)));
}

bool Experiment::skipped(std::string_view token) const {
  return std::ranges::find(config_.plan.skipped, token) != config_.plan.skipped.end();
}

bool Experiment::chaos(const faults::Victims& victims, Duration lasts) {
  CHECK(nemesis_ == nullptr);
  if (universe_->loop.stopped()) return false;
  lasts = setting_ms("time.chaos_ms", lasts);
  for (const auto& [name, value] : config_.plan.settings) {
    const bool asked = asked_.contains(name);
    if (!asked)
      mistake_ = Error{Code::invalid, fmt::format("{} has no setting {}", config_.plan.kind, name)};
  }
  if (mistake_) {
    report({.check = "harness.plan", .subject = "file", .detail = mistake_->detail});
    return false;
  }
  AddressedRandom random(config_.seed, faults_entity + 1);
  faults::Schedule schedule;
  if (config_.schedule) {
    schedule = *config_.schedule;
  } else if (!config_.plan.no_chance) {
    schedule = faults::draw_schedule(random, swarm_, victims, lasts);
  }
  const faults::Schedule& own = config_.plan.misfortunes;
  schedule.insert(schedule.end(), own.begin(), own.end());
  nemesis_ = std::make_unique<Nemesis>(*universe_, budget_, std::move(schedule));
  if (config_.planned) config_.planned(resolved(/*with_mishaps=*/false));
  for (const faults::Misfortune& misfortune : nemesis_->schedule()) {
    if (config_.story != nullptr) universe_->recorder.tell_schedule(show(misfortune));
  }
  nemesis_->begin();
  universe_->loop.run(universe_->loop.now() + nanos(lasts));
  return !universe_->loop.stopped();
}

void Experiment::have_fair_weather(bool fair) {
  if (fair) return universe_->calm();
  universe_->weather = weather_;
}

bool Experiment::heal(Duration within, const std::function<bool()>& done) {
  if (universe_->loop.stopped()) return false;
  if (nemesis_) nemesis_->heal();
  // A clock that was ahead has made timers that are due so much later.
  Duration ahead = {};
  for (const auto& host : universe_->hosts()) ahead = std::max(ahead, host->clocks().most_ahead());
  within += ahead;
  if (universe_->run_until(universe_->loop.now() + nanos(within), done)) return true;
  if (!universe_->loop.stopped()) {
    report({.check = "liveness.stuck",
            .subject = "heal",
            .detail = fmt::format("not finished {} s after the world was healed\n{}{}",
                                  std::chrono::duration_cast<std::chrono::seconds>(within).count(),
                                  budget_.explain(), universe_->waiting())});
  }
  return false;
}

Plan Experiment::resolved(bool with_mishaps) const {
  Plan plan = config_.plan;
  plan.seed = config_.seed;
  plan.settings = asked_;
  plan.pick = universe_->pick();
  plan.framed_http = universe_->http_over_streams();
  plan.no_chance = true;
  plan.rules = {};
  plan.weather = what_is_unfair(weather_);
  if (nemesis_ != nullptr) plan.misfortunes = nemesis_->schedule();
  if (with_mishaps && universe_->mishaps.happened().size() < mishaps_kept) {
    plan.mishaps = universe_->mishaps.happened();
  }
  return plan;
}

Verdict Experiment::verdict() const {
  const Loop& loop = universe_->loop;
  Verdict verdict = {
      .finding = loop.finding(),
      .digest = loop.digest().hex(),
      .digest_blocks = loop.digest().blocks(),
      .events = loop.event(),
      .time = loop.now(),
      .drawn = fmt::format("{}; picks {}; {} misfortunes{}{}", show(swarm_),
                           name_of(universe_->pick()), nemesis_ ? nemesis_->inflicted() : 0,
                           universe_->http_over_streams() ? "; framed http" : "",
                           universe_->rocks() ? "; rocksdb" : ""),
      .marks = universe_->recorder.marks()};
  // What was counted is a mark as well: "fault.pause", "client.add.answered", "wal.syncs".
  for (const auto& [name, hits] : universe_->recorder.counters()) verdict.marks[name] += hits;
  if (config_.keep_plan) verdict.plan = resolved(/*with_mishaps=*/true);
  return verdict;
}

}  // namespace perdure::sim
