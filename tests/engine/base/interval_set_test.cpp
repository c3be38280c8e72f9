#include "engine/base/interval_set.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

namespace perdure {
namespace {

TEST(IntervalSet, AgreesWithASetOfNumbers) {
  EXPECT_TRUE(rc::check([] {
    const auto numbers = *rc::gen::container<std::vector<unsigned>>(rc::gen::inRange(0u, 40u));
    IntervalSet set;
    std::set<unsigned> model;
    for (const unsigned n : numbers) RC_ASSERT(set.insert(n) == model.insert(n).second);
    for (unsigned n = 0; n <= 41; ++n) RC_ASSERT(set.contains(n) == model.contains(n));
    for (std::size_t i = 1; i < set.intervals().size(); ++i) {
      RC_ASSERT(set.intervals()[i - 1].last + 1 < set.intervals()[i].first);
    }
  }));
}

TEST(IntervalSet, NumbersInARowAreOneInterval) {
  IntervalSet set;
  for (unsigned n = 1; n <= 1000; ++n) set.insert(n);
  EXPECT_EQ(set.intervals(), (std::vector<IntervalSet::Interval>{{1, 1000}}));
}

}  // namespace
}  // namespace perdure
