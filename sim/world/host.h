// sim/world/host.h
//
// One machine: a name, an address, disks that survive, and at most one process on it at
// a time, whose object (the Guest) is built from one io::World a shard.
//
//     start(factory) ──► up ──crash()──► down ──restart()──► up ...
//                         │                ▲
//                         ├─ crash_in_turn ┤   cut after k effects of its next turn
//                         └─ tell_to_stop ─┘   once its guest has stopped
//
// A crash, in this order: what was on its way to the disk happens or not, by coin; the
// incarnation ends, so that every event of it is dropped; on a power loss unsynced
// bytes and names are kept, dropped or torn; connections break (peers see a reset after
// a while, or nothing when the power went); fibers unwind; the Guest is destroyed.
//
// crash() runs between events only, never from a fiber of the victim.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/io/world.h"
#include "sim/world/clocks.h"
#include "sim/world/shard.h"

namespace perdure::sim {

class DiskStore;
class RocksMachine;
class TableStore;

enum class Death { process_crash, power_loss };

// What runs on a host.
class Guest {
 public:
  virtual ~Guest() = default;
  // In a fiber of each shard, once all of them stand.  May return early or never.
  virtual void run(std::uint32_t /*shard*/) {}
  // The same, when the process is told to stop; it ends when all of these have returned.
  virtual void stop(std::uint32_t /*shard*/) {}
};
// Called outside of every fiber: what needs one belongs into run().
using Factory = std::function<std::unique_ptr<Guest>(std::span<const io::World>)>;

struct HostOptions {
  std::string name;  // also what Names resolves
  std::uint32_t shards = 1;
  bool helper = false;  // a client or a handler: a perfect disk and right clocks
};

class Host {
 public:
  Host(Universe&, std::uint32_t number, HostOptions);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  const std::string& name() const { return options_.name; }
  std::uint32_t number() const { return number_; }
  NodeId node() const { return NodeId(number_); }
  std::string ip() const;
  std::uint32_t shards() const { return options_.shards; }
  bool helper() const { return options_.helper; }

  void start(Factory factory);  // kept for restarts
  void restart();
  void restart_after(Nanos delay);  // unless it is up again by then
  void crash(Death death);
  // At the end of its next turn, of whose effects only so many happen.
  void crash_in_turn(Death death, std::uint64_t effects, std::optional<Nanos> restart_after);
  void crash_at_mark(Death death, std::string mark, std::uint64_t nth,
                     std::optional<Nanos> restart_after);
  // Now, within a turn of its own: what it did before stands, nothing after it happens.
  void die_here(Death death, std::optional<Nanos> restart_after);
  // As SIGTERM: the guest stops, and dies when it has, or when patience ends.
  void tell_to_stop(Nanos patience, Nanos restart_after);
  // Its own doing, within a turn of its own: that turn is its last, whatever else is armed.
  void exit_with_turn(Nanos restart_after);
  void wipe();       // its disk and tables; it is down
  void spare();      // forgets crashes that are armed but have not begun, and pauses
  void shut_down();  // for good, politely: the guest is destroyed without a crash of the disk

  bool up() const { return process_ != nullptr; }
  bool powered() const { return powered_; }
  Life life() const { return life_; }
  std::uint32_t incarnation() const { return life_.incarnation; }
  std::uint64_t crashes() const { return crashes_; }
  std::uint64_t wipes() const { return wipes_; }
  Guest* guest();
  Shard& shard(std::uint32_t index);

  void pause(Nanos lasts);
  void slow_steps(std::uint32_t times) { step_factor_ = times; }
  std::uint32_t step_factor() const { return step_factor_; }

  HostClocks& clocks() { return clocks_; }
  DiskStore& disk() { return *disk_; }
  TableStore& tables() { return *tables_; }
  RocksMachine* rocks();  // of the process, when its tables are RocksDB
  // For checkers: the rows of a family as the machine holds them now; none when absent.
  using SeeRow = std::function<void(const std::string& key, const std::string& value)>;
  void visit_rows(std::string_view family, const SeeRow& see);

  // Called after each crash, outside of every fiber.
  void on_death(std::function<void(Death)> told) { told_ = std::move(told); }

  // --- for its shards ---
  bool effect();
  bool dying() const;  // its last effect has happened
  void turn_begins();
  void turn_ends();
  void reached(std::string_view mark);
  std::uint64_t put_in_flight(Shard::Action);
  Shard::Action take_in_flight(std::uint64_t id);

 private:
  struct Process;
  struct Doom {
    Death death;
    std::uint64_t effects_left;
    std::optional<Nanos> restart_after;
    bool begun = false;  // its turn has begun
  };
  struct Trap {
    std::string mark;
    std::uint64_t nth;
    Death death;
    std::optional<Nanos> restart_after;
  };

  void settle_in_flight();

  Universe& universe_;
  const std::uint32_t number_;
  const HostOptions options_;
  Factory factory_;
  std::unique_ptr<Process> process_;
  Life life_;
  bool powered_ = true;
  std::uint64_t crashes_ = 0, wipes_ = 0;
  std::uint32_t step_factor_ = 1;
  HostClocks clocks_;
  std::unique_ptr<DiskStore> disk_;
  std::unique_ptr<TableStore> tables_;
  std::optional<Doom> doom_;
  std::vector<Trap> traps_;
  std::map<std::uint64_t, Shard::Action> in_flight_;
  std::uint64_t next_in_flight_ = 0;
  std::function<void(Death)> told_;
};

}  // namespace perdure::sim
