#include "sim/shrink/shrink.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "sim/cli/result.h"
#include "sim/scenario.h"
#include "sim/scenario_file.h"

namespace perdure::sim {
namespace {

TEST(Minimal, KeepsWhatTheFailureNeeds) {
  std::vector<int> all(200);
  std::iota(all.begin(), all.end(), 0);
  int tries = 0;
  const auto kept = minimal<int>(all, [&](const std::vector<int>& some) {
    ++tries;
    const auto has = [&](int n) { return std::ranges::find(some, n) != some.end(); };
    return has(3) && has(77) && has(199);
  });
  EXPECT_EQ(kept, (std::vector<int>{3, 77, 199}));
  EXPECT_LT(tries, 150);
}

TEST(Minimal, OfNothingNeededIsNothing) {
  EXPECT_TRUE(minimal<int>({1, 2, 3}, [](const auto&) { return true; }).empty());
  EXPECT_EQ(minimal<int>({1, 2}, [](const auto& some) { return some.size() == 2; }).size(), 2U);
}

// The self-tests' bugs, from the first seed that shows each to a schedule that a person reads.
TEST(Shrinker, MakesThePlantedBugsSmall) {
  for (const Scenario& scenario : scenarios()) {
    // What differs from run to run is found by twins only, and does not shrink.
    if (scenario.must_find.empty() || scenario.must_find == "harness.nondeterminism") continue;
    auto plan = open_plan(std::string(scenario.name));
    ASSERT_TRUE(plan);
    std::optional<Plan> failing;
    for (std::uint64_t seed = 1; seed <= 100 && !failing; ++seed) {
      const Verdict verdict = run(*plan, {.seed = seed, .keep_plan = true});
      if (verdict.finding && verdict.finding->check == scenario.must_find) failing = verdict.plan;
    }
    ASSERT_TRUE(failing) << scenario.name;
    const auto fails = [&](const Plan& candidate) {
      const Verdict verdict = run(candidate, {});
      return verdict.finding && verdict.finding->check == scenario.must_find;
    };
    ASSERT_TRUE(fails(*failing)) << scenario.name;
    std::size_t steps = 0;
    Shrinker shrinker(*failing, fails, [&](const std::string&, const Plan&) { ++steps; });
    const Plan small = shrinker.shrink();
    EXPECT_TRUE(fails(small)) << scenario.name;
    EXPECT_LE(small.misfortunes.size(), 3U) << scenario.name << "\n" << text_of_plan(small);
    EXPECT_LE(small.mishaps->size(), 3U) << scenario.name << "\n" << text_of_plan(small);
    EXPECT_GT(steps, 0U) << scenario.name;
  }
}

TEST(Identity, LeavesNumbersOut) {
  cli::SeedResult one = {.check = "exactly-once", .subject = "c3-17 of k2"};
  cli::SeedResult two = {.check = "exactly-once", .subject = "c12-4 of k1"};
  EXPECT_EQ(identity_of(one), "exactly-once (c#-# of k#)");
  EXPECT_EQ(identity_of(one), identity_of(two));
  two.check = "nothing-invented";
  EXPECT_NE(identity_of(one), identity_of(two));
}

}  // namespace
}  // namespace perdure::sim
