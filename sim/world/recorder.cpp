#include "sim/world/recorder.h"

#include <fmt/format.h>

#include "engine/base/bytes.h"
#include "engine/base/match.h"

namespace perdure::sim {

namespace {

std::uint64_t hash_of(const TraceEvent& event) {
  std::uint64_t hash = hash64(event.name, event.shard);
  for (const io::Field& field : event.fields) {
    hash = hash64(field.name, hash);
    hash = match(
        field.value,
        [&](std::uint64_t number) {
          return number * 0x9E3779B97F4A7C15u ^ (hash << 1 | hash >> 63);
        },
        [&](std::string_view text) { return hash64(text, hash); });
  }
  return hash;
}

void add(Recorder::Marks& marks, std::string_view name, std::uint64_t by) {
  const auto found = marks.find(name);
  if (found != marks.end()) {
    found->second += by;
  } else {
    marks.emplace(name, by);
  }
}

}  // namespace

std::uint64_t TraceEvent::number(std::string_view field, std::uint64_t otherwise) const {
  for (const io::Field& each : fields) {
    const auto* number = std::get_if<std::uint64_t>(&each.value);
    if (each.name == field && number != nullptr) return *number;
  }
  return otherwise;
}

std::string_view TraceEvent::text(std::string_view field) const {
  for (const io::Field& each : fields) {
    const auto* text = std::get_if<std::string_view>(&each.value);
    if (each.name == field && text != nullptr) return *text;
  }
  return {};
}

std::string show(const TraceEvent& event) {
  std::string line =
      fmt::format("{:>12.6f} {:>8} {}.{}/{} {} {}", static_cast<double>(event.at) / 1e9,
                  event.event, event.host, event.life.incarnation, event.shard,
                  event.level == io::Level::error  ? "E"
                  : event.level == io::Level::warn ? "W"
                                                   : " ",
                  event.name);
  for (const io::Field& field : event.fields) {
    match(
        field.value,
        [&](std::uint64_t number) { line += fmt::format(" {}={}", field.name, number); },
        [&](std::string_view text) { line += fmt::format(" {}={}", field.name, text); });
  }
  return line;
}

void Recorder::event(const TraceEvent& event) {
  if (telling()) line_(show(event));
  add(marks_, event.name, 1);
  for (const Watcher& watcher : watchers_) watcher(event.host, event.name);
  if (event.level == io::Level::debug) return;
  loop_.note(event.life, Kind::trace, hash_of(event));
  for (const Observer& observer : observers_) observer(event);
}

void Recorder::count(std::string_view name, std::uint64_t by) { add(counters_, name, by); }

std::uint64_t Recorder::hits(std::string_view mark) const {
  const auto found = marks_.find(mark);
  return found == marks_.end() ? 0 : found->second;
}

}  // namespace perdure::sim
