// sim/rocks/machine.h
//
// The RocksDB of one simulated process, over the disk of its machine.
//
//     shard 0 ── front ──┐                          opened by the first call, in an event
//     shard 1 ── front ──┴─► Database ─► DiskEnv ─► DiskStore
//                                          └─► its background jobs, each an event of its own
//
// A call runs whole at one event, some time after it was asked for, as the machine would do
// it on behalf of the process.  A crash may catch it on its way: then a coin says whether it
// ran, and another how much of it reached the disk.
//
// Born with its process; die() comes with the crash, before anything is unwound.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "engine/io/tables.h"
#include "sim/world/draw.h"
#include "sim/world/loop.h"

namespace perdure::rocks {
class Database;
}

namespace perdure::sim {

class DiskEnv;
class Host;
class Shard;
class Universe;

class RocksMachine {
 public:
  RocksMachine(Universe& universe, Host& host, Life life);
  ~RocksMachine();
  RocksMachine(const RocksMachine&) = delete;
  RocksMachine& operator=(const RocksMachine&) = delete;

  std::unique_ptr<io::Tables> front(Shard& shard);
  // From now on only so many changes reach the disk, drawn anew for each crash.
  void die_within_a_job();
  void die();  // nothing does

  // For checkers: all rows of a family, at once, if it is open.
  using SeeRow = std::function<void(const std::string& key, const std::string& value)>;
  void visit_rows(std::string_view family, const SeeRow& see);

 private:
  class Offload;
  class Front;
  class TimedFamily;

  Result<void> open_now();

  Universe& universe_;
  Host& host_;
  const Life life_;
  Dice dice_;
  std::unique_ptr<DiskEnv> env_;
  std::unique_ptr<rocks::Database> database_;
};

}  // namespace perdure::sim
