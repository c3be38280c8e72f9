#include "sim/world/shard.h"

#include <algorithm>

#include "engine/base/bytes.h"
#include "engine/base/check.h"
#include "engine/http/http_over_streams.h"
#include "sim/bucket/bucket.h"
#include "sim/disk/disk.h"
#include "sim/network/http.h"
#include "sim/network/peers.h"
#include "sim/network/streams.h"
#include "sim/rocks/machine.h"
#include "sim/tables/tables.h"
#include "sim/world/host.h"
#include "sim/world/random.h"
#include "sim/world/universe.h"

namespace perdure::sim {

// Stands still within a turn.
class Shard::ShardClock final : public io::Clock {
 public:
  Instant steady() const override { return steady_; }
  WallTime wall() const override { return wall_; }
  void set(const HostClocks& clocks, Nanos t) {
    steady_ = clocks.steady(t);
    wall_ = clocks.wall(t);
  }

 private:
  Instant steady_;
  WallTime wall_;
};

namespace {

class SimTrace final : public io::Trace {
 public:
  explicit SimTrace(Shard& shard) : shard_(shard) {}

  bool wants(io::Level level) const override {
    return level != io::Level::debug || shard_.universe().recorder.telling();
  }
  void event(io::Level level, std::string_view name,
             std::initializer_list<io::Field> fields) override {
    if (shard_.dead() || shard_.host().dying()) return;  // nobody got to see it
    Universe& universe = shard_.universe();
    universe.recorder.event({.at = universe.loop.now(),
                             .event = universe.loop.event(),
                             .host = shard_.host().name(),
                             .life = shard_.life(),
                             .shard = shard_.index(),
                             .level = level,
                             .name = name,
                             .fields = {fields.begin(), fields.size()}});
    shard_.host().reached(name);
  }
  void count(std::string_view name, std::uint64_t by) override {
    shard_.universe().recorder.count(name, by);
  }
  bool rarely(std::string_view site) override {
    Universe& universe = shard_.universe();
    if (universe.weather.code_sites == 0 || shard_.host().helper()) return false;
    const bool open = draw(universe.seed(), "site.open", hash64(site), 0) % 4 == 0;
    if (!open) return false;
    return universe.mishaps.befalls(faults::Kind::code_sites, site, universe.weather.code_sites)
        .has_value();
  }

 private:
  Shard& shard_;
};

// Half of the hosts have small windows, few streams for a connection and few connections, so
// that bodies fill them and calls wait for each other; a server's are narrowed whatever it asked
// for.
class FramedHttp final : public io::Http {
 public:
  FramedHttp(Shard& shard, io::Streams& streams, io::Fibers& fibers, io::Clock& clock,
             io::Trace& trace)
      : dice_(shard.universe().dice("http.limits", shard.host().number())),
        narrow_(dice_.below(2) == 0),
        window_(std::size_t{512} << dice_.below(9)),
        streams_(1u << dice_.below(5)),
        connections_(2u << dice_.below(4)),
        http_(streams, fibers, clock, trace, limits_of_client()) {}

  Result<std::unique_ptr<io::HttpServer>> serve(std::string_view address, io::HttpLimits limits,
                                                Serve serve) override {
    if (narrow_) {
      limits.body_buffer_bytes = std::min(limits.body_buffer_bytes, window_);
      limits.streams_per_connection = std::min(limits.streams_per_connection, streams_);
    }
    return http_.serve(address, limits, std::move(serve));
  }
  Result<std::unique_ptr<io::HttpCall>> call(const io::HttpTarget& target, io::Request request,
                                             Instant deadline) override {
    return http_.call(target, std::move(request), deadline);
  }

 private:
  http::ClientLimits limits_of_client() const {
    if (!narrow_) return {};
    return {.body_buffer_bytes = window_,
            .stream_window_bytes = window_,
            .streams_per_connection = streams_,
            .connections_per_target = connections_};
  }

  Dice dice_;
  const bool narrow_;
  const std::size_t window_;
  const std::uint32_t streams_, connections_;
  http::HttpOverStreams http_;
};

std::uint64_t entity_of(const Host& host, Life life, std::uint32_t shard) {
  return std::uint64_t{host.number()} << 48 | std::uint64_t{life.incarnation} << 16 | shard;
}

}  // namespace

struct Shard::Twins {
  explicit Twins(Shard& shard)
      : disk(shard),
        http(shard),
        names(shard),
        objects(shard),
        peers(shard),
        random(shard.universe().seed() ^ shard.universe().salt(),
               entity_of(shard.host(), shard.life(), shard.index()), &shard.universe().salt()),
        streams(shard),
        tables(shard, disk),
        trace(shard) {
    if (RocksMachine* machine = shard.host().rocks()) rocks = machine->front(shard);
    if (shard.universe().http_over_streams()) {
      framed_http =
          std::make_unique<FramedHttp>(shard, streams, *shard.scheduler_, *shard.clock_, trace);
    }
  }
  io::Http& either_http() {
    return framed_http != nullptr ? static_cast<io::Http&>(*framed_http) : http;
  }
  SimDisk disk;
  SimHttp http;
  SimNames names;
  SimObjects objects;
  SimPeers peers;
  AddressedRandom random;
  SimStreams streams;
  MemTables tables;
  std::unique_ptr<io::Tables> rocks;  // instead, when the universe says so
  SimTrace trace;
  std::unique_ptr<FramedHttp> framed_http;  // in a fifth of the seeds
};

Shard::Shard(Universe& universe, Host& host, Life life, std::uint32_t index)
    : universe_(universe),
      host_(host),
      life_(life),
      index_(index),
      clock_(std::make_unique<ShardClock>()),
      scheduler_(std::make_unique<host::Scheduler>(*clock_, &universe.stacks)),
      twins_(std::make_unique<Twins>(*this)) {
  clock_->set(host.clocks(), universe.loop.now());
  scheduler_->direct(this);
}

Shard::~Shard() = default;

io::World Shard::world() {
  Twins& twins = *twins_;
  return {.clock = *clock_,
          .disk = twins.disk,
          .fibers = *scheduler_,
          .http = twins.either_http(),
          .names = twins.names,
          .objects = twins.objects,
          .peers = twins.peers,
          .random = twins.random,
          .streams = twins.streams,
          .tables = twins.rocks != nullptr ? *twins.rocks : twins.tables,
          .trace = twins.trace};
}

Loop& Shard::loop() { return universe_.loop; }

bool Shard::dead() const { return !universe_.loop.alive(life_); }

bool Shard::effect() { return !dead() && host_.effect(); }

void Shard::park_until_death() {
  while (true) scheduler_->park(io::never, io::Heed::deadline_only);
}

Dice& Shard::dice(std::string_view stream) {
  auto found = dice_.find(stream);
  if (found == dice_.end()) {
    found = dice_.emplace(stream, universe_.dice(stream, entity_of(host_, life_, index_))).first;
  }
  return found->second;
}

// --- turns ---

void Shard::post(Action delivery) {
  if (dead()) return;
  inbox_.push_back({.action = std::move(delivery), .cause = loop().cause()});
  poke();
}

void Shard::wake_later(io::FiberId fiber) {
  post([this, fiber] { scheduler_->wake(fiber); });
}

void Shard::spawn_root(std::string_view name, Action body) {
  scheduler_->spawn_root(name, std::move(body));
  poke();
}

void Shard::pause_until(Nanos t) { busy_until_ = std::max(busy_until_, t); }

void Shard::end_pause() {
  if (busy_until_ <= universe_.loop.now()) return;
  busy_until_ = universe_.loop.now();
  turn_pending_ = false;
  poke();
}

void Shard::poke() {
  if (turn_pending_) return;
  turn_pending_ = true;
  universe_.loop.at(busy_until_, life_, Kind::turn, index_, [this, number = ++poke_] {
    if (number == poke_) turn();
  });
}

void Shard::turn() {
  turn_pending_ = false;
  Loop& loop = universe_.loop;
  if (loop.now() < busy_until_) return poke();  // paused meanwhile
  ++turns_;
  steps_in_turn_ = 0;
  clock_->set(host_.clocks(), loop.now());
  host_.turn_begins();
  turn_cause_ = loop.cause();
  for (std::size_t count = inbox_.size(); count > 0; --count) {
    Delivery delivery = std::move(inbox_.front());
    inbox_.pop_front();
    ++steps_in_turn_;
    loop.caused_by(delivery.cause);
    delivery.action();
  }
  loop.caused_by(turn_cause_);
  firing_deadlines_ = true;
  scheduler_->fire_deadlines(clock_->steady());
  firing_deadlines_ = false;
  scheduler_->run_ready();
  host_.turn_ends();

  const faults::Weather& weather = universe_.weather;
  const Nanos least = std::max<Nanos>(nanos(weather.step_cost_least), 1);
  const Nanos cost =
      dice("turn.cost").log_between(least, std::max(least, nanos(weather.step_cost_most))) *
      host_.step_factor();
  busy_until_ = std::max(busy_until_, loop.now() + cost * std::max<Nanos>(steps_in_turn_, 1));
  loop.note(life_, Kind::turn, step_hash_);
  if (scheduler_->has_ready() || !inbox_.empty()) poke();
  arm_timer();
}

void Shard::arm_timer() {
  const std::optional<Instant> next = scheduler_->next_deadline();
  if (!next || *next == io::never || scheduler_->has_ready()) return;
  const Nanos at = host_.clocks().when(*next);
  if (timer_at_ && *timer_at_ <= at) return;  // that one will look again
  timer_at_ = at;
  universe_.loop.at(at, life_, Kind::timer, index_, [this, at] {
    if (timer_at_ == at) timer_at_.reset();
    poke();
  });
}

std::size_t Shard::pick(std::span<const io::FiberId> ready) {
  if (ready.size() == 1) return 0;
  const std::uint64_t entity = entity_of(host_, life_, index_);
  switch (universe_.pick()) {
    case Pick::first: return 0;
    case Pick::any: return draw(universe_.seed(), "pick.any", entity, ++picks_) % ready.size();
    case Pick::priority: break;
  }
  const auto name = [](io::FiberId fiber) { return std::uint64_t{fiber.slot} << 32 | fiber.life; };
  const auto rank = [&](io::FiberId fiber) {
    const auto demoted = demoted_.find(name(fiber));
    const bool back = demoted != demoted_.end();
    return std::pair(back ? demoted->second : 0,
                     draw(universe_.seed(), "pick.priority", entity, name(fiber)));
  };
  const auto best = std::ranges::min_element(ready, {}, rank);
  // A change point every few hundred picks: who would run goes behind all others.
  if (draw(universe_.seed(), "pick.change", entity, ++picks_) % 300 == 0) {
    if (demoted_.size() > 1000) demoted_.clear();
    demoted_[name(*best)] = picks_;
  }
  return static_cast<std::size_t>(best - ready.begin());
}

void Shard::before_step(io::FiberId fiber, std::string_view name) {
  ++steps_;
  ++steps_in_turn_;
  step_hash_ = hash64(name, step_hash_ ^ fiber.slot);
  Loop& loop = universe_.loop;
  loop.in_fiber(fiber.slot + 1);
  if (!telling()) return;
  if (fiber.slot < fiber_causes_.size()) loop.caused_by(fiber_causes_[fiber.slot].ready);
  loop.caused_by(tell(trace::What::resume, name));
}

void Shard::after_step(io::FiberId fiber) {
  Loop& loop = universe_.loop;
  if (telling()) {
    const std::uint64_t parked = tell(trace::What::park, scheduler_->name_of(fiber));
    if (fiber.slot < fiber_causes_.size()) fiber_causes_[fiber.slot].parked = parked;
    loop.caused_by(turn_cause_);
  }
  loop.in_fiber(0);
}

void Shard::ready(io::FiberId fiber, std::string_view name, Ready why) {
  if (!telling()) return;
  if (fiber.slot >= fiber_causes_.size()) fiber_causes_.resize(fiber.slot + 1);
  FiberCause& causes = fiber_causes_[fiber.slot];
  std::uint64_t& because = causes.ready;
  const bool by_itself = firing_deadlines_ || why == Ready::later;
  because = by_itself && causes.parked != 0 ? causes.parked : universe_.loop.cause();
  if (why == Ready::started) because = tell(trace::What::spawn, name, {}, fiber.slot + 1);
  if (why == Ready::cancelled) because = tell(trace::What::cancel, name, {}, fiber.slot + 1);
}

bool Shard::telling() const { return universe_.recorder.telling(); }

std::uint64_t Shard::tell(trace::What what, std::string_view name, std::string_view detail,
                          std::uint64_t a, std::uint64_t b) {
  return universe_.recorder.tell({.what = what,
                                  .life = life_,
                                  .shard = index_,
                                  .name = name,
                                  .detail = detail,
                                  .a = a,
                                  .b = b});
}

// --- effects of the machine ---

bool Shard::carry_out(Kind kind, std::uint64_t payload, Nanos latency, Action effect) {
  if (dead()) return false;
  if (!this->effect()) park_until_death();
  bool done = false;
  const io::FiberId fiber = scheduler_->self();
  const std::uint64_t id = host_.put_in_flight(std::move(effect));
  universe_.loop.after(latency, life_, kind, payload, [this, id, fiber, &done] {
    host_.take_in_flight(id)();
    post([this, fiber, &done] {
      done = true;
      scheduler_->wake(fiber);
    });
  });
  while (!done) scheduler_->park(io::never, io::Heed::deadline_only);
  return true;
}

void Shard::kill_fibers() { scheduler_->kill_all(); }

}  // namespace perdure::sim
