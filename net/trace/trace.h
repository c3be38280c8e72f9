// net/trace/trace.h
//
// io::Trace for a server: lines to standard error, counters for Prometheus.
//
//     2026-03-01T12:00:00.123Z INFO  [0] log.seal.started loglet=7
//     {"time":"2026-03-01T12:00:00.123Z","level":"info","shard":0,"event":"log.seal.started",...}
//
// Lines are written by the thread that tells them, one write each: an event that is told
// often belongs to Level::debug, or in a counter.  Counters are kept by each shard for
// itself, and summed by who asks.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "engine/io/clock.h"
#include "engine/io/trace.h"

namespace spdlog {
class logger;
namespace sinks {
class sink;
}
}  // namespace spdlog

namespace perdure::net {

enum class LineFormat { pretty, json };

// Where the lines of all shards go.
class Log {
 public:
  struct Options {
    io::Level level = io::Level::info;  // and what is graver
    LineFormat format = LineFormat::pretty;
  };
  explicit Log(Options options);  // to standard error
  Log(Options options, std::shared_ptr<spdlog::sinks::sink> sink);
  ~Log();

  bool wants(io::Level level) const { return level >= options_.level; }
  void write(io::Level level, WallTime at, std::uint32_t shard, std::string_view event,
             std::initializer_list<io::Field> fields);

 private:
  const Options options_;
  const std::unique_ptr<spdlog::logger> logger_;
};

// Named numbers that only grow.  One thread adds; any may read.
class Counters {
 public:
  void add(std::string_view name, std::uint64_t by);
  void sum_into(std::map<std::string, std::uint64_t>& sums) const;

 private:
  struct Cell {
    std::string name;
    std::atomic<std::uint64_t> value = 0;
  };
  Cell& cell(std::string_view name);

  // Names are literals, so their addresses find the cell nearly always.
  struct Known {
    const char* address = nullptr;
    Cell* cell = nullptr;
  };
  std::array<Known, 512> known_ = {};
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Cell>, std::less<>> cells_;  // under mutex_
};

class ShardTrace : public io::Trace {
 public:
  ShardTrace(Log& log, const io::Clock& clock, std::uint32_t shard)
      : log_(log), clock_(clock), shard_(shard) {}
  bool wants(io::Level level) const override { return log_.wants(level); }
  void event(io::Level level, std::string_view name,
             std::initializer_list<io::Field> fields = {}) override;
  void count(std::string_view name, std::uint64_t by = 1) override { counters_.add(name, by); }

  const Counters& counters() const { return counters_; }

 private:
  Log& log_;
  const io::Clock& clock_;
  const std::uint32_t shard_;
  Counters counters_;
};

// "wal.syncs" with 12 as Prometheus reads it: perdure_wal_syncs_total 12
std::string prometheus(const std::map<std::string, std::uint64_t>& counters);

}  // namespace perdure::net
