#include "sim/world/host.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "sim/disk/disk_store.h"
#include "sim/network/network.h"
#include "sim/rocks/machine.h"
#include "sim/tables/tables.h"
#include "sim/world/universe.h"

namespace perdure::sim {

namespace {

// Half the time so that an hour ends soon: then what is kept by hours goes.
WallTime draw_begin(Universe& universe) {
  using std::chrono::milliseconds;
  constexpr WallTime an_hour_begins{std::chrono::hours(472'222)};  // in 2023
  constexpr std::uint64_t hour_ms = 3'600'000, soon_ms = 60'000;
  Dice dice = universe.dice("clock.begin");
  const std::uint64_t into = dice.chance(0.5) ? hour_ms - dice.below(soon_ms) : dice.below(hour_ms);
  return an_hour_begins + milliseconds(into);
}

HostClocks::Shape draw_clocks(Universe& universe, std::uint32_t number, bool helper) {
  const WallTime begin = draw_begin(universe);
  if (helper) return {.begin = begin};
  const faults::Weather& weather = universe.weather;
  Dice dice = universe.dice("clock.shape", number);
  const auto within = [&dice](std::uint64_t most) {
    const auto size = static_cast<std::int64_t>(dice.between(0, most));
    return dice.chance(0.5) ? size : -size;
  };
  return {.steady_ppm = within(weather.steady_ppm),
          .wall_ppm = within(weather.wall_ppm),
          .wall_offset = Duration(within(nanos(weather.wall_offset))),
          .begin = begin};
}

}  // namespace

struct Host::Process {
  std::unique_ptr<RocksMachine> rocks;
  std::vector<std::unique_ptr<Shard>> shards;
  std::unique_ptr<Guest> guest;
  std::uint32_t stopping = 0;  // shards that were told to stop and still do
};

Host::Host(Universe& universe, std::uint32_t number, HostOptions options)
    : universe_(universe),
      number_(number),
      options_(std::move(options)),
      clocks_(draw_clocks(universe, number, options_.helper), universe.dice("clock.base", number)),
      disk_(std::make_unique<DiskStore>(universe.seed(), number, universe.weather.disk_bytes)),
      tables_(std::make_unique<TableStore>()) {}

Host::~Host() { shut_down(); }

std::string Host::ip() const { return fmt::format("10.0.{}.{}", number_ / 250, number_ % 250 + 1); }

Guest* Host::guest() { return process_ ? process_->guest.get() : nullptr; }

Shard& Host::shard(std::uint32_t index) {
  CHECK(process_ != nullptr);
  return *process_->shards.at(index);
}

RocksMachine* Host::rocks() { return process_ ? process_->rocks.get() : nullptr; }

void Host::visit_rows(std::string_view family, const SeeRow& see) {
  if (RocksMachine* machine = rocks()) return machine->visit_rows(family, see);
  const auto found = tables_->families.find(family);
  if (found == tables_->families.end()) return;
  for (const auto& [key, value] : *found->second) see(key, value);
}

// --- life ---

void Host::start(Factory factory) {
  factory_ = std::move(factory);
  restart();
}

void Host::restart() {
  CHECK(process_ == nullptr);
  powered_ = true;
  life_ = universe_.loop.begin_life(number_);
  universe_.recorder.tell({.what = trace::What::up, .life = life_, .name = name()});
  process_ = std::make_unique<Process>();
  if (universe_.rocks() && !helper()) {
    process_->rocks = std::make_unique<RocksMachine>(universe_, *this, life_);
  }
  std::vector<io::World> worlds;
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    process_->shards.push_back(std::make_unique<Shard>(universe_, *this, life_, i));
    worlds.push_back(process_->shards.back()->world());
  }
  process_->guest = factory_(worlds);
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    process_->shards[i]->spawn_root("main", [guest = process_->guest.get(), i] { guest->run(i); });
  }
}

void Host::restart_after(Nanos delay) {
  universe_.loop.after(delay, Life(), Kind::nemesis, number_, [this] {
    if (!up()) restart();
  });
}

void Host::shut_down() {
  if (!up()) return;
  universe_.loop.end_life(number_);
  for (auto shard = process_->shards.rbegin(); shard != process_->shards.rend(); ++shard) {
    (*shard)->kill_fibers();
  }
  in_flight_.clear();
  if (process_->rocks) process_->rocks->die();
  process_->guest.reset();
  process_.reset();
}

// --- death ---

void Host::crash(Death death) {
  if (!up()) return;
  ++crashes_;
  const bool power_lost = death == Death::power_loss;
  universe_.recorder.tell({.what = trace::What::down,
                           .life = life_,
                           .name = name(),
                           .detail = power_lost ? "loses power" : "crashes",
                           .a = power_lost ? 1u : 0u});
  universe_.loop.note(life_, Kind::nemesis, death == Death::power_loss ? 2 : 1);
  doom_.reset();
  traps_.clear();
  if (process_->rocks) process_->rocks->die_within_a_job();
  settle_in_flight();
  if (process_->rocks) process_->rocks->die();
  universe_.loop.end_life(number_);
  if (death == Death::power_loss) {
    powered_ = false;
    disk_->power_loss();
    clocks_.power_up(universe_.loop.now());
  }
  universe_.network().host_died(*this, death);
  for (auto shard = process_->shards.rbegin(); shard != process_->shards.rend(); ++shard) {
    (*shard)->kill_fibers();
  }
  process_->guest.reset();
  process_.reset();
  if (told_) told_(death);
}

// What the process had asked of its machine, but had no answer to yet.
void Host::settle_in_flight() {
  Dice dice = universe_.dice("crash.in_flight", std::uint64_t{number_} << 32 | life_.incarnation);
  auto in_flight = std::exchange(in_flight_, {});
  for (auto& [id, effect] : in_flight) {
    if (dice.chance(0.5)) effect();
  }
}

std::uint64_t Host::put_in_flight(Shard::Action effect) {
  in_flight_.emplace(++next_in_flight_, std::move(effect));
  return next_in_flight_;
}

Shard::Action Host::take_in_flight(std::uint64_t id) {
  const auto found = in_flight_.find(id);
  CHECK(found != in_flight_.end());
  Shard::Action effect = std::move(found->second);
  in_flight_.erase(found);
  return effect;
}

void Host::crash_in_turn(Death death, std::uint64_t effects, std::optional<Nanos> restart_after) {
  if (up() && !doom_) {
    doom_ = Doom{.death = death, .effects_left = effects, .restart_after = restart_after};
  }
}

void Host::crash_at_mark(Death death, std::string mark, std::uint64_t nth,
                         std::optional<Nanos> restart_after) {
  traps_.push_back({.mark = std::move(mark),
                    .nth = std::max<std::uint64_t>(nth, 1),
                    .death = death,
                    .restart_after = restart_after});
}

void Host::die_here(Death death, std::optional<Nanos> restart_after) {
  if (!up() || doom_) return;
  doom_ = Doom{.death = death, .effects_left = 0, .restart_after = restart_after, .begun = true};
}

void Host::tell_to_stop(Nanos patience, Nanos restart_after) {
  if (!up() || process_->stopping > 0) return;
  process_->stopping = options_.shards;
  universe_.loop.note(life_, Kind::nemesis, 3);
  for (std::uint32_t i = 0; i < options_.shards; ++i) {
    process_->shards[i]->spawn_root("stop", [this, i, restart_after] {
      process_->guest->stop(i);
      if (--process_->stopping == 0) die_here(Death::process_crash, restart_after);
    });
  }
  universe_.loop.after(patience, life_, Kind::nemesis, number_, [this, restart_after] {
    crash(Death::process_crash);
    this->restart_after(restart_after);
  });
}

void Host::exit_with_turn(Nanos restart_after) {
  if (!up() || (doom_ && doom_->begun)) return;
  doom_ = Doom{.death = Death::process_crash,
               .effects_left = UINT64_MAX,
               .restart_after = restart_after,
               .begun = true};
}

void Host::wipe() {
  CHECK(!up());
  ++wipes_;
  disk_ = std::make_unique<DiskStore>(universe_.seed(), std::uint64_t{number_} << 32 | wipes_,
                                      universe_.weather.disk_bytes);
  tables_ = std::make_unique<TableStore>();
}

void Host::turn_begins() {
  if (doom_) doom_->begun = true;
}

bool Host::effect() {
  if (!doom_ || !doom_->begun) return true;
  if (doom_->effects_left == 0) return false;
  --doom_->effects_left;
  return true;
}

bool Host::dying() const { return doom_ && doom_->begun && doom_->effects_left == 0; }

// The mark itself is still seen; nothing after it.
void Host::reached(std::string_view mark) {
  if (traps_.empty() || doom_) return;
  for (Trap& trap : traps_) {
    if (trap.mark != mark || --trap.nth > 0) continue;
    doom_ = Doom{
        .death = trap.death, .effects_left = 0, .restart_after = trap.restart_after, .begun = true};
    return;
  }
}

void Host::turn_ends() {
  if (!doom_ || !doom_->begun) return;
  doom_->effects_left = 0;  // also of turns of other shards, until the next event
  universe_.loop.after(0, life_, Kind::nemesis, number_, [this, doom = *doom_] {
    crash(doom.death);
    if (doom.restart_after) restart_after(*doom.restart_after);
  });
}

void Host::spare() {
  traps_.clear();
  if (doom_ && !doom_->begun) doom_.reset();
  if (!up()) return;
  for (const auto& shard : process_->shards) shard->end_pause();
}

void Host::pause(Nanos lasts) {
  if (!up()) return;
  for (const auto& shard : process_->shards) shard->pause_until(universe_.loop.now() + lasts);
  universe_.network().host_paused(*this, lasts);
}

}  // namespace perdure::sim
