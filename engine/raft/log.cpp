#include "engine/raft/log.h"

#include <algorithm>

#include "engine/base/check.h"

namespace perdure::raft {

Log::Log(Index base, Term base_term, Configuration configuration)
    : base_(base), base_term_(base_term) {
  configurations_[base] = std::move(configuration);
}

std::optional<Term> Log::term_of(Index index) const {
  if (index == base_) return base_term_;
  if (index < base_ || index > last()) return std::nullopt;
  return at(index).term;
}

const Entry& Log::at(Index index) const {
  CHECK(index > base_);
  CHECK(index <= last());
  return entries_[index - base_ - 1];
}

void Log::append(Entry entry) {
  CHECK(entry.index == last().next());
  CHECK(entry.term >= last_term());
  bytes_ += weight(entry);
  if (entry.kind == EntryKind::configuration) {
    auto configuration = wire::decode<Configuration>(entry.bytes);
    CHECK(configuration.has_value());  // whoever took it in has looked
    configurations_[entry.index] = std::move(*configuration);
  }
  entries_.push_back(std::move(entry));
}

void Log::cut_from(Index index) {
  CHECK(index > base_);
  while (last() >= index) {
    bytes_ -= weight(entries_.back());
    entries_.pop_back();
  }
  configurations_.erase(configurations_.lower_bound(index), configurations_.end());
}

void Log::forget_to(Index index) {
  CHECK(index <= last());
  while (base_ < index) {
    base_ = base_.next();
    base_term_ = entries_.front().term;
    bytes_ -= weight(entries_.front());
    entries_.pop_front();
  }
  configurations_.erase(configurations_.begin(), std::prev(configurations_.upper_bound(base_)));
}

std::vector<Entry> Log::slice(Index from, Index to, std::uint64_t bytes_max) const {
  std::vector<Entry> entries;
  std::uint64_t bytes = 0;
  for (Index i = from; i <= to; i = i.next()) {
    bytes += weight(at(i));
    if (!entries.empty() && bytes > bytes_max) break;
    entries.push_back(at(i));
  }
  return entries;
}

Index Log::last_not_above(Index index, Term term) const {
  index = std::clamp(index, base_, last());
  while (index > base_ && at(index).term > term) index = index.prev();
  return index;
}

const Configuration& Log::configuration_at(Index index) const {
  const auto after = configurations_.upper_bound(index);
  CHECK(after != configurations_.begin());
  return std::prev(after)->second;
}

void Log::check_invariants() const {
  Term term = base_term_;
  std::uint64_t bytes = 0;
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    CHECK(entries_[i].index == base_ + i + 1);
    CHECK(entries_[i].term >= term);
    term = entries_[i].term;
    bytes += weight(entries_[i]);
    IMPLIES(entries_[i].kind == EntryKind::configuration,
            configurations_.contains(entries_[i].index));
  }
  CHECK(bytes == bytes_);
  CHECK(configurations_.begin()->first <= base_);
  CHECK(configurations_.rbegin()->first <= last());
}

}  // namespace perdure::raft
