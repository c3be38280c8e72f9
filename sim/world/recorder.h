// sim/world/recorder.h
//
// What the engine said happened.  Every event above debug is folded into the digest and
// counted as a mark under its name, as those of debug are; observers (the on-line checkers) see it
// at once, in the turn in which it happens.  The story is written down only when somebody asked for
// it before the run.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/trace.h"
#include "sim/world/loop.h"

namespace perdure::sim {

struct TraceEvent {
  Nanos at;
  std::uint64_t event;
  std::string_view host;
  Life life;
  std::uint32_t shard;
  io::Level level;
  std::string_view name;
  std::span<const io::Field> fields;

  // The field of that name, or the value given.
  std::uint64_t number(std::string_view field, std::uint64_t otherwise = 0) const;
  std::string_view text(std::string_view field) const;
};
std::string show(const TraceEvent&);  // "  12.004311 n1.1/0  log.seal.started  loglet=7"

class Recorder {
 public:
  using Observer = std::function<void(const TraceEvent&)>;
  using Line = std::function<void(const std::string&)>;
  using Watcher = std::function<void(std::string_view host, std::string_view mark)>;
  using Marks = std::map<std::string, std::uint64_t, std::less<>>;

  explicit Recorder(Loop& loop) : loop_(loop) {}

  void observe(Observer observer) { observers_.push_back(std::move(observer)); }
  // Called at every mark, of every level: for what is triggered by one.
  void watch(Watcher watcher) { watchers_.push_back(std::move(watcher)); }
  // Every event is also written down from now on; `from_event` leaves out earlier ones.
  void tell(Line line, std::uint64_t from_event = 0) {
    line_ = std::move(line);
    from_event_ = from_event;
  }
  bool telling() const { return static_cast<bool>(line_) && loop_.event() >= from_event_; }
  void say(const std::string& line) const {
    if (telling()) line_(line);
  }

  void event(const TraceEvent& event);
  void count(std::string_view name, std::uint64_t by);

  const Marks& marks() const { return marks_; }        // events by name
  const Marks& counters() const { return counters_; }  // Trace::count
  std::uint64_t hits(std::string_view mark) const;

 private:
  Loop& loop_;
  std::vector<Observer> observers_;
  std::vector<Watcher> watchers_;
  Line line_;
  std::uint64_t from_event_ = 0;
  Marks marks_, counters_;
};

}  // namespace perdure::sim
