// sim/check/durable_records.h
//
// Which records a machine's disk holds so that a power loss cannot take them: looked up in
// the bytes of its WAL that are durable, not asked of the server that runs on it.
//
//     wal/0/00000004.segment  [ head | batch | batch | ...
//                                              ▲ read up to here: what a sync made durable
//                                                since then is read when somebody asks
//
// A record is known by its content, since the place of one in a log is its sequencer's
// word again.  What was durable once stays known after it is trimmed.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "engine/wire/command.h"
#include "sim/disk/disk_store.h"

namespace perdure::sim {

class DurableRecords {
 public:
  explicit DurableRecords(const DiskStore& disk) : disk_(disk) {}

  bool contains(const wire::Record& record);

 private:
  struct Segment {
    std::uint32_t number = 0;  // its life: a file that is used again begins anew
    std::size_t read = 0;      // bytes
  };
  void read_on();
  void read_segment(const std::string& bytes, Segment& segment);

  const DiskStore& disk_;
  std::map<std::string, Segment> segments_;  // by path
  std::set<std::uint64_t> records_;          // hashes
};

}  // namespace perdure::sim
