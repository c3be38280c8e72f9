// What the checks say of histories made by hand: that they see what is wrong, and that
// they are silent otherwise.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tables/keys.h"
#include "sim/check/debt.h"
#include "sim/check/observers.h"
#include "sim/check/state_model.h"

namespace perdure::sim {
namespace {

struct Heard {
  std::vector<std::string> checks;
  History::Report report() {
    return [this](Finding finding) { checks.push_back(finding.check); };
  }
};
using Checks = std::vector<std::string>;

TEST(StateModel, EachTurnIsTheLastOnePlusOneChange) {
  Heard heard;
  StateModel model(heard.report());
  model.answered("m", "set a x", "1|a=x;");
  model.answered("m", "clear_all", "4|");
  model.answered("m", "set ab y", "2|a=x;ab=y;");
  model.answered("m", "clear a", "3|ab=y;");
  model.answered("m", "look", "5|");
  EXPECT_EQ(heard.checks, Checks());
  EXPECT_EQ(model.last_turn("m"), 5u);
}

TEST(StateModel, SeesANeighboursKeyGoAndATurnGivenTwice) {
  Heard heard;
  StateModel model(heard.report());
  model.answered("m", "set a x", "1|a=x;");
  model.answered("m", "set ab y", "2|a=x;ab=y;");
  model.answered("m", "clear a", "3|");
  model.answered("m", "set b z", "3|b=z;");
  model.answered("m", "set b z", "nonsense");
  EXPECT_EQ(heard.checks, (Checks{"state-model", "exactly-once", "stable-answers"}));
}

TEST(Journals, AnExclusiveHandlerWaitsForTheOneBefore) {
  Heard heard;
  Journals journals(heard.report());
  journals.began("one", "Counter", "k", "add", true);
  journals.began("one", "Counter", "k", "add", true);     // again, the same
  journals.began("other", "Counter", "k", "get", false);  // shared
  journals.began("else", "Counter", "another", "add", true);
  journals.ended("one");
  journals.began("two", "Counter", "k", "add", true);
  journals.began("one", "Counter", "k", "add", true);  // a late attempt
  EXPECT_EQ(heard.checks, Checks());
  journals.began("three", "Counter", "k", "add", true);
  EXPECT_EQ(heard.checks, Checks{"per-key-exclusion"});
}

TEST(Journals, WhoIsKilledIsOver) {
  Heard heard;
  Journals journals(heard.report());
  journals.began("one", "Counter", "k", "add", true);
  journals.excuse("one");
  journals.began("two", "Counter", "k", "add", true);
  EXPECT_EQ(heard.checks, Checks());
}

TEST(Journals, NothingBeginsBeforeItsTime) {
  Heard heard;
  Nanos now = 0;
  Journals journals(heard.report());
  journals.set_clock([&now] { return now; });
  journals.not_before("Counter/k/add", 100);
  now = 99;
  journals.began("one", "Counter", "k", "add", true);
  EXPECT_EQ(heard.checks, Checks{"timer-early"});
  now = 100;
  journals.began("one", "Counter", "k", "add", true);
  EXPECT_EQ(heard.checks.size(), 1u);
}

TEST(Debt, IsWhatIsPendingAndNotWhatIsKept) {
  TableStore store;
  auto rows = std::make_shared<TableStore::Rows>();
  store.families["partition-0"] = rows;
  const wire::InvocationId id = {.partition_key = 7};
  (*rows)[tables::ended_key(id).str()] = "";
  EXPECT_EQ(debt_in(store, 0), "");
  (*rows)[tables::live_key(id).str()] = "";
  EXPECT_EQ(debt_in(store, 0), "partition-0: 1 live invocations; ");
  EXPECT_EQ(debt_in(store, 1), "");
  (*rows)[tables::timer_key({.id = id}).str()] = "";
  EXPECT_EQ(debt_in(store, 1), "partition-0: 1 timers; ");
}

}  // namespace
}  // namespace perdure::sim
