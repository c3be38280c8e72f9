// What the checks say of histories made by hand: that they see what is wrong, and that
// they are silent otherwise.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "engine/tables/keys.h"
#include "engine/wire/service_protocol.h"
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

TEST(Journals, NothingIsToldTwiceButACancel) {
  const auto frame = [](wire::Notification notification) {
    std::string bytes;
    wire::put_message(bytes, wire::MessageType::signal_notification, notification);
    return bytes;
  };
  const std::string cancel =
      frame(wire::Notification::of_signal(wire::cancel_signal, wire::Void{}));
  const std::string signal = frame(wire::Notification::of_signal(17, wire::Void{}));
  const std::string completion = frame(wire::Notification::of_completion(17, wire::Void{}));
  Heard heard;
  Journals journals(heard.report());
  journals.replayed("one", cancel + signal + completion + cancel);
  EXPECT_EQ(heard.checks, Checks{});
  journals.replayed("two", signal + completion + signal);
  EXPECT_EQ(heard.checks, Checks{"journal-twice"});
}

TEST(Debt, IsWhatIsPendingAndNotWhatIsKept) {
  const wire::InvocationId id = {.partition_key = 7};
  const WallTime now(std::chrono::hours(100));
  const auto debt = [&](std::uint64_t abandoned, std::initializer_list<tables::Key> keys) {
    Debt seen(abandoned, now);
    for (const tables::Key& key : keys) seen.see("partition-0", key.str());
    return seen.text();
  };
  const tables::Key live = tables::live_key(id), ended = tables::ended_key(id);
  EXPECT_EQ(debt(0, {ended, tables::completed_key(100, id), tables::journal_tail_key(id)}), "");
  EXPECT_EQ(debt(0, {live}), "partition-0: live invocations 1; ");
  EXPECT_EQ(debt(1, {live}), "");
  EXPECT_EQ(debt(1, {live, tables::timer_key({.id = id})}), "partition-0: timers 1; ");
  EXPECT_EQ(debt(0, {ended, tables::kept_key(98, id)}), "partition-0: rows kept too long 1; ");
  EXPECT_EQ(debt(0, {tables::journal_tail_key(id)}), "remains of nobody 1; ");
  EXPECT_EQ(debt(0, {tables::completed_key(100, id)}), "remains of nobody 1; ");
}

}  // namespace
}  // namespace perdure::sim
