// engine/base/interval_set.h
//
// A set of numbers kept as sorted, disjoint, non-touching closed intervals.  For ids
// that are handed out one after the other (completion ids of an invocation, request
// ids of a window) it is one interval almost always, whatever their number.
//
//     {1,2,3,5}  is  [1,3] [5,5]
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace perdure {

class IntervalSet {
 public:
  struct Interval {
    std::uint64_t first, last;  // both included
    friend bool operator==(const Interval&, const Interval&) = default;
  };

  IntervalSet() = default;

  bool contains(std::uint64_t n) const {
    const auto after = first_beginning_after(n);
    return after != intervals_.begin() && std::prev(after)->last >= n;
  }

  // False when it was there already.
  bool insert(std::uint64_t n) {
    auto after = intervals_.begin() + (first_beginning_after(n) - intervals_.begin());
    if (after != intervals_.begin() && std::prev(after)->last >= n) return false;
    const bool touches_before = after != intervals_.begin() && std::prev(after)->last + 1 == n;
    const bool touches_after = after != intervals_.end() && n + 1 == after->first;
    if (touches_before && touches_after) {
      std::prev(after)->last = after->last;
      intervals_.erase(after);
    } else if (touches_before) {
      std::prev(after)->last = n;
    } else if (touches_after) {
      after->first = n;
    } else {
      intervals_.insert(after, {n, n});
    }
    return true;
  }

  bool empty() const { return intervals_.empty(); }
  const std::vector<Interval>& intervals() const { return intervals_; }
  static IntervalSet from(std::vector<Interval> sorted) {
    IntervalSet set;
    set.intervals_ = std::move(sorted);
    return set;
  }
  friend bool operator==(const IntervalSet&, const IntervalSet&) = default;

 private:
  std::vector<Interval>::const_iterator first_beginning_after(std::uint64_t n) const {
    return std::ranges::upper_bound(intervals_, n, {}, &Interval::first);
  }

  std::vector<Interval> intervals_;
};

}  // namespace perdure
