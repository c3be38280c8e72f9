#include "engine/invoker/awaiting.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace perdure::invoker {
namespace {

using wire::detail::Reader;
using wire::detail::WireType;

constexpr std::uint32_t nested_field = 4;
constexpr std::uint32_t awaiting_on_field = 4;

// The nodes of a tree of any depth, without recursion: one Future's own fields at a
// time, its children put aside.
struct Subtree {
  std::string_view bytes;
  int depth;
};

// The bytes of field `number` each time it stands there; nothing when malformed.
std::optional<std::vector<std::string_view>> submessages(std::string_view bytes,
                                                         std::uint32_t number) {
  std::vector<std::string_view> found;
  Reader in{.rest = bytes};
  while (!in.rest.empty() && !in.wrong) {
    const std::uint64_t tag = in.varint();
    const auto type = static_cast<WireType>(tag & 7);
    if (!in.wrong && tag >> 3 == number && type == WireType::bytes) {
      found.push_back(in.bytes());
    } else if (!in.wrong) {
      in.skip(type);
    }
  }
  if (in.wrong) return std::nullopt;
  return found;
}

// A Future's own fields, not its children.
struct Leaves {
  std::vector<std::uint32_t> completions;
  std::vector<std::uint32_t> signals;
  std::vector<std::string> named_signals;
  static constexpr auto fields =
      std::tuple(wire::field(1, "completions", &Leaves::completions),
                 wire::field(2, "signals", &Leaves::signals),
                 wire::field(3, "named_signals", &Leaves::named_signals));
};

struct Flattened {
  wire::Future any_of;
  int depth = 0;
};

std::expected<Flattened, AttemptFailure> flatten(std::string_view future) {
  Flattened flat;
  flat.any_of.combinator = wire::Combinator::first_completed;
  std::vector<Subtree> open = {{.bytes = future, .depth = 1}};
  while (!open.empty()) {
    const Subtree node = open.back();
    open.pop_back();
    flat.depth = std::max(flat.depth, node.depth);
    if (node.depth > future_depth_max) {
      AttemptFailure deep = failure("RT0025", "the awaited future is nested too deep");
      deep.behavior = wire::ErrorBehavior::pause;
      return std::unexpected(std::move(deep));
    }
    const Result<Leaves> leaves = wire::decode<Leaves>(node.bytes);
    const auto children = submessages(node.bytes, nested_field);
    if (!leaves || !children) return std::unexpected(violation("Suspension: malformed future"));
    const auto append = [](auto& to, const auto& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(flat.any_of.completions, leaves->completions);
    append(flat.any_of.signals, leaves->signals);
    append(flat.any_of.named_signals, leaves->named_signals);
    for (const std::string_view child : *children) {
      open.push_back({.bytes = child, .depth = node.depth + 1});
    }
  }
  return flat;
}

bool nothing_in(const wire::Future& future) {
  return future.completions.empty() && future.signals.empty() && future.named_signals.empty();
}

std::expected<wire::Future, AttemptFailure> read_tree(std::string_view payload) {
  const auto futures = submessages(payload, awaiting_on_field);
  if (!futures) return std::unexpected(violation("Suspension: malformed"));
  if (futures->empty()) return wire::Future();
  auto flat = flatten(futures->back());
  if (!flat) return std::unexpected(std::move(flat.error()));
  if (flat->depth > future_depth_kept || nothing_in(flat->any_of)) return std::move(flat->any_of);
  Result<wire::Future> tree = wire::decode<wire::Future>(futures->back());
  if (!tree) return std::unexpected(violation("Suspension: " + tree.error().detail));
  return std::move(*tree);
}

std::expected<wire::Future, AttemptFailure> read_flat(std::string_view payload) {
  Result<wire::SuspensionMessage> message = wire::decode<wire::SuspensionMessage>(payload);
  if (!message) return std::unexpected(violation(message.error().detail));
  return wire::Future{.completions = std::move(message->waiting_completions),
                      .signals = std::move(message->waiting_signals),
                      .named_signals = std::move(message->waiting_named_signals),
                      .combinator = wire::Combinator::first_completed};
}

}  // namespace

std::expected<wire::Future, AttemptFailure> read_awaiting(std::string_view payload,
                                                          std::uint32_t version) {
  auto future = version >= 7 ? read_tree(payload) : read_flat(payload);
  if (future && nothing_in(*future) && future->nested.empty()) {
    return std::unexpected(violation("Suspension: it waits for nothing"));
  }
  return future;
}

bool can_be_woken(const wire::Future& future, const std::function<bool(std::uint32_t)>& own) {
  const bool needs_all = future.combinator == wire::Combinator::all_completed ||
                         future.combinator == wire::Combinator::all_succeeded_or_first_failed;
  const auto foreign = [&](std::uint32_t completion) { return !own(completion); };
  const auto no_cancel = [](std::uint32_t signal) { return signal != wire::cancel_signal; };
  const auto nested = [&](const wire::Future& part) { return can_be_woken(part, own); };
  if (needs_all) {
    return std::ranges::all_of(future.completions, foreign) &&
           std::ranges::all_of(future.nested, nested);
  }
  return !future.named_signals.empty() || std::ranges::any_of(future.signals, no_cancel) ||
         std::ranges::any_of(future.completions, foreign) ||
         std::ranges::any_of(future.nested, nested);
}

}  // namespace perdure::invoker
