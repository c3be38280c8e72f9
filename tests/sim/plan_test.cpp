#include "sim/plan.h"

#include <gtest/gtest.h>

#include "sim/budget.h"
#include "sim/fault_text.h"
#include "sim/scenario.h"
#include "sim/scenario.pb.h"
#include "sim/scenario_file.h"
#include "sim/world/random.h"

namespace perdure::sim {
namespace {

using std::chrono::milliseconds;

const std::string least = "story: \"s\" reaches: \"m\" ";

std::string refused(const std::string& text) {
  const auto plan = plan_of_text("x", text);
  return plan ? "" : plan.error().detail;
}

TEST(ScenarioFile, NeedsAStoryAndAMarkThatItReaches) {
  EXPECT_EQ(refused(least), "");
  EXPECT_EQ(refused("reaches: \"m\""), "x: a scenario has a story");
  EXPECT_EQ(refused("story: \"s\""), "x: a scenario says which mark it reaches");
  EXPECT_EQ(refused("story: \"s\" seed: 7"), "");  // a schedule
}

TEST(ScenarioFile, SaysWhereItIsWrong) {
  EXPECT_NE(refused(least + "\nclouster {}").find("x:2:"), std::string::npos);
  EXPECT_NE(refused(least + "swarm { forbid: \"rain\" }").find("no fault is called rain"),
            std::string::npos);
  EXPECT_NE(refused(least + "swarm { profile: \"sunny\" }").find("not sunny"), std::string::npos);
  EXPECT_NE(refused(least + "weather { name: \"fog\" value: 1 }").find("link.least_us"),
            std::string::npos);
  EXPECT_NE(refused(least + "nemesis { at_ms: 3 }").find("needs an op"), std::string::npos);
  EXPECT_NE(refused(least + "cluster { kind: \"zoo\" }").find("zoo"), std::string::npos);
  EXPECT_NE(refused(least + "limit { name: \"x\" }").find("needs a value"), std::string::npos);
}

TEST(ScenarioFile, ASettingThatNobodyAsksForIsAMistake) {
  const auto plan = plan_of_text(
      "x", least + "cluster { kind: \"journal\" } limit { name: \"segments\" value: 3 }");
  ASSERT_TRUE(plan);
  const Verdict verdict = run(*plan, {.seed = 1});
  ASSERT_TRUE(verdict.finding);
  EXPECT_EQ(verdict.finding->check, "harness.plan");
  EXPECT_EQ(verdict.finding->detail, "journal has no setting limit.segments");
}

TEST(ScenarioFile, EveryFaultStandsInTextAsItIs) {
  const faults::Victims victims = {.nodes = {"n1", "n2", "n3"}, .helpers = {"h"}, .marks = {"m"}};
  AddressedRandom random(11, 1);
  faults::Swarm swarm = {.profile = faults::Profile::hostile};
  for (const auto& entry : faults::catalogue()) swarm.kinds.insert(entry.kind);
  const auto schedule = faults::draw_schedule(random, swarm, victims, std::chrono::minutes(5));
  ASSERT_GT(schedule.size(), 100U);
  for (const auto& misfortune : schedule) {
    text::Op op;
    put_fault(misfortune.fault, op);
    const auto back = fault_of(op);
    ASSERT_TRUE(back);
    EXPECT_EQ(show(*back), show(misfortune.fault));
  }
}

TEST(ScenarioFile, IsThePlanAgainWhenItIsRead) {
  const auto plan = plan_of_text("x", R"(
    story: "One." reaches: "a" reaches: "b" expect { sometimes: "c" min_hits: 3 } seed: 12
    cluster { kind: "single_node" partitions: 2 }
    time { chaos_ms: 1500 }
    workload { mix { verb: "nap" weight: 3 } clients: 2 skip: "c1-4" }
    handlers { slow_ppm: 7 }
    limit { name: "tour.sights" value: 4 } limit { name: "segment_bytes" value: 65536 } limit { name: "dirty_bytes_max" low: 3 high: 9 }
    world { pick: "priority" framed_http: false }
    swarm { none: true profile: "mild" forbid: "pause" always: "cut" only: "split" }
    weather { name: "sync_error" value: 0.001 }
    nemesis { at_ms: 12.5 op { cut { from: "n1" to: "n2" both_ways: false lasts_ms: 0.25 } } }
    nemesis { on { mark: "wal.opened" nth: 2 } op { power_loss { host: "$self" after_effects: 0 } } }
    nemesis { on_event: 77 op { blackout { restart_after_ms: 5 } } }
    mishaps { mishap { kind: "frame_loss" where: "n1>n3" ordinal: 417 } }
  )");
  ASSERT_TRUE(plan) << plan.error().detail;
  EXPECT_EQ(plan->settings.at("workload.mix.nap"), 3U);
  EXPECT_EQ(plan->settings.at("tour.sights"), 4U);
  EXPECT_EQ(plan->settings.at("limit.segment_bytes"), 65536U);
  EXPECT_EQ(plan->misfortunes[0].at, std::chrono::microseconds(12'500));
  const std::string text = text_of_plan(*plan);
  const auto again = plan_of_text("x", text);
  ASSERT_TRUE(again) << again.error().detail << "\n" << text;
  EXPECT_EQ(text_of_plan(*again), text);
  EXPECT_EQ(again->settings, plan->settings);
  EXPECT_EQ(again->mishaps, plan->mishaps);
  EXPECT_EQ(show(again->misfortunes[1]), show(plan->misfortunes[1]));
}

TEST(Plan, OfEveryFileInTheTreeIsGood) {
  EXPECT_GE(all_plans().size(), 15U);
  for (const Plan& plan : all_plans()) {
    EXPECT_TRUE(open_plan(plan.name)) << plan.name;
    EXPECT_FALSE(plan.story.empty()) << plan.name;
  }
}

// A seed that is written down, with all that happened to it, is the same run.
TEST(Plan, ResolvedGivesTheSameRun) {
  for (const char* name : {"journal", "single_node"}) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      const auto plan = open_plan(name);
      ASSERT_TRUE(plan);
      const Verdict drawn = run(*plan, {.seed = seed, .keep_plan = true});
      ASSERT_TRUE(drawn.plan);
      const auto read = plan_of_text(name, text_of_plan(*drawn.plan));
      ASSERT_TRUE(read) << read.error().detail;
      const Verdict again = run(*read, {});
      EXPECT_EQ(drawn.digest, again.digest) << name << " " << seed << "\n"
                                            << text_of_plan(*drawn.plan);
      EXPECT_EQ(drawn.events, again.events);
    }
  }
}

TEST(Plan, AnOperationThatIsSkippedIsNotAsked) {
  auto plan = open_plan("single_node");
  ASSERT_TRUE(plan);
  plan->no_chance = true;
  plan->settings["workload.clients"] = 1;
  plan->settings["workload.operations"] = 3;
  plan->skipped = {"c1-1", "c1-2", "c1-3"};
  const Verdict verdict = run(*plan, {.seed = 3});
  EXPECT_TRUE(verdict.passed());
  for (const auto& [mark, hits] : verdict.marks) EXPECT_FALSE(mark.starts_with("client.")) << mark;
}

TEST(Nemesis, CrashesWhoReachesAMark) {
  auto plan = open_plan("single_node");
  ASSERT_TRUE(plan);
  plan->no_chance = true;
  plan->misfortunes.push_back(
      {.on_mark = "wal.opened",
       .nth = 1,
       .fault = faults::PowerLoss{.host = "$self", .restart_after = milliseconds(5)}});
  plan->misfortunes.push_back(
      {.at = std::chrono::seconds(1), .fault = faults::ProcessCrash{.host = "n1"}});
  const Verdict verdict = run(*plan, {.seed = 3});
  EXPECT_TRUE(verdict.passed()) << verdict.finding->check << verdict.finding->detail;
  EXPECT_EQ(verdict.marks.at("fault.power_loss"), 1U);
  EXPECT_EQ(verdict.marks.at("fault.process_crash"), 1U);
}

TEST(Budget, LetsASetLoseWhatItMayAndTheOnlyCopyNever) {
  Budget budget;
  budget.add_set("log", {"n1", "n2", "n3"}, 1);
  const auto wipe = [](const char* host) { return faults::Fault(faults::WipeDisk{.host = host}); };
  EXPECT_TRUE(budget.spend(wipe("n1")));
  EXPECT_TRUE(budget.spend(wipe("n1")));  // it has nothing to lose any more
  const auto second = budget.spend(wipe("n2"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().detail, "log has lost 1 of the 1 disks it may lose");
  const auto alone = budget.spend(faults::BitRot{.host = "n9"});
  ASSERT_FALSE(alone);
  EXPECT_EQ(alone.error().detail, "n9 has the only copy of what it stores");
  EXPECT_TRUE(budget.spend(faults::PowerLoss{.host = "n2"}));
  EXPECT_NE(budget.explain().find("log lost the disks of n1, 1 of the 1"), std::string::npos);
}

}  // namespace
}  // namespace perdure::sim
