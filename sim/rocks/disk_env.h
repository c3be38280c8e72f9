// sim/rocks/disk_env.h
//
// What RocksDB gets instead of an operating system: files on a simulated disk, the
// simulator's time, and a queue in the place of background threads.
//
//     DB ── file calls ──► DiskStore             at once; what they take is charged to the job
//        ── Schedule ────► queue ──run_one()──►  a job of its own, as an event
//        ── waits ───────► run_one()             there is nobody else to wait for: symbols.cpp
//
// One thread, no clock, no entropy: two runs of a seed do the same to the last byte.  For
// that, three functions of the library and its waits are replaced in every program that
// links this; while no DiskEnv is entered they behave as ever.
//
// A process that dies may do so within a job: cut_after(n) lets n more changes reach the
// disk, and then none, for good.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "sim/disk/disk_store.h"

namespace rocksdb {
class Env;
}

namespace perdure::sim {

struct DiskUse;
void link_replaced_symbols();  // symbols.cpp: to be linked wherever this is

class DiskEnv {
 public:
  // Paths begin with this; the rest is a path of the disk.
  static constexpr std::string_view root = "/disk";

  struct Parts {
    DiskStore& disk;
    std::function<Nanos()> now;
    std::function<void()> queued;  // run_one() is wanted, soon
    std::uint64_t seed = 1;        // another for each process
  };
  explicit DiskEnv(Parts parts);
  ~DiskEnv();
  DiskEnv(const DiskEnv&) = delete;
  DiskEnv& operator=(const DiskEnv&) = delete;

  rocksdb::Env* env();

  // While one lives, the library's chance and waits on this thread are those of the env.
  class Entered {
   public:
    explicit Entered(DiskEnv& env);
    ~Entered();
    Entered(const Entered&) = delete;
    Entered& operator=(const Entered&) = delete;

   private:
    DiskEnv* const before_;
  };

  bool run_one();  // false: nothing is queued
  void cut_after(std::uint64_t changes);

  // --- for symbols.cpp ---
  static DiskEnv* entered();
  std::uint32_t* skiplist_seed() { return &skiplist_seed_; }
  std::string next_session_id();

 private:
  class Env;

  const Parts parts_;
  const std::shared_ptr<DiskUse> use_;
  std::uint32_t skiplist_seed_;
  std::uint64_t sessions_ = 0;
  std::unique_ptr<Env> env_;
};

}  // namespace perdure::sim
