#include "sim/check/linearizable.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

namespace perdure::sim {
namespace {

// One place of the search: what has been put in order, and what may be tried next.
struct Node {
  std::string state;
  std::vector<std::size_t> candidates;  // calls, the best one last
  std::size_t call = 0;                 // that led here
};

class Search {
 public:
  Search(const std::vector<CallSpan>& calls, const Model& model, std::uint64_t steps_max)
      : calls_(calls), model_(model), steps_max_(steps_max), done_(calls.size(), false) {
    by_begin_.resize(calls.size());
    std::iota(by_begin_.begin(), by_begin_.end(), 0u);
    std::ranges::stable_sort(by_begin_, {}, [&](std::size_t n) { return calls_[n].begin; });
    definite_left_ = static_cast<std::size_t>(
        std::ranges::count_if(calls, [](const CallSpan& c) { return c.end.has_value(); }));
  }

  LinearityResult run(const std::string& initial) {
    if (definite_left_ == 0) return result_;
    path_.push_back({.state = initial, .candidates = candidates(), .call = 0});
    while (!path_.empty()) {
      if (path_.back().candidates.empty()) {
        leave();
        continue;
      }
      if (++result_.steps > steps_max_) return end(Linearity::unknown);
      const std::size_t call = path_.back().candidates.back();
      path_.back().candidates.pop_back();
      if (enter(call) && definite_left_ == 0) return end(Linearity::yes);
    }
    return end(Linearity::no);
  }

 private:
  // Those that began before any that is not in order yet has ended.
  std::vector<std::size_t> candidates() {
    while (first_ < by_begin_.size() && done_[by_begin_[first_]]) ++first_;
    Nanos earliest_end = UINT64_MAX;
    for (std::size_t i = first_; i < by_begin_.size(); ++i) {
      const CallSpan& call = calls_[by_begin_[i]];
      if (call.begin > earliest_end) break;
      if (!done_[by_begin_[i]] && call.end) earliest_end = std::min(earliest_end, *call.end);
    }
    std::vector<std::size_t> found;
    for (std::size_t i = first_; i < by_begin_.size(); ++i) {
      if (calls_[by_begin_[i]].begin > earliest_end) break;
      if (!done_[by_begin_[i]]) found.push_back(by_begin_[i]);
    }
    // What must be early is tried first; what is in doubt only when nothing else fits.
    std::ranges::stable_sort(found, std::greater(),
                             [&](std::size_t n) { return calls_[n].end.value_or(UINT64_MAX); });
    return found;
  }

  bool enter(std::size_t call) {
    const std::optional<std::string> next = model_(path_.back().state, call);
    if (!next) return false;
    if (!calls_[call].end && *next == path_.back().state) return false;  // as if it never was
    done_[call] = true;
    const std::size_t first_before = first_;
    std::string key = *next;
    key.push_back('\0');
    for (const bool done : done_) key.push_back(done ? '1' : '0');
    if (!seen_.insert(std::move(key)).second) {
      done_[call] = false;
      return false;
    }
    if (calls_[call].end) --definite_left_;
    order_.push_back(call);
    if (order_.size() > result_.order.size()) result_.order = order_;
    path_.push_back({.state = *next, .candidates = candidates(), .call = call});
    firsts_.push_back(first_before);
    return true;
  }

  void leave() {
    const std::size_t call = path_.back().call;
    path_.pop_back();
    if (path_.empty()) return;
    done_[call] = false;
    if (calls_[call].end) ++definite_left_;
    order_.pop_back();
    first_ = firsts_.back();
    firsts_.pop_back();
  }

  LinearityResult end(Linearity verdict) {
    result_.verdict = verdict;
    return std::move(result_);
  }

  const std::vector<CallSpan>& calls_;
  const Model& model_;
  const std::uint64_t steps_max_;
  std::vector<std::size_t> by_begin_;
  std::vector<bool> done_;
  std::size_t first_ = 0;  // in by_begin_: all before are done
  std::size_t definite_left_ = 0;
  std::vector<Node> path_;
  std::vector<std::size_t> order_, firsts_;
  std::set<std::string> seen_;
  LinearityResult result_;
};

}  // namespace

LinearityResult linearizable(const std::vector<CallSpan>& calls, const std::string& initial,
                             const Model& model, std::uint64_t steps_max) {
  return Search(calls, model, steps_max).run(initial);
}

}  // namespace perdure::sim
