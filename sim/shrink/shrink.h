// sim/shrink/shrink.h
//
// Makes a failing schedule small: takes away what the failure does not need, and runs
// again.  A smaller plan counts only if it fails in the same way (the identity of its
// finding: check and subject, numbers aside), so that one bug is not traded for another.
//
//     whole kinds of fault ─► the weather ─► the world ─► the workload ─► misfortunes one
//     by one ─► mishaps in blocks ─► shorter, fewer nodes ─► an earlier end ─► round numbers
//
// Draws are addressed, so what stays in a plan behaves as before as far as it can.  Lists
// are cut by delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating
// Failure-Inducing Input", 2002).
//
// A value over Plans: whoever calls it runs them, and says when the time is up.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "sim/plan.h"

namespace perdure::sim {

// Of a list that fails, one from which nothing can be taken away (1-minimal), as far as
// fails() was patient: it may answer false for want of time.
template <class Item>
std::vector<Item> minimal(std::vector<Item> items,
                          const std::function<bool(const std::vector<Item>&)>& fails) {
  if (items.empty() || fails({})) return {};
  std::size_t pieces = 2;
  while (items.size() > 1) {
    const std::size_t size = (items.size() + pieces - 1) / pieces;
    bool cut = false;
    for (std::size_t at = 0; at < items.size() && !cut; at += size) {
      std::vector<Item> rest(items.begin(), items.begin() + static_cast<std::ptrdiff_t>(at));
      const std::size_t end = std::min(items.size(), at + size);
      rest.insert(rest.end(), items.begin() + static_cast<std::ptrdiff_t>(end), items.end());
      if (rest.size() < items.size() && !rest.empty() && fails(rest)) {
        items = std::move(rest);
        pieces = std::max<std::size_t>(pieces - 1, 2);
        cut = true;
      }
    }
    if (cut) continue;
    if (size == 1) break;
    pieces = std::min(items.size(), pieces * 2);
  }
  return items;
}

class Shrinker {
 public:
  // Whether the plan still fails in the same way.
  using Fails = std::function<bool(const Plan&)>;
  // Called after each step that made the plan smaller.
  using Tell = std::function<void(const std::string& step, const Plan&)>;

  Shrinker(Plan plan, Fails fails, Tell tell)
      : plan_(std::move(plan)), fails_(std::move(fails)), tell_(std::move(tell)) {}

  // `plan` fails; the result does too, and is no larger.
  Plan shrink();

 private:
  bool accept(const std::string& step, Plan candidate);
  void drop_kinds();
  void calm_weather();
  void simplify_world();
  void fewer_operations();
  void fewer_misfortunes();
  void fewer_mishaps();
  void smaller_numbers();
  void shorter();
  void round();

  Plan plan_;
  const Fails fails_;
  const Tell tell_;
};

}  // namespace perdure::sim
