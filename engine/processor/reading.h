// engine/processor/reading.h
//
// Looks at an invocation's rows, for those who run it or ask about it.  These park when
// rows have left memory; what each returns was true at one moment while it ran.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/tables/rows.h"
#include "engine/tables/store.h"

namespace perdure::processor {

enum class State { absent, scheduled, queued, running, suspended, paused, completed };
std::string_view name_of(State);

struct InvocationStatus {
  State state = State::absent;
  std::uint64_t random_seed = 0;
  std::string service, handler;                  // empty when absent
  std::optional<wire::DeploymentId> deployment;  // pinned
  std::uint32_t protocol_version = 0;            // with it
  wire::Outcome outcome;                         // when completed
  std::optional<WallTime> kept_until;            // when completed, and if it is kept
};

// All that an attempt begins with.
struct Replay {
  wire::Target target;
  std::string frames;         // the journal, frame after frame, the input first
  std::uint32_t entries = 0;  // how many that is
  std::vector<wire::KeyValue> state;
  bool state_is_partial = true;  // false: that is all of it
  std::optional<wire::DeploymentId> deployment;
  std::uint32_t protocol_version = 0;
  std::uint64_t random_seed = 0;
  std::optional<std::string> idempotency_key;
  std::string traceparent;
};

// What is kept of a completed invocation.
struct Past {
  wire::Target target;
  wire::Retention retention;
  std::optional<wire::DeploymentId> deployment;
  std::uint32_t protocol_version = 0;
  std::uint64_t random_seed = 0;
  std::string traceparent;
  std::string frames;  // its journal; empty: that is not kept, or no longer
};

// Keeps what was read lately in memory: objects that are busy are read again at once.
class Reader {
 public:
  static constexpr std::size_t pins_max = 4096;  // of each of two generations

  explicit Reader(tables::Store& store);

  // `now` is the wall clock: what has expired is absent.
  Result<InvocationStatus> status(const wire::InvocationId&, WallTime now);
  // Errors: not_found when it has not completed, or is forgotten; the store's.
  Result<Past> past(const wire::InvocationId&, WallTime now);
  // Errors: not_found when it is not to run (absent, ended, queued, waiting); the store's.
  Result<Replay> replay(const wire::InvocationId&, std::uint64_t state_bytes_max);
  // Should an attempt at it run now?
  Result<bool> runs(const wire::InvocationId&);

 private:
  Result<void> have(const tables::Reads&);
  struct Found {
    tables::InvocationRow row;
    bool queued = false;
  };
  Result<std::optional<Found>> live(const wire::InvocationId&, bool with_journal);
  Result<std::string> journal(const wire::InvocationId&, const tables::JournalRow&);
  Result<std::string> chunks(const wire::InvocationId&);
  Result<std::string> kept_journal(const wire::InvocationId&, const tables::EndedRow&,
                                   WallTime now);
  Result<void> add_state(const tables::ObjectName&, std::uint64_t bytes_max, Replay&);

  tables::Store& store_;
  tables::Pins even_, odd_;  // one is filled, the other is what was filled before
  bool fill_even_ = true;
  std::size_t filled_ = 0;
};

}  // namespace perdure::processor
