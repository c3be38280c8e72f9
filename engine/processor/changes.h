// engine/processor/changes.h
//
// What a record changed, in the order it did: from this a leader derives incrementally
// what it would otherwise read off the tables (design, law 5).  A follower drops it.
// Nothing here is truth; a new leader starts from the rows and owes the same.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "engine/tables/keys.h"
#include "engine/wire/command.h"

namespace perdure::processor {

struct Run {  // an attempt is due: it has just begun, or goes on
  wire::InvocationId id;
};
struct Stored {  // its journal grew by these frames, commands and notifications alike
  wire::InvocationId id;
  std::uint32_t first = 0;  // number of the first; the input is 0
  std::string frames;
};
struct Stopped {  // no attempt may go on: it ended, suspended, or was paused
  wire::InvocationId id;
};
struct Completed {
  wire::InvocationId id;
  wire::Outcome outcome;
  WallTime kept_until;  // 1970: nothing was kept
  std::string service, handler;
};
struct OutboxGrew {
  std::uint64_t seq = 0;
};
struct TimerAdded {
  tables::Timer timer;
};
struct TimerRemoved {
  tables::Timer timer;
};
struct WillExpire {  // something is in this bucket, to be dropped when it is over
  tables::Bucket bucket = 0;
};
struct LeaderAnnounced {
  Epoch epoch;
  NodeId node;
  std::uint64_t incarnation = 0;
  std::uint32_t features = 0;
};
using Change = std::variant<Run, Stored, Stopped, Completed, OutboxGrew, TimerAdded, TimerRemoved,
                            WillExpire, LeaderAnnounced>;

// What became of the record as a whole.
enum class Verdict {
  applied,
  duplicate,  // its producer's mark, or its request id, says that it was applied before
  fenced,     // of an epoch that is not the announced one
  refused,    // a request from outside the window in which request ids are kept
};
std::string_view name_of(Verdict);

struct Changes {
  Verdict verdict = Verdict::applied;
  bool began = false;     // an Invoke made a new invocation
  WallTime request_time;  // when refused: a request of this time would not have been
  std::vector<Change> list;

  void clear() { verdict = Verdict::applied, began = false, request_time = {}, list.clear(); }
};

}  // namespace perdure::processor
