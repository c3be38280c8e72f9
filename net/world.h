// net/world.h
//
// The worlds of a server process: one thread, one loop and one io::World a shard, and
// what they share.
//
//                       Process
//      ┌─────────────┬─────┴───────┬───────────────┐
//   shard 0       shard 1       "sync" pool    "work" pool        log, ports, data lock
//   loop, World   loop, World   commits        all that blocks
//
//     TRY(process, Process::make({.shards = 2, .data_dir = "d"}, factories));
//     process->for_each_shard([&](std::uint32_t shard, io::World& world) { build });
//     process->wait_for_signal();
//     process->for_each_shard([&](std::uint32_t shard, io::World& world) { destroy });
//     process->stop();
//
// The thread that makes a Process is the main thread: the one that calls these, and not
// one of the loops.
//
// Signals: SIGPIPE is ignored; SIGTERM and SIGINT reach wait_for_signal() only, which
// is why a Process is made before any other thread of the program is started.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/io/world.h"
#include "net/disk/disk.h"
#include "net/loop/offload.h"
#include "net/peers/peers.h"
#include "net/sockets/sockets.h"
#include "net/trace/trace.h"

namespace perdure::net {

struct ProcessOptions {
  std::uint32_t shards = 1;  // loops, a thread each
  NodeId node = NodeId(1);
  std::string data_dir = "perdure-data";
  std::string bucket;  // "": data_dir/snapshots
  std::string secret;  // shared by the nodes of the cluster; "": none
  std::shared_ptr<const Credentials> credentials = nullptr;  // of this node; none: no TLS
  Log::Options log;
  std::size_t blocking_threads = 4;  // of the "work" pool, at most
};

// What the parts that are not made here may be made of.  Valid as long as the Process.
struct ShardParts {
  std::uint32_t shard;
  std::uint32_t shards;
  const std::string& data_dir;
  io::Clock& clock;
  io::Disk& disk;
  io::Fibers& fibers;
  io::Random& random;
  io::Streams& streams;
  io::Trace& trace;
  Offload& offload;  // to the "work" pool
};

// Called by make() on the main thread, shard after shard, before the loops run: they may
// block, and may not use fibers.
struct Factories {
  std::function<Result<std::unique_ptr<io::Http>>(const ShardParts&)> http;
  std::function<Result<std::unique_ptr<io::Tables>>(const ShardParts&)> tables;
};

class Process {
 public:
  // Takes the data directory and starts the loops.  Errors: conflict (the directory is
  // in use), full, failed, and those of the factories.
  static Result<std::unique_ptr<Process>> make(ProcessOptions options, const Factories& factories);
  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  std::uint32_t shards() const { return static_cast<std::uint32_t>(worlds_.size()); }
  // To be used on their own loops.
  std::span<io::World> worlds() { return worlds_; }

  // Runs `body` in a fiber of each shard, all at the same time; returns when all ended.
  void for_each_shard(const std::function<void(std::uint32_t shard, io::World&)>& body);
  // The same on one shard.
  void on_shard(std::uint32_t shard, const std::function<void(io::World&)>& body);

  // Starts a fiber there and returns; it ends by itself or with stop().
  void start_on_shard(std::uint32_t shard, std::function<void()> body);

  // Blocks until SIGTERM or SIGINT comes, and says which; 0 after interrupt().  From
  // then on such a signal ends the process at once, for those who are in a hurry.
  int wait_for_signal();
  void interrupt();  // from any thread

  // Ends the loops; fibers that are left are unwound.  Once; the destructor does it too.
  void stop();

  Log& log() { return log_; }
  // Summed over shards; from any thread.
  std::map<std::string, std::uint64_t> counters() const;

 private:
  struct Shard;

  Process(ProcessOptions options, FolderLock lock);
  Result<void> build(const Factories& factories);
  Result<void> build_node_port(const Factories& factories, ShardParts parts);
  void start();
  void run(Shard& shard);

  const ProcessOptions options_;
  const FolderLock lock_;
  Log log_;
  Ports ports_;
  Mesh mesh_;
  Pool sync_pool_, work_pool_;
  Fd interrupted_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::vector<io::World> worlds_;
  bool running_ = false;
};

}  // namespace perdure::net
