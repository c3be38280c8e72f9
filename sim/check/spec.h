// sim/check/spec.h
//
// What the services of the workload mean, in the fewest words: a server that never crashes,
// has one thread and keeps everything in maps.  Answers of the real one are compared
// with it.
//
//     apply(state, call) ──► {state, result}        pure; the state goes in by value
//
//     Counter  add: the count after it      get: the count
//     List     append: the place it got     items: all of them, in order
//     Register put: what was there          get, cas: whether it was as expected
//     Workflow run: once for each key, its first input's result; again: that result
//     Promise  resolve: once; again: the first value      peek, get
//
// Not here: time, who called, failures.  Those are the history's (history.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace perdure::sim::spec {

enum class Act : std::uint8_t {
  counter_add,
  counter_get,
  list_append,
  list_items,
  register_put,
  register_get,
  register_cas,
  workflow_run,
  promise_resolve,
  promise_peek,
  clear,  // the state of a key of Counter, List or Register
};

struct Call {
  Act act = Act::counter_get;
  std::string key;
  std::string input;     // the item, the value, the workflow's input
  std::string expected;  // of a cas
};

struct Key {
  std::uint64_t count = 0;
  std::vector<std::string> items;
  std::optional<std::string> value;
  std::optional<std::string> result;   // of the workflow
  std::optional<std::string> promise;  // once resolved
  friend bool operator==(const Key&, const Key&) = default;
};
using State = std::map<std::string, Key, std::less<>>;

struct Applied {
  State state;
  std::string result;
};
Applied apply(State state, const Call& call);

// The same, in place, for long histories.
std::string apply_to(State& state, const Call& call);

}  // namespace perdure::sim::spec
