#include "sim/check/history.h"

#include <gtest/gtest.h>

#include "sim/check/observers.h"

namespace perdure::sim {
namespace {

class Judged : public testing::Test {
 protected:
  std::size_t did(Verb verb, std::string key, std::string token, Nanos invoked, Nanos returned,
                  std::string answer, Fate fate = Fate::answered) {
    const std::size_t number = history.invoked({.client = 1,
                                                .verb = verb,
                                                .key = std::move(key),
                                                .token = std::move(token),
                                                .invoked = invoked});
    if (fate != Fate::open) history.returned(number, returned, fate, std::move(answer));
    return number;
  }
  std::string found() const { return findings.empty() ? "" : findings.front().check; }

  std::vector<Finding> findings;
  History history{[this](Finding finding) { findings.push_back(std::move(finding)); }};
};

TEST_F(Judged, NothingIsWrongWithAnHonestServer) {
  did(Verb::append, "k", "a", 1, 5, "1");
  did(Verb::append, "k", "b", 3, 6, "3");
  did(Verb::chain, "k", "c", 2, 9, "2");
  did(Verb::append, "k", "lost", 2, 9, "", Fate::unknown);
  did(Verb::add, "k", "x", 1, 2, "1");
  did(Verb::echo, "", "hello", 1, 2, "hello");
  history.check_list("k", {"a", "c", "b", "lost"});
  history.check_list("k", {"a", "c", "b"});
  history.check_counter("k", 1);
  EXPECT_EQ(found(), "");
}

TEST_F(Judged, AnAnsweredTokenMustStay) {
  did(Verb::append, "k", "a", 1, 5, "1");
  history.check_list("k", {});
  EXPECT_EQ(found(), "acked-is-durable");
}

TEST_F(Judged, ATokenTwiceIsTooOften) {
  did(Verb::send, "k", "a", 1, 5, "");
  history.check_list("k", {"a", "a"});
  EXPECT_EQ(found(), "exactly-once");
}

TEST_F(Judged, TwoMayNotGetOnePosition) {
  did(Verb::add, "k", "a", 1, 5, "1");
  did(Verb::add, "k", "b", 1, 5, "1");
  EXPECT_EQ(found(), "exactly-once");
}

TEST_F(Judged, RealTimeOrderHolds) {
  did(Verb::append, "k", "late", 10, 12, "1");
  did(Verb::append, "k", "early", 1, 5, "2");
  EXPECT_EQ(found(), "per-key-order");
}

TEST_F(Judged, CountsFitWhatWasSent) {
  did(Verb::add, "k", "a", 1, 5, "1");
  did(Verb::add, "k", "b", 1, 5, "", Fate::unknown);
  history.check_counter("k", 2);
  EXPECT_EQ(found(), "");
  history.check_counter("k", 3);
  EXPECT_EQ(found(), "exactly-once");
}

TEST_F(Judged, WhatNobodySentIsInvented) {
  did(Verb::append, "k", "a", 1, 5, "1");
  history.check_list("k", {"a", "z"});
  EXPECT_EQ(found(), "nothing-invented");
}

TEST_F(Judged, AnAnswerIsFinal) {
  const std::size_t number = did(Verb::add, "k", "a", 1, 5, "1");
  history.answered_again(number, "1");
  EXPECT_EQ(found(), "");
  history.answered_again(number, "2");
  EXPECT_EQ(found(), "stable-answers");
}

TEST(Observers, JournalsGrowOnlyAtTheirEnd) {
  std::vector<std::string> found;
  Journals journals([&](Finding finding) { found.push_back(finding.check); });
  journals.replayed("inv_1", "ab");
  journals.replayed("inv_1", "abc");
  journals.replayed("inv_1", "a");  // an older attempt, late
  EXPECT_TRUE(found.empty());
  journals.replayed("inv_1", "abd");
  EXPECT_EQ(found, std::vector<std::string>{"journal-prefix"});
}

}  // namespace
}  // namespace perdure::sim
