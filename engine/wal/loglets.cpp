#include "engine/wal/loglets.h"

#include <algorithm>

namespace perdure::wal {
namespace {

// Bounds that only a frame of a stranger's making can exceed.
constexpr Offset offset_max = Offset(std::uint64_t{1} << 60);
constexpr std::uint64_t gap_max = std::uint64_t{1} << 20;  // offsets between two neighbours

std::unexpected<Error> contradiction(LogletId loglet, std::string_view what, Offset offset) {
  return fail(Code::corrupt, "loglet " + std::to_string(loglet.raw()) + ": " + std::string(what) +
                                 " " + std::to_string(offset.raw()));
}

}  // namespace

Result<void> Loglets::apply(const Header& header, std::string_view bytes, Place place) {
  switch (header.kind) {
    case Kind::record:
    case Kind::metadata: return put(header.loglet, header.offset, place);
    case Kind::seal: loglets_[header.loglet].sealed = true; return {};
    case Kind::trim:
      if (header.offset > offset_max) {
        return contradiction(header.loglet, "trimmed beyond reason at", header.offset);
      }
      trim(loglets_[header.loglet], header.offset);
      return {};
    case Kind::drop: drop(header.loglet); return {};
    case Kind::roster: {
      TRY(lines, decode_roster(bytes));
      return merge(lines);
    }
    case Kind::end: return {};
  }
  return fail(Code::invalid, "a frame of kind " +
                                 std::to_string(static_cast<unsigned>(header.kind)) +
                                 ", which this program does not know");
}

std::optional<LogletState> Loglets::find(LogletId id) const {
  const auto found = loglets_.find(id);
  if (found == loglets_.end()) return std::nullopt;
  const Loglet& loglet = found->second;
  return LogletState{
      .loglet = id, .trim_point = loglet.trim_point, .last = loglet.last, .sealed = loglet.sealed};
}

std::vector<LogletState> Loglets::all() const {
  std::vector<LogletState> states;
  states.reserve(loglets_.size());
  for (const auto& [id, loglet] : loglets_) states.push_back(*find(id));
  return states;
}

std::optional<LogletId> Loglets::after(LogletId id) const {
  const auto found = loglets_.upper_bound(id);
  return found == loglets_.end() ? std::nullopt : std::optional(found->first);
}

Place Loglets::place_of(LogletId id, Offset offset) const {
  const auto found = loglets_.find(id);
  if (found == loglets_.end()) return {};
  const Loglet& loglet = found->second;
  if (loglet.places.empty() || offset < loglet.first_placed) return {};
  const std::uint64_t i = offset - loglet.first_placed;
  return i < loglet.places.size() ? loglet.places[i] : Place();
}

std::uint64_t Loglets::missing(LogletId id) const {
  const auto found = loglets_.find(id);
  if (found == loglets_.end()) return 0;
  const Loglet& loglet = found->second;
  std::uint64_t here = 0;
  for (std::size_t i = 0; i < loglet.places.size(); ++i) here += loglet.places[i].segment != 0;
  return (loglet.last - loglet.trim_point) - here;
}

Live Loglets::live_in(std::uint32_t segment) const {
  const auto found = live_.find(segment);
  return found == live_.end() ? Live() : found->second;
}

std::vector<Loglets::Found> Loglets::found_in(std::uint32_t segment) const {
  std::vector<Found> found;
  for (const auto& [id, loglet] : loglets_) {
    for (std::size_t i = 0; i < loglet.places.size(); ++i) {
      if (loglet.places[i].segment != segment) continue;
      found.push_back({.loglet = id, .offset = loglet.first_placed + i, .place = loglet.places[i]});
    }
  }
  return found;
}

std::vector<RosterLine> Loglets::roster() const {
  std::vector<RosterLine> lines;
  lines.reserve(loglets_.size());
  for (const auto& [id, loglet] : loglets_) {
    lines.push_back({.loglet = id,
                     .trim_point = loglet.trim_point,
                     .last = loglet.last,
                     .sealed = loglet.sealed});
  }
  return lines;
}

// A place that was known already is replaced: the later frame is the one that stays.
Result<void> Loglets::put(LogletId id, Offset offset, Place place) {
  if (offset == Offset(0) || offset > offset_max) {
    return contradiction(id, "no such offset as", offset);
  }
  Loglet& loglet = loglets_[id];
  if (offset <= loglet.trim_point) return {};
  if (loglet.places.empty()) loglet.first_placed = offset;

  const Offset end = loglet.first_placed + loglet.places.size();
  if (offset >= end && offset - end > gap_max) return contradiction(id, "a gap before", offset);
  if (offset < loglet.first_placed && loglet.first_placed - offset > gap_max) {
    return contradiction(id, "a gap after", offset);
  }
  for (Offset hole = end; hole < offset; hole = hole.next()) loglet.places.push_back({});
  while (offset < loglet.first_placed) {
    loglet.places.push_front({});
    loglet.first_placed = loglet.first_placed.prev();
  }
  if (offset >= end) {
    loglet.places.push_back(place);
  } else {
    Place& old = loglet.places[offset - loglet.first_placed];
    discount(old);
    old = place;
  }
  count(place);
  loglet.last = std::max(loglet.last, offset);
  return {};
}

void Loglets::trim(Loglet& loglet, Offset point) {
  if (point <= loglet.trim_point) return;
  loglet.trim_point = point;
  loglet.last = std::max(loglet.last, point);
  while (!loglet.places.empty() && loglet.first_placed <= point) {
    discount(loglet.places.front());
    loglet.places.pop_front();
    loglet.first_placed = loglet.first_placed.next();
  }
}

void Loglets::drop(LogletId id) {
  const auto found = loglets_.find(id);
  if (found == loglets_.end()) return;
  for (std::size_t i = 0; i < found->second.places.size(); ++i) {
    discount(found->second.places[i]);
  }
  loglets_.erase(found);
}

Result<void> Loglets::merge(const std::vector<RosterLine>& roster) {
  for (const RosterLine& line : roster) {
    if (line.last > offset_max || line.trim_point > line.last) {
      return contradiction(line.loglet, "a roster that says last is", line.last);
    }
    Loglet& loglet = loglets_[line.loglet];
    trim(loglet, line.trim_point);
    loglet.last = std::max(loglet.last, line.last);
    loglet.sealed = loglet.sealed || line.sealed;
  }
  return {};
}

void Loglets::count(Place place) {
  if (place.segment == 0) return;
  const std::uint32_t bytes = frame_bytes(place.length);
  Live& live = live_[place.segment];
  ++live.frames, live.bytes += bytes;
  ++live_total_.frames, live_total_.bytes += bytes;
}

void Loglets::discount(Place place) {
  if (place.segment == 0) return;
  const std::uint32_t bytes = frame_bytes(place.length);
  const auto found = live_.find(place.segment);
  CHECK(found != live_.end());
  --live_total_.frames, live_total_.bytes -= bytes;
  found->second.bytes -= bytes;
  if (--found->second.frames == 0) live_.erase(found);
}

void Loglets::check_invariants() const {
  Live total;
  for (const auto& [id, loglet] : loglets_) {
    CHECK(loglet.trim_point <= loglet.last);
    if (loglet.places.empty()) continue;
    CHECK(loglet.trim_point < loglet.first_placed);
    CHECK(loglet.first_placed + loglet.places.size() <= loglet.last.next());
    for (std::size_t i = 0; i < loglet.places.size(); ++i) {
      if (loglet.places[i].segment == 0) continue;
      ++total.frames, total.bytes += frame_bytes(loglet.places[i].length);
    }
  }
  CHECK(total.frames == live_total_.frames);
  CHECK(total.bytes == live_total_.bytes);
}

}  // namespace perdure::wal
