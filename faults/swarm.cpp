#include "faults/swarm.h"

#include <algorithm>

#include "faults/kinds_of_weather.h"

namespace perdure::faults {

Swarm draw_swarm(io::Random& random, const SwarmRules& rules) {
  const std::uint64_t percent = random.below("swarm.profile", 100);
  Swarm swarm = {.profile = rules.profile  ? *rules.profile
                            : percent < 10 ? Profile::calm
                            : percent < 40 ? Profile::mild
                            : percent < 80 ? Profile::rough
                                           : Profile::hostile};
  for (const Entry& entry : catalogue()) {
    const bool coin = random.draw("swarm." + std::string(entry.name)) % 2 == 0;
    const bool wanted = rules.only ? rules.only->contains(entry.kind) : true;
    const bool in = rules.always.contains(entry.kind) || (coin && wanted);
    if (in && !rules.forbid.contains(entry.kind)) swarm.kinds.insert(entry.kind);
  }
  return swarm;
}

Weather draw_weather(io::Random& random, const Swarm& swarm) {
  Weather weather;
  const auto apply = [&]<class Each>(Each*) {
    if (!swarm.has(Each::kind)) return;
    Drawer draw(random, Each::name, swarm.profile);
    Each::apply(draw, weather);
  };
  [&]<class... Each>(std::tuple<Each...>*) {
    (apply(static_cast<Each*>(nullptr)), ...);
  }(static_cast<KindsOfWeather*>(nullptr));
  return weather;
}

Schedule draw_schedule(io::Random& random, const Swarm& swarm, const Victims& victims,
                       Duration chaos) {
  Schedule schedule;
  if (victims.nodes.empty()) return schedule;
  const double minutes = std::chrono::duration<double>(chaos).count() / 60;
  const auto hosts = static_cast<double>(victims.nodes.size());
  const auto draw_kind = [&]<class Each>(Each*) {
    if (!swarm.has(Each::kind)) return;
    Drawer draw(random, Each::name, swarm.profile);
    const double expected = Each::per_minute * minutes * draw.badness() * hosts;
    const auto count = static_cast<std::uint64_t>(expected * 2 * draw.unit() + draw.unit());
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(chaos).count();
      const auto at = std::chrono::microseconds(draw.below(static_cast<std::uint64_t>(micros)));
      schedule.push_back({.at = at, .fault = Each::draw(draw, victims)});
    }
  };
  [&]<class... Each>(std::variant<Each...>*) {
    (draw_kind(static_cast<Each*>(nullptr)), ...);
  }(static_cast<Fault*>(nullptr));
  std::ranges::stable_sort(schedule, {}, &Misfortune::at);
  return schedule;
}

std::string show(const Swarm& swarm) {
  std::string text = std::string(name_of(swarm.profile)) + ":";
  for (const Kind kind : swarm.kinds) text += " " + std::string(entry(kind).name);
  return text;
}

}  // namespace perdure::faults
