// engine/wal/loglets.h
//
// What the stream holds of each loglet, as a value: frames go in, in stream order, both
// when they are appended and when they are found again at recovery; so the index after a
// restart is the index before it, by construction.
//
//     loglet 7     trim point 2           last 6
//     offset       1     2     3     4     5     6
//                  gone  gone  [3:600][3:700][3:900][4:512]     segment:byte
//
//     trim point <= last
//     live in a segment = the places that point into it
//
// A place may be missing: on one of several nodes a hole is normal below the committed
// tail, because copies go elsewhere.  Whoever expects none asks missing().
//
// Not here   files, positions durable or not: those are engine/wal/wal.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"
#include "engine/wal/frame.h"
#include "engine/wal/ring.h"

namespace perdure::wal {

// Where a frame stands.  Segment 0 is none.
struct Place {
  std::uint32_t segment = 0;
  std::uint32_t byte = 0;    // of its header
  std::uint32_t length = 0;  // of its bytes
  friend bool operator==(const Place&, const Place&) = default;
};

struct LogletState {
  LogletId loglet;
  Offset trim_point;  // the last that is gone; 0: none is
  Offset last;        // the last that was appended; 0: none was
  bool sealed = false;
  friend bool operator==(const LogletState&, const LogletState&) = default;
};

// What a segment holds that is still wanted.
struct Live {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

class Loglets {
 public:
  // Error: corrupt when the frame contradicts itself or what came before.
  Result<void> apply(const Header& header, std::string_view bytes, Place place);

  std::optional<LogletState> find(LogletId loglet) const;
  std::vector<LogletState> all() const;  // by id
  // The id of the first one behind it that is known, whether it is itself or not.
  std::optional<LogletId> after(LogletId loglet) const;
  std::size_t size() const { return loglets_.size(); }
  // Segment 0 when it is trimmed, missing, or not written yet.
  Place place_of(LogletId loglet, Offset offset) const;
  // Offsets after the trim point, up to the last, that are not here.
  std::uint64_t missing(LogletId loglet) const;

  Live live_in(std::uint32_t segment) const;
  Live live() const { return live_total_; }
  struct Found {
    LogletId loglet;
    Offset offset;
    Place place;
  };
  std::vector<Found> found_in(std::uint32_t segment) const;

  std::vector<RosterLine> roster() const;
  void check_invariants() const;

 private:
  struct Loglet {
    Offset trim_point;
    Offset last;
    bool sealed = false;
    Offset first_placed;  // offset of places[0], when there is one
    Ring<Place> places;
  };

  Result<void> put(LogletId id, Offset offset, Place place);
  void trim(Loglet& loglet, Offset point);
  void drop(LogletId id);
  Result<void> merge(const std::vector<RosterLine>& roster);
  void count(Place place);
  void discount(Place place);

  std::map<LogletId, Loglet> loglets_;
  std::map<std::uint32_t, Live> live_;
  Live live_total_;
};

}  // namespace perdure::wal
