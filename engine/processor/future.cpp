#include "engine/processor/future.h"

#include <algorithm>

namespace perdure::processor {
namespace {

struct Seen {  // of a node's children
  bool open = false, succeeded = false, failed = false;

  void add(Settled child) {
    open |= child == Settled::open;
    succeeded |= child == Settled::succeeded;
    failed |= child == Settled::failed;
  }
};

Settled of_number(std::uint32_t number, const IntervalSet& present, const IntervalSet& failures) {
  if (!present.contains(number)) return Settled::open;
  return failures.contains(number) ? Settled::failed : Settled::succeeded;
}

Settled of_name(const std::string& name, const tables::JournalRow& journal) {
  const auto found = std::ranges::find(journal.named_signals, name, &tables::NamedSignal::name);
  if (found == journal.named_signals.end()) return Settled::open;
  return found->failed ? Settled::failed : Settled::succeeded;
}

Seen leaves(const wire::Future& future, const tables::JournalRow& journal) {
  Seen seen;
  for (const auto id : future.completions) {
    seen.add(of_number(id, journal.completions, journal.failures));
  }
  for (const auto id : future.signals) {
    seen.add(of_number(id, journal.signals, journal.failed_signals));
  }
  for (const auto& name : future.named_signals) seen.add(of_name(name, journal));
  return seen;
}

Settled combine(wire::Combinator combinator, const Seen& seen) {
  if (!seen.open && !seen.succeeded && !seen.failed) return Settled::succeeded;
  switch (combinator) {
    case wire::Combinator::unknown:
    case wire::Combinator::first_completed:
      if (seen.succeeded) return Settled::succeeded;
      return seen.failed ? Settled::failed : Settled::open;
    case wire::Combinator::all_completed: return seen.open ? Settled::open : Settled::succeeded;
    case wire::Combinator::first_succeeded_or_all_failed:
      if (seen.succeeded) return Settled::succeeded;
      return seen.open ? Settled::open : Settled::failed;
    case wire::Combinator::all_succeeded_or_first_failed:
      if (seen.failed) return Settled::failed;
      return seen.open ? Settled::open : Settled::succeeded;
  }
  return Settled::succeeded;  // of a later protocol: let the handler look for itself
}

}  // namespace

Settled settle(const wire::Future& future, const tables::JournalRow& journal) {
  struct Node {
    const wire::Future* future;
    Seen seen;
    std::size_t next = 0;  // of its nested ones
  };
  std::vector<Node> path{{.future = &future, .seen = leaves(future, journal)}};
  while (true) {
    Node& node = path.back();
    if (node.next < node.future->nested.size()) {
      const wire::Future& nested = node.future->nested[node.next++];
      path.push_back({.future = &nested, .seen = leaves(nested, journal)});
      continue;
    }
    const Settled settled = combine(node.future->combinator, node.seen);
    path.pop_back();
    if (path.empty()) return settled;
    path.back().seen.add(settled);
  }
}

}  // namespace perdure::processor
