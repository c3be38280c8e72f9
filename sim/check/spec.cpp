#include "sim/check/spec.h"

#include <utility>

namespace perdure::sim::spec {

namespace {

std::string joined(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) {
    if (!text.empty()) text += ',';
    text += item;
  }
  return text;
}

std::string put(Key& key, const std::string& value) {
  return std::exchange(key.value, value).value_or("");
}

std::string cas(Key& key, const Call& call) {
  if (key.value.value_or("") != call.expected) return "false";
  key.value = call.input;
  return "true";
}

// The first one counts; everybody is told what it said.
std::string once(std::optional<std::string>& first, const std::string& input) {
  if (!first) first = input;
  return *first;
}

std::string clear(Key& key) {
  key.count = 0;
  key.items.clear();
  key.value.reset();
  return "";
}

}  // namespace

std::string apply_to(State& state, const Call& call) {
  Key& key = state[call.key];
  switch (call.act) {
    case Act::counter_add: return std::to_string(++key.count);
    case Act::counter_get: return std::to_string(key.count);
    case Act::list_append: key.items.push_back(call.input); return std::to_string(key.items.size());
    case Act::list_items: return joined(key.items);
    case Act::register_put: return put(key, call.input);
    case Act::register_get: return key.value.value_or("");
    case Act::register_cas: return cas(key, call);
    case Act::workflow_run: return once(key.result, call.input);
    case Act::promise_resolve: return once(key.promise, call.input);
    case Act::promise_peek: return key.promise.value_or("");
    case Act::clear: return clear(key);
  }
  return "";
}

Applied apply(State state, const Call& call) {
  std::string result = apply_to(state, call);
  return {.state = std::move(state), .result = std::move(result)};
}

}  // namespace perdure::sim::spec
