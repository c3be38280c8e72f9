// engine/node/shard.h
//
// A server is a list of these: one a loop, each built, run and destroyed there from its
// own World.  They share nothing; what one wants of another it asks by frame (rpc.h).
//
//              shard 0                                   shard 1 …
//     ingress  admin  health  metadata          ingress
//     partitions 0, 2, 4 …                      partitions 1, 3, 5 …
//     invoker  log  WAL stream 0                invoker  log  WAL stream 1
//
// This is the only room that knows all the others; shard.cpp's constructor is the wiring
// diagram.  A shard cannot tell whether its World is real.
//
//     net/main.cpp       World of sockets and files, one process
//     sim/cluster        World of seeded pretence, many nodes in a thread
//
// Life:  made ─ open() ─► leads its partitions ─ listen() ─► serves ─ stop() ─► gone.
// Destroying it without stop() is a crash, as far as anybody can see.
//
// Read next: docs/life_of_an_invocation.md, shard.cpp, partitions.h.
#pragma once

#include <memory>
#include <string>

#include "engine/base/result.h"
#include "engine/io/world.h"
#include "engine/node/options.h"

namespace perdure::node {

struct Addresses {  // really bound; empty where this shard does not listen
  std::string ingress, admin, node;
};

class Shard {
 public:
  Shard(const Options&, const io::World&);
  ~Shard();
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  // Parks: recovers what the disk holds, replays, leads.  Shards other than 0 wait for
  // shard 0, so all are opened at the same time.  Errors say why it refuses to start:
  // invalid (a data directory of another version, cluster or shard count), corrupt,
  // full, failed, timed_out.
  Result<void> open();
  // Parks.  Error: conflict, naming the address that is in use.  Shard 0 first; the
  // others are given the ingress address that it really got.
  Result<Addresses> listen(const std::string& ingress_address);
  // Parks until the shard can do nothing more on its own and the process should start
  // anew: a failed sync leaves bytes in doubt for ever.  Error: why; or cancelled.
  Error wait_until_failed();
  // Parks: answers what it can within Options::drain, lays down a checkpoint, ends.
  void stop();

  void check_invariants() const;  // walks; for simulators

  struct Rooms;  // for checkers of the simulator, which may look but not touch
  const Rooms& rooms() const { return *rooms_; }

 private:
  std::unique_ptr<Rooms> rooms_;
};

}  // namespace perdure::node
