#include "sim/check/history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace perdure::sim {

namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

bool goes_to_list(Verb verb) {
  return verb == Verb::append || verb == Verb::chain || verb == Verb::spread || verb == Verb::send;
}

// What its client was told is a position in the list.
bool answers_position(Verb verb) { return verb == Verb::append || verb == Verb::chain; }

}  // namespace

std::string_view name_of(Verb verb) {
  switch (verb) {
    case Verb::add: return "add";
    case Verb::append: return "append";
    case Verb::echo: return "echo";
    case Verb::nap: return "nap";
    case Verb::await: return "await";
    case Verb::chain: return "chain";
    case Verb::spread: return "spread";
    case Verb::send: return "send";
  }
  return "?";
}

void History::fail(std::string_view check, const Operation& operation, std::string detail) {
  report_({.check = std::string(check),
           .subject = std::string(name_of(operation.verb)),
           .detail = fmt::format("{} {} {}: {}", name_of(operation.verb), operation.key,
                                 operation.token, detail)});
}

std::size_t History::invoked(Operation operation) {
  operation.attempts = 1;
  operations_.push_back(std::move(operation));
  tell(Step::invoked, operations_.size() - 1);
  return operations_.size() - 1;
}

void History::retried(std::size_t number) {
  ++operations_[number].attempts;
  tell(Step::retried, number);
}

void History::tell(Step step, std::size_t number) const {
  if (watch_) watch_(step, number, operations_[number]);
}

void History::returned(std::size_t number, Nanos now, Fate fate, std::string answer) {
  Operation& operation = operations_[number];
  operation.returned = now;
  operation.fate = fate;
  operation.answer = std::move(answer);
  tell(Step::returned, number);
  if (fate != Fate::answered) return;
  switch (operation.verb) {
    case Verb::echo:
    case Verb::nap:
    case Verb::await:
    case Verb::spread:
      if (operation.answer != operation.token) {
        fail("stable-answers", operation, "answered '" + operation.answer + "'");
      }
      return;
    case Verb::add:
    case Verb::append:
    case Verb::chain: return check_position(operation);
    case Verb::send: return;
  }
}

// Each key hands out 1, 2, 3 ...: to each operation its own, and in real-time order.
void History::check_position(const Operation& operation) {
  const auto position = number_in(operation.answer);
  if (!position || *position == 0) {
    return fail("stable-answers", operation, "answered '" + operation.answer + "'");
  }
  const auto self = static_cast<std::size_t>(&operation - operations_.data());
  auto& taken = operation.verb == Verb::add ? counts_ : positions_;
  const auto [place, fresh] = taken.emplace(std::pair(operation.key, *position), self);
  if (!fresh) {
    return fail("exactly-once", operation,
                fmt::format("position {} was given to {} too", *position,
                            operations_[place->second].token));
  }
  if (place != taken.begin()) {
    // The neighbour below must not have begun after this one had returned.
    const auto before = std::prev(place);
    const Operation& other = operations_[before->second];
    if (before->first.first == operation.key && other.invoked > operation.returned) {
      fail("per-key-order", operation, other.token + " came later, but stands before");
    }
  }
  if (const auto after = std::next(place);
      after != taken.end() && after->first.first == operation.key &&
      operations_[after->second].returned < operation.invoked) {
    fail("per-key-order", operation,
         operations_[after->second].token + " was answered earlier, but stands behind");
  }
}

void History::answered_again(std::size_t number, std::string_view answer) {
  const Operation& operation = operations_[number];
  if (operation.fate == Fate::answered && operation.answer != answer) {
    fail("stable-answers", operation,
         fmt::format("answered '{}', then '{}'", operation.answer, answer));
  }
}

void History::check_counter(std::string_view key, std::uint64_t count) {
  std::uint64_t least = 0, most = 0;
  const Operation* last = nullptr;
  for (const Operation& operation : operations_) {
    if (operation.verb != Verb::add || operation.key != key) continue;
    last = &operation;
    if (operation.fate == Fate::answered) ++least;
    if (operation.fate == Fate::refused) continue;
    most += operation.idempotent ? 1 : operation.attempts;
  }
  if (last == nullptr) return;
  if (count < least) {
    fail("acked-is-durable", *last, fmt::format("{} adds were answered, {} counted", least, count));
  }
  if (count > most) {
    fail("exactly-once", *last, fmt::format("at most {} adds were sent, {} counted", most, count));
  }
}

void History::check_list(std::string_view key, const std::vector<std::string>& items) {
  std::map<std::string_view, const Operation*> sent;
  for (const Operation& operation : operations_) {
    if (goes_to_list(operation.verb) && operation.key == key) sent[operation.token] = &operation;
  }
  std::map<std::string_view, std::vector<std::uint64_t>> places;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!sent.contains(items[i])) {
      return report_({.check = "nothing-invented",
                      .subject = "append",
                      .detail = fmt::format("{} holds '{}', which nobody sent", key, items[i])});
    }
    places[items[i]].push_back(i + 1);
  }
  for (const auto& [token, operation] : sent) {
    const std::vector<std::uint64_t>& at = places[token];
    const std::uint64_t most = operation->idempotent ? 1 : operation->attempts;
    if (operation->fate == Fate::refused && !at.empty()) {
      fail("stable-answers", *operation, "it was refused, but it is there");
    }
    if (operation->fate == Fate::answered && at.empty()) {
      fail("acked-is-durable", *operation, "it was answered, but is not there");
    }
    if (at.size() > most)
      fail("exactly-once", *operation, fmt::format("it is there {} times", at.size()));
    const auto told = number_in(operation->answer);
    const bool told_a_place =
        operation->fate == Fate::answered && answers_position(operation->verb);
    if (told_a_place && told && std::ranges::find(at, *told) == at.end() && !at.empty()) {
      fail("per-key-order", *operation,
           fmt::format("it was told {}, but stands at {}", *told, at[0]));
    }
  }
}

std::set<std::string> History::keys(bool lists) const {
  std::set<std::string> keys;
  for (const Operation& operation : operations_) {
    if (lists ? goes_to_list(operation.verb) : operation.verb == Verb::add)
      keys.insert(operation.key);
  }
  return keys;
}

std::set<std::string> History::expected(std::string_view key) const {
  std::set<std::string> tokens;
  for (const Operation& operation : operations_) {
    if (goes_to_list(operation.verb) && operation.key == key && operation.fate == Fate::answered) {
      tokens.insert(operation.token);
    }
  }
  return tokens;
}

std::uint64_t History::answered_adds(std::string_view key) const {
  std::uint64_t highest = 0;
  for (auto at = counts_.lower_bound({std::string(key), 0});
       at != counts_.end() && at->first.first == key; ++at) {
    highest = at->first.second;
  }
  return highest;
}

std::uint64_t History::sent_adds(std::string_view key) const {
  std::uint64_t sent = 0;
  for (const Operation& operation : operations_) {
    if (operation.verb != Verb::add || operation.key != key) continue;
    sent += operation.idempotent ? 1 : operation.attempts;
  }
  return sent;
}

std::vector<std::string> History::answered_appends(std::string_view key) const {
  std::vector<std::string> tokens;
  for (const Operation& operation : operations_) {
    const bool done = operation.fate == Fate::answered && answers_position(operation.verb);
    if (done && operation.key == key) tokens.push_back(operation.token);
  }
  return tokens;
}

std::uint64_t History::abandoned() const {
  return static_cast<std::uint64_t>(std::ranges::count_if(operations_, [](const Operation& o) {
    return o.verb == Verb::await && o.fate != Fate::answered;
  }));
}

}  // namespace perdure::sim
