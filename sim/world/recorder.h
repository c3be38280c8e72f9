// sim/world/recorder.h
//
// What the engine said happened.  Every event above debug is folded into the digest and
// counted as a mark under its name, as those of debug are; observers (the on-line
// checkers) see it at once, in the turn in which it happens.
//
// The story (sim/trace/story.h) is written down only when somebody asked for it before
// the run.  Telling changes nothing of what happens: same events, same digest.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/trace.h"
#include "sim/trace/story.h"
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
std::string show_fields(const TraceEvent&);  // "loglet=7 tail=12"

class Recorder final : private LoopWatch {
 public:
  using Observer = std::function<void(const TraceEvent&)>;
  using Watcher = std::function<void(std::string_view host, std::string_view mark)>;
  using Marks = std::map<std::string, std::uint64_t, std::less<>>;

  explicit Recorder(Loop& loop) : loop_(loop) {}

  void observe(Observer observer) { observers_.push_back(std::move(observer)); }
  // Called at every mark, of every level: for what is triggered by one.
  void watch(Watcher watcher) { watchers_.push_back(std::move(watcher)); }

  // Everything is written into `story` from now on.  Borrowed; outlives the run.
  void tell_into(trace::Story* story);
  bool telling() const { return story_ != nullptr; }
  // One moment of the story, caused by what runs now; its number, 0 without a story.
  // Texts that cost something to make are made only if telling().
  struct Told {
    trace::What what;
    Life life = {};
    std::uint32_t shard = 0;
    std::string_view name, detail;
    std::uint64_t a = 0, b = 0, payload = 0;
    io::Level level = io::Level::info;
  };
  std::uint64_t tell(const Told& told);
  void tell_host(std::string_view name, std::uint32_t shards, bool helper);
  void tell_schedule(std::string line);
  // A misfortune; its end is told when its time comes, or when the world is healed.
  void tell_fault(Life life, std::string_view name, std::string_view text, Nanos lasts);
  void tell_healed();

  void event(const TraceEvent& event);
  void count(std::string_view name, std::uint64_t by);

  const Marks& marks() const { return marks_; }        // events by name
  const Marks& counters() const { return counters_; }  // Trace::count
  std::uint64_t hits(std::string_view mark) const;

 private:
  std::uint64_t runs(const Happened& happened) override;
  void found(const Finding& finding) override;
  void tell_digest();
  void tell_ends(Nanos until);

  Loop& loop_;
  std::vector<Observer> observers_;
  std::vector<Watcher> watchers_;
  trace::Story* story_ = nullptr;
  Nanos next_digest_at_ = 0;
  struct FaultEnd {
    std::uint64_t begin;  // the moment
    Life life;
    std::string name;
  };
  std::multimap<Nanos, FaultEnd> fault_ends_;
  Marks marks_, counters_;
};

}  // namespace perdure::sim
