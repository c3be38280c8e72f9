#include "sim/check/spec_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "sim/check/spec.h"

namespace perdure::sim {

namespace {

std::optional<std::uint64_t> number_in(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

Finding differs(std::string_view subject, std::string detail) {
  return {.check = "equals-spec", .subject = std::string(subject), .detail = std::move(detail)};
}

// The counter of one key.
std::optional<Finding> check_counter(std::span<const Operation> operations, const FinalRead& read) {
  std::vector<std::pair<std::uint64_t, const Operation*>> told;
  std::uint64_t spare = 0;  // adds that may have happened without anybody knowing
  for (const Operation& operation : operations) {
    if (operation.verb != Verb::add || operation.key != read.key) continue;
    if (!operation.idempotent && operation.attempts > 1) spare += operation.attempts - 1;
    if (operation.fate == Fate::open || operation.fate == Fate::unknown) ++spare;
    if (operation.fate != Fate::answered) continue;
    const auto count = number_in(operation.answer);
    if (!count) return differs("add", operation.token + " was told '" + operation.answer + "'");
    told.emplace_back(*count, &operation);
  }
  std::ranges::sort(told);
  spec::State state;
  const spec::Call add = {
      .act = spec::Act::counter_add, .key = read.key, .input = {}, .expected = {}};
  const spec::Call get = {
      .act = spec::Act::counter_get, .key = read.key, .input = {}, .expected = {}};
  const auto fill_up_to = [&](std::uint64_t count) {
    for (; spare > 0 && state[read.key].count < count; --spare) (void)spec::apply_to(state, add);
  };
  for (const auto& [count, operation] : told) {
    fill_up_to(count - 1);
    const std::string result = spec::apply_to(state, add);
    if (result != operation->answer) {
      return differs("add", fmt::format("{} {} was told {}, the spec server says {}", read.key,
                                        operation->token, operation->answer, result));
    }
  }
  fill_up_to(number_in(read.value).value_or(0));
  const std::string result = spec::apply_to(state, get);
  if (result == read.value) return std::nullopt;
  return differs("get", fmt::format("{} is {} at the end, the spec server says {}", read.key,
                                    read.value, result));
}

bool appends(const Operation& operation) {
  return operation.verb == Verb::append || operation.verb == Verb::chain ||
         operation.verb == Verb::spread || operation.verb == Verb::send;
}

// The list of one key: the final read is the order.
std::optional<Finding> check_list(std::span<const Operation> operations, const FinalRead& read) {
  std::map<std::string_view, const Operation*> by_token;
  for (const Operation& operation : operations) {
    if (appends(operation) && operation.key == read.key) by_token[operation.token] = &operation;
  }
  spec::State state;
  std::map<std::string_view, std::uint64_t> times;
  for (std::string_view rest = read.value; !rest.empty();) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string_view item = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    const std::string result = spec::apply_to(state, {.act = spec::Act::list_append,
                                                      .key = read.key,
                                                      .input = std::string(item),
                                                      .expected = {}});
    const auto found = by_token.find(item);
    if (found == by_token.end()) {
      return differs("append", fmt::format("{} holds '{}', which nobody sent", read.key, item));
    }
    const Operation& operation = *found->second;
    const bool told_a_place = operation.fate == Fate::answered &&
                              (operation.verb == Verb::append || operation.verb == Verb::chain);
    if (++times[item] == 1 && told_a_place && operation.idempotent && operation.answer != result) {
      return differs("append", fmt::format("{} {} was told {}, the spec server says {}", read.key,
                                           item, operation.answer, result));
    }
  }
  const std::string items = spec::apply_to(
      state, {.act = spec::Act::list_items, .key = read.key, .input = {}, .expected = {}});
  if (items == read.value) return std::nullopt;
  return differs("items",
                 fmt::format("{} is '{}', the spec server says '{}'", read.key, read.value, items));
}

}  // namespace

std::optional<Finding> against_spec(std::span<const Operation> operations,
                                    std::span<const FinalRead> reads) {
  for (const FinalRead& read : reads) {
    auto finding = read.list ? check_list(operations, read) : check_counter(operations, read);
    if (finding) return finding;
  }
  return std::nullopt;
}

}  // namespace perdure::sim
