// engine/io/trace.h
//
// What happened, as typed events.  One call is the log line of a server, the event
// of a simulated run, and the mark that a scenario says it must reach.
//
//     trace.event(Level::info, "log.seal.started", {{"loglet", loglet.raw()}});
//
// Names are dotted: room, noun, past tense.  The order of fields is the order of
// reading.  Values are numbers or text, never addresses.
//
// Promised   An event costs nothing when its level is not wanted.  Never parks.
// Allowed    Lines may be dropped when the sink is slower than we are.
// Not here   metrics that are counted rather than told: count().
//
// rarely() is the other way round: a place in the code where something legal but rare may
// be done asks whether to do it this time, so that what is behind it is met by tests.
//
//     if (trace.rarely("wal.flush_less")) count = 1;
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <variant>

namespace perdure::io {

enum class Level { debug, info, warn, error };

struct Field {
  template <class Int>
    requires std::is_integral_v<Int>
  Field(std::string_view key, Int number) : name(key), value(static_cast<std::uint64_t>(number)) {}
  Field(std::string_view key, std::string_view text) : name(key), value(text) {}
  Field(std::string_view key, const char* text) : name(key), value(std::string_view(text)) {}

  std::string_view name;
  std::variant<std::uint64_t, std::string_view> value;  // borrowed for the call only
};

class Trace {
 public:
  virtual ~Trace() = default;
  virtual bool wants(Level) const = 0;
  virtual void event(Level, std::string_view name, std::initializer_list<Field> = {}) = 0;
  // Adds to a counter; `name` is a literal, "wal.syncs".  Prometheus shows it.
  virtual void count(std::string_view name, std::uint64_t by = 1) = 0;
  virtual bool rarely(std::string_view /*site*/) { return false; }
};

}  // namespace perdure::io
