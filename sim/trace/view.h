// sim/trace/view.h
//
// A story as lines, one a moment, in fixed columns:
//
//        time s    event  who       what
//      12.004311    84120  n1.2/0    ◆ log.chains.extended  chains=3
//      12.004840    84131  client2   ▶ add  k1 c2-7
//
// Without an explicit choice only transitions are shown: faults, processes up and down,
// roles, what the engine said, what clients asked and were told, and the verdict.  The
// signs stand in docs/user/trace.md.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "sim/trace/story.h"

namespace perdure::sim::trace {

struct Choice {
  std::set<std::string> nodes;  // none: all
  std::set<What> kinds;         // none: transitions
  bool all_kinds = false;
  std::uint64_t around = 0;  // an event, 0: everywhere
  std::uint64_t span = 200;  // so many events before and after it
  std::string follow;        // a text: invocation, token, key
  std::string name;          // part of the name
};

// "send,deliver", "all"; invalid: an unknown one, with those there are.
Result<void> choose_kinds(Choice& choice, std::string_view list);
bool is_transition(What what);

// Numbers of the moments chosen, rising.
std::vector<std::uint64_t> chosen(const Story& story, const Choice& choice);

// One line, without its end.  Colour by ANSI codes.
std::string line_of(const Story& story, std::uint64_t number, bool colour);
// What happened, in words: "n1 was told by client2: POST /Counter/k0/add".
std::string words_of(const Story& story, std::uint64_t number);
// Where it happened: an arrival, where the send went to.
std::uint32_t place_of(const Story& story, const Moment& moment);
std::string who_of(const Story& story, const Moment& moment);   // "n1.2/0"
std::string json_of(const Story& story, std::uint64_t number);  // one line

// The screen above and below the lines: what ran, what came of it, how to run it again.
std::string opening_of(const Story& story);
std::string column_heads();
std::string verdict_of(const Story& story);

}  // namespace perdure::sim::trace
