// sim/trace/spans.h
//
// What lasts, found in a story: lives of processes, misfortunes, clients' operations,
// leaderships.  Pictures are made of these.
//
// An end that the run did not live to see is the run's end.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/trace/story.h"

namespace perdure::sim::trace {

struct Span {
  std::uint64_t begin = 0, end = 0;  // moments; end 0: still so at the run's end
  std::uint64_t from = 0, to = 0;    // ns
  std::uint32_t host = 0;
};

struct LifeSpan : Span {
  std::uint32_t incarnation = 0;
  bool power_lost = false;  // how it ended
};
struct FaultSpan : Span {
  std::string name, detail;
};
enum class Outcome : std::uint8_t { answered, refused, unknown, open };
struct OperationSpan : Span {
  std::string name, detail;
  Outcome outcome = Outcome::open;
  std::uint32_t retries = 0;
};
// Leads something: "partition 3" in an epoch, "the metadata group" in a term.
struct RoleSpan : Span {
  std::string of;
  std::uint64_t epoch = 0;
};
// A message that arrived, or never did (to: 0).
struct MessageSpan : Span {
  std::uint32_t to_host = 0;
  std::string name;
};

struct Spans {
  std::vector<LifeSpan> lives;
  std::vector<FaultSpan> faults;
  std::vector<OperationSpan> operations;
  std::vector<RoleSpan> roles;
  std::vector<MessageSpan> messages;
};

Spans spans_of(const Story& story);

}  // namespace perdure::sim::trace
