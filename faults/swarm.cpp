#include "faults/swarm.h"

#include <algorithm>
#include <cmath>

namespace perdure::faults {

namespace {

using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Draws for one kind of fault; `how bad` scales the upper end of every range.
class Drawer {
 public:
  Drawer(io::Random& random, Kind kind, Profile profile)
      : random_(random),
        stream_("fault." + std::string(catalogue()[static_cast<std::size_t>(kind)].name)),
        badness_(profile == Profile::calm    ? 0.1
                 : profile == Profile::mild  ? 0.4
                 : profile == Profile::rough ? 1.0
                                             : 2.0) {}

  double badness() const { return badness_; }
  double unit() { return static_cast<double>(random_.draw(stream_) >> 11) * 0x1.0p-53; }
  bool coin(double chance = 0.5) { return unit() < chance; }
  std::uint64_t below(std::uint64_t n) { return random_.below(stream_, n); }
  const std::string& one_of(const std::vector<std::string>& names) {
    return names[below(names.size())];
  }
  // Even in order of magnitude between low and high, the high end scaled by badness.
  double magnitude(double low, double high) {
    const double top = std::max(low, high * badness_);
    return low * std::pow(top / low, unit());
  }
  Duration span(Duration low, Duration high) {
    return Duration(static_cast<Duration::rep>(
        magnitude(static_cast<double>(low.count()), static_cast<double>(high.count()))));
  }

 private:
  io::Random& random_;
  const std::string stream_;
  const double badness_;
};

std::optional<std::uint64_t> draw_turn_cut(Drawer& draw) {
  if (draw.coin(0.3)) return std::nullopt;
  return draw.coin() ? draw.below(4) : draw.below(40);
}

Duration draw_restart(Drawer& draw) { return draw.span(milliseconds(1), seconds(10)); }

struct Pair {
  std::string from, to;
};
Pair draw_link(Drawer& draw, const Victims& victims) {
  std::vector<std::string> all = victims.nodes;
  all.insert(all.end(), victims.helpers.begin(), victims.helpers.end());
  Pair pair = {draw.one_of(victims.nodes), draw.one_of(all)};
  if (draw.coin()) std::swap(pair.from, pair.to);
  return pair;
}

Fault draw_fault(Drawer& draw, Kind kind, const Victims& victims) {
  switch (kind) {
    case Kind::process_crash: {
      const std::string host = draw.one_of(victims.nodes);
      const auto cut = draw_turn_cut(draw);
      return ProcessCrash{.host = host, .after_effects = cut, .restart_after = draw_restart(draw)};
    }
    case Kind::power_loss: {
      const std::string host = draw.one_of(victims.nodes);
      const auto cut = draw_turn_cut(draw);
      return PowerLoss{.host = host, .after_effects = cut, .restart_after = draw_restart(draw)};
    }
    case Kind::pause: {
      const std::string host = draw.one_of(victims.nodes);
      return Pause{.host = host, .lasts = draw.span(milliseconds(1), seconds(10))};
    }
    case Kind::slow_process: {
      const std::string host = draw.one_of(victims.nodes);
      const auto times = static_cast<std::uint32_t>(draw.magnitude(2, 50));
      return SlowProcess{
          .host = host, .times = times, .lasts = draw.span(milliseconds(100), seconds(10))};
    }
    case Kind::cut: {
      Pair link = draw_link(draw, victims);
      const bool both_ways = draw.coin();
      const bool breaking = draw.coin();
      return Cut{.from = link.from,
                 .to = link.to,
                 .both_ways = both_ways,
                 .breaking = breaking,
                 .lasts = draw.span(milliseconds(10), seconds(15))};
    }
    case Kind::slow_link: {
      Pair link = draw_link(draw, victims);
      const auto times = static_cast<std::uint32_t>(draw.magnitude(2, 100));
      return SlowLink{.from = link.from,
                      .to = link.to,
                      .times = times,
                      .lasts = draw.span(milliseconds(100), seconds(10))};
    }
    case Kind::reset_connections: {
      Pair link = draw_link(draw, victims);
      return ResetConnections{.from = link.from, .to = link.to};
    }
    case Kind::slow_disk: {
      const std::string host = draw.one_of(victims.nodes);
      const auto times = static_cast<std::uint32_t>(draw.magnitude(2, 200));
      return SlowDisk{
          .host = host, .times = times, .lasts = draw.span(milliseconds(100), seconds(10))};
    }
    case Kind::disk_full: {
      const std::string host = draw.one_of(victims.nodes);
      return DiskFull{.host = host, .lasts = draw.span(milliseconds(10), seconds(5))};
    }
    case Kind::sync_errors: {
      const std::string host = draw.one_of(victims.nodes);
      return SyncErrors{.host = host, .count = static_cast<std::uint32_t>(1 + draw.below(3))};
    }
    case Kind::read_errors: {
      const std::string host = draw.one_of(victims.nodes);
      return ReadErrors{.host = host, .count = static_cast<std::uint32_t>(1 + draw.below(3))};
    }
    case Kind::clock_step: {
      const std::string host = draw.one_of(victims.nodes);
      const Duration by = draw.span(milliseconds(100), seconds(600));
      return ClockStep{.host = host, .by = draw.coin() ? by : -by};
    }
    case Kind::bucket_outage:
      return BucketOutage{.lasts = draw.span(milliseconds(100), seconds(60))};
    default: UNREACHABLE();
  }
}

void draw_network(io::Random& random, const Swarm& swarm, Weather& weather) {
  if (swarm.has(Kind::slow_network)) {
    Drawer draw(random, Kind::slow_network, swarm.profile);
    weather.link = {draw.span(microseconds(50), milliseconds(5)),
                    draw.span(microseconds(200), milliseconds(50))};
  }
  if (swarm.has(Kind::network_tail)) weather.link_tail = 0.001;
  if (swarm.has(Kind::split)) {
    Drawer draw(random, Kind::split, swarm.profile);
    weather.split = std::min(0.9, draw.magnitude(0.01, 0.5));
    weather.window_bytes = static_cast<std::uint32_t>(256 * 1024 / draw.magnitude(1, 64));
  }
  if (swarm.has(Kind::connection_reset)) {
    weather.connection_reset =
        Drawer(random, Kind::connection_reset, swarm.profile).magnitude(1e-5, 1e-2);
  }
  if (swarm.has(Kind::frame_loss)) {
    weather.frame_loss = Drawer(random, Kind::frame_loss, swarm.profile).magnitude(1e-4, 0.05);
  }
  if (swarm.has(Kind::names_error)) {
    weather.names_error = Drawer(random, Kind::names_error, swarm.profile).magnitude(1e-3, 0.1);
  }
}

void draw_storage(io::Random& random, const Swarm& swarm, Weather& weather) {
  if (swarm.has(Kind::slow_storage)) {
    Drawer draw(random, Kind::slow_storage, swarm.profile);
    weather.disk_read.mean = draw.span(microseconds(60), milliseconds(30));
    weather.disk_write.mean = draw.span(microseconds(30), milliseconds(30));
    weather.disk_sync.mean = draw.span(microseconds(500), milliseconds(200));
    weather.table_ingest.mean = draw.span(milliseconds(2), milliseconds(500));
  }
  if (swarm.has(Kind::sync_error)) {
    weather.sync_error = Drawer(random, Kind::sync_error, swarm.profile).magnitude(1e-5, 1e-3);
  }
  if (swarm.has(Kind::io_error)) {
    Drawer draw(random, Kind::io_error, swarm.profile);
    weather.read_error = draw.magnitude(1e-5, 1e-3);
    weather.write_error = draw.magnitude(1e-5, 1e-3);
  }
  if (swarm.has(Kind::bucket_error)) {
    Drawer draw(random, Kind::bucket_error, swarm.profile);
    weather.bucket_error_before = std::min(0.5, draw.magnitude(0.01, 0.2));
    weather.bucket_error_after = std::min(0.5, draw.magnitude(0.01, 0.2));
    weather.bucket_list_lag = draw.span(milliseconds(1), seconds(10));
  }
}

}  // namespace

Swarm draw_swarm(io::Random& random, const std::set<Kind>& forbidden) {
  const std::uint64_t percent = random.below("swarm.profile", 100);
  Swarm swarm = {.profile = percent < 10   ? Profile::calm
                            : percent < 40 ? Profile::mild
                            : percent < 80 ? Profile::rough
                                           : Profile::hostile};
  for (const Entry& entry : catalogue()) {
    const bool in = random.draw("swarm." + std::string(entry.name)) % 2 == 0;
    if (in && !forbidden.contains(entry.kind)) swarm.kinds.insert(entry.kind);
  }
  return swarm;
}

Weather draw_weather(io::Random& random, const Swarm& swarm) {
  Weather weather;
  draw_network(random, swarm, weather);
  draw_storage(random, swarm, weather);
  if (swarm.has(Kind::slow_steps)) {
    weather.step_cost_most =
        Drawer(random, Kind::slow_steps, swarm.profile).span(microseconds(20), microseconds(500));
  }
  if (swarm.has(Kind::clock_drift)) {
    weather.steady_ppm = 500;
    weather.wall_ppm = 500;
  }
  if (swarm.has(Kind::clock_offset)) {
    weather.wall_offset =
        Drawer(random, Kind::clock_offset, swarm.profile).span(milliseconds(1), seconds(5));
  }
  return weather;
}

Schedule draw_schedule(io::Random& random, const Swarm& swarm, const Victims& victims,
                       Duration chaos) {
  Schedule schedule;
  if (victims.nodes.empty()) return schedule;
  for (const Entry& entry : catalogue()) {
    if (!entry.timed || !swarm.has(entry.kind)) continue;
    Drawer draw(random, entry.kind, swarm.profile);
    const double minutes = std::chrono::duration<double>(chaos).count() / 60;
    const double expected =
        entry.per_minute * minutes * draw.badness() * static_cast<double>(victims.nodes.size());
    const auto count = static_cast<std::uint64_t>(expected * 2 * draw.unit() + draw.unit());
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto at = Duration(draw.below(static_cast<std::uint64_t>(chaos.count())));
      schedule.push_back({.at = at, .fault = draw_fault(draw, entry.kind, victims)});
    }
  }
  std::ranges::stable_sort(schedule, {}, &Misfortune::at);
  return schedule;
}

std::string show(const Swarm& swarm) {
  std::string text = std::string(name_of(swarm.profile)) + ":";
  for (const Kind kind : swarm.kinds) {
    text += " " + std::string(catalogue()[static_cast<std::size_t>(kind)].name);
  }
  return text;
}

}  // namespace perdure::faults
