#include "sim/check/state_model.h"

#include <fmt/format.h>

#include <charconv>

namespace perdure::sim {

void StateModel::fail(std::string_view check, const std::string& object, std::string detail) {
  report_({.check = std::string(check),
           .subject = "state",
           .detail = fmt::format("{}: {}", object, detail)});
}

StateModel::State StateModel::after(State state, std::string_view change) {
  if (change == "clear_all") return {};
  const std::size_t first = change.find(' ');
  if (first == change.npos) return state;  // "look"
  const std::string_view verb = change.substr(0, first), rest = change.substr(first + 1);
  if (verb == "clear") {
    state.erase(std::string(rest));
  } else if (const std::size_t blank = rest.find(' '); blank != rest.npos) {
    state[std::string(rest.substr(0, blank))] = rest.substr(blank + 1);
  }
  return state;
}

void StateModel::answered(const std::string& object, const std::string& change,
                          std::string_view answer) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), number);
  Turn turn = {.change = change, .answer = std::string(answer), .state = {}};
  if (error != std::errc() || end == answer.data() + answer.size() || *end != '|') {
    return fail("stable-answers", object, fmt::format("'{}' was answered by '{}'", change, answer));
  }
  std::string_view rest(end + 1, static_cast<std::size_t>(answer.data() + answer.size() - end - 1));
  while (!rest.empty()) {
    const std::size_t equals = rest.find('='), stop = rest.find(';');
    if (equals == rest.npos || stop == rest.npos || stop < equals) break;
    turn.state[std::string(rest.substr(0, equals))] = rest.substr(equals + 1, stop - equals - 1);
    rest.remove_prefix(stop + 1);
  }
  auto& turns = turns_[object];
  const auto [place, fresh] = turns.emplace(number, std::move(turn));
  if (!fresh) {
    return fail(
        "exactly-once", object,
        fmt::format("turn {} was given to '{}' and to '{}'", number, place->second.change, change));
  }
  static const Turn nothing;
  if (number == 1) compare(object, nothing, number, place->second);
  if (place != turns.begin() && std::prev(place)->first + 1 == number) {
    compare(object, std::prev(place)->second, number, place->second);
  }
  if (const auto next = std::next(place); next != turns.end() && next->first == number + 1) {
    compare(object, place->second, next->first, next->second);
  }
}

void StateModel::compare(const std::string& object, const Turn& before, std::uint64_t number,
                         const Turn& turn) {
  if (after(before.state, turn.change) == turn.state) return;
  fail("state-model", object,
       fmt::format("turn {}: '{}' after '{}' gave '{}'", number, turn.change, before.answer,
                   turn.answer));
}

std::uint64_t StateModel::last_turn(const std::string& object) const {
  const auto found = turns_.find(object);
  return found == turns_.end() ? 0 : found->second.rbegin()->first;
}

}  // namespace perdure::sim
