// sim/world/universe.h
//
// One run: a loop, a network, a bucket and some hosts, all decided by one seed.
//
//     Universe universe({.seed = 7});
//     Host& server = universe.add_host({.name = "n1", .shards = 2});
//     server.start([](std::span<const io::World> worlds) { return ...; });
//     universe.run_until(10 * second, [&] { return done; });
//
// The same seed and the same calls give the same events, to the last bit of the digest.
// No clock, thread or file of the real world is touched.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "faults/weather.h"
#include "host/fiber.h"
#include "sim/world/draw.h"
#include "sim/world/host.h"
#include "sim/world/loop.h"
#include "sim/world/mishaps.h"
#include "sim/world/recorder.h"

namespace perdure::sim {

class Bucket;
class Network;

// Which of a shard's ready fibers runs next.
enum class Pick {
  first,     // in the order they became ready
  any,       // uniformly
  priority,  // PCT: a fixed random order, changed at a few random steps
};

struct UniverseOptions {
  std::uint64_t seed = 0;
  faults::Weather weather = {};
  LoopLimits limits = {};
  std::optional<bool> http_over_streams = {};  // drawn, one seed in five, unless said
  std::optional<Pick> pick = {};               // drawn, unless said
  bool rocks = false;                          // io::Tables of servers: RocksDB, or maps
};

class Universe {
 public:
  explicit Universe(UniverseOptions);
  ~Universe();
  Universe(const Universe&) = delete;
  Universe& operator=(const Universe&) = delete;

  Host& add_host(HostOptions);
  Host& host(std::string_view name);  // it is there
  Host* find_host(std::string_view name);
  const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }

  // Runs until done() holds after an event.  Else: false, at the limit, or because the
  // loop stopped; and a finding when nothing is left to happen ("liveness.deadlock").
  bool run_until(Nanos limit, const std::function<bool()>& done);
  // Who waits, for what, since when: the report of a run that is stuck.
  std::string waiting() const;

  Dice dice(std::string_view stream, std::uint64_t entity = 0) const {
    return Dice(options_.seed, stream, entity).salted(salt_);
  }
  Nanos latency(Dice& dice, const faults::Latency& latency) const;
  // Of all draws from now on.  reseed() makes everything that is still to be drawn another:
  // how much of the future was decided by then is what blame asks.
  std::uint64_t seed() const { return options_.seed ^ salt_; }
  const std::uint64_t& salt() const { return salt_; }
  void reseed(std::uint64_t salt) { salt_ = salt; }
  // A fair day from now on: latencies as by default, no more errors.
  void calm() { weather = faults::Weather(); }
  Pick pick() const { return pick_; }
  // Whether io::Http is engine/http over simulated streams, or answered at message level.
  bool http_over_streams() const { return http_over_streams_; }
  // Whether io::Tables of servers is RocksDB on the simulated disk, or maps in memory.
  bool rocks() const { return rocks_; }

  Loop loop;
  Recorder recorder;
  Mishaps mishaps;
  faults::Weather weather;
  host::StackPool stacks;

  Network& network() { return *network_; }
  Bucket& bucket() { return *bucket_; }

 private:
  const UniverseOptions options_;
  std::uint64_t salt_ = 0;
  const Pick pick_;
  const bool http_over_streams_;
  const bool rocks_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<Bucket> bucket_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

inline Nanos nanos(Duration span) {
  return span.count() < 0 ? 0 : static_cast<Nanos>(span.count());
}

}  // namespace perdure::sim
