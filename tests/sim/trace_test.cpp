#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/base/bytes.h"
#include "sim/cli/divergence.h"
#include "sim/cli/told.h"
#include "sim/scenario_file.h"
#include "sim/trace/page.h"
#include "sim/trace/perfetto.h"
#include "sim/trace/spans.h"
#include "sim/trace/story.h"
#include "sim/trace/story_file.h"
#include "sim/trace/view.h"
#include "sim/trace/why.h"

namespace perdure::sim::trace {
namespace {

// One run of the journal self-test whose planted bug is found, told.
const Story& failing_run() {
  static const std::unique_ptr<Story> story = [] {
    const auto plan = open_plan("journal_answers_before_sync");
    for (std::uint64_t seed = 1;; ++seed) {
      const cli::OneSeed one = {.token = {.build = "b", .scenario = plan->name, .seed = seed},
                                .plan = *plan};
      cli::Told told = cli::tell(one);
      if (!told.story->about.passed()) return std::move(told.story);
    }
  }();
  return *story;
}

Story small() {
  Story story;
  story.about = {.token = "S1-b-x-7", .scenario = "x", .seed = 7, .check = "acked-is-durable"};
  story.hosts.push_back({.name = "n1", .shards = 2});
  story.hosts.push_back({.name = "client1", .helper = true});
  const auto add = [&](What what, std::uint32_t host, std::uint64_t at, std::uint64_t cause,
                       std::string_view name, std::uint64_t a = 0) {
    return story.add({.event = at / 10,
                      .at = at,
                      .cause = cause,
                      .a = a,
                      .host = host,
                      .incarnation = 1,
                      .what = what,
                      .name = story.text(name)});
  };
  add(What::up, 1, 0, 0, "n1");
  const auto asked = add(What::invoke, 2, 10, 0, "add", 5);
  const auto sent = add(What::send, 2, 10, asked, "POST", 1);
  const auto arrived = add(What::arrive, 0, 30, sent, "");
  const auto turn = add(What::turn, 1, 40, arrived, "");
  const auto step = add(What::resume, 1, 40, turn, "http.exchange");
  add(What::fault, 1, 45, 0, "pause", 100);
  const auto back = add(What::send, 1, 50, step, "200", 2);
  const auto told = add(What::arrive, 0, 60, back, "");
  add(What::answer, 2, 60, told, "add", 5);
  add(What::down, 1, 70, 0, "n1");
  add(What::check, 0, 80, 0, "acked-is-durable");
  return story;
}

TEST(Story, ATextHasOneId) {
  Story story;
  EXPECT_EQ(story.text(""), 0U);
  const TextId id = story.text("log.opened");
  EXPECT_EQ(story.text("log.opened"), id);
  EXPECT_NE(story.text("log.closed"), id);
  EXPECT_EQ(story.text(id), "log.opened");
}

TEST(Story, TheLastWordOfAMarkSaysWhatItIs) {
  EXPECT_EQ(what_of_mark("log.record.committed"), What::commit);
  EXPECT_EQ(what_of_mark("processor.applied"), What::apply);
  EXPECT_EQ(what_of_mark("log.sealed"), What::seal);
  EXPECT_EQ(what_of_mark("processor.leader.ended"), What::role);
  EXPECT_EQ(what_of_mark("wal.opened"), What::mark);
  for (std::size_t i = 0; i < what_count; ++i) {
    const auto what = static_cast<What>(i);
    EXPECT_EQ(what_of(name_of(what)), what);
  }
}

TEST(Story, EveryCauseLiesBeforeItsEffect) {
  const Story& story = failing_run();
  ASSERT_GT(story.size(), 1000U);
  std::uint64_t with_cause = 0;
  for (std::uint64_t number = 1; number <= story.size(); ++number) {
    const Moment& moment = story.moment(number);
    ASSERT_LT(moment.cause, number);
    if (moment.cause == 0) continue;
    ++with_cause;
    ASSERT_LE(story.moment(moment.cause).at, moment.at);
    ASSERT_LE(story.moment(moment.cause).event, moment.event);
  }
  EXPECT_GT(with_cause * 10, story.size() * 9);  // most things have one
}

TEST(StoryFile, GoesThereAndBack) {
  const Story& story = failing_run();
  const std::string bytes = to_bytes(story);
  EXPECT_LT(bytes.size(), story.size() * 40);
  const auto back = from_bytes(bytes);
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->about, story.about);
  EXPECT_EQ(back->hosts, story.hosts);
  EXPECT_EQ(back->moments(), story.moments());
  EXPECT_EQ(back->texts(), story.texts());
}

TEST(StoryFile, WhatIsCutOrTwistedIsAnError) {
  const std::string bytes = to_bytes(small());
  ASSERT_TRUE(from_bytes(bytes));
  const std::size_t head_end = 8 + 4 + get_be<std::uint32_t>(std::string_view(bytes).substr(8));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (size == head_end) continue;  // a story in which nothing happened
    EXPECT_FALSE(from_bytes(bytes.substr(0, size))) << size;
  }
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {1, 0x80, 0xFF}) {
      std::string twisted = bytes;
      twisted[at] = static_cast<char>(twisted[at] ^ flip);
      (void)from_bytes(twisted);  // some other story, or an error
    }
  }
}

TEST(View, ShowsTransitionsUnlessAskedForMore) {
  const Story story = small();
  const auto kinds = [&story](const Choice& choice) {
    std::string text;
    for (const std::uint64_t number : chosen(story, choice)) {
      text += std::string(name_of(story.moment(number).what)) + " ";
    }
    return text;
  };
  EXPECT_EQ(kinds({}), "up invoke fault answer down check ");
  EXPECT_EQ(kinds({.kinds = {What::send, What::arrive}}), "send arrive send arrive ");
  EXPECT_EQ(kinds({.nodes = {"n1"}, .kinds = {What::arrive}}), "arrive ");
  EXPECT_EQ(kinds({.around = 4, .span = 1}), "arrive turn resume fault send ");
  EXPECT_EQ(kinds({.name = "pause"}), "fault ");
}

TEST(View, FollowingAThingShowsTheCausesBetween) {
  Story story = small();
  Choice choice{.follow = "add"};
  std::string text;
  for (const std::uint64_t number : chosen(story, choice)) {
    text += std::string(name_of(story.moment(number).what)) + " ";
  }
  EXPECT_EQ(text, "invoke send arrive turn resume send arrive answer ");
}

TEST(View, ALineHasFixedColumns) {
  const Story story = small();
  EXPECT_EQ(line_of(story, 2, false), "    0.000000        1  client1    ▶ add");
  EXPECT_EQ(line_of(story, 4, false), "    0.000000        3  n1.1/0     ← POST from client1");
}

TEST(View, AnUnknownKindIsNamedWithThoseThereAre) {
  Choice choice;
  const auto wrong = choose_kinds(choice, "send,sned");
  ASSERT_FALSE(wrong);
  EXPECT_NE(wrong.error().detail.find("'sned'"), std::string::npos);
  EXPECT_NE(wrong.error().detail.find("arrive"), std::string::npos);
}

TEST(Why, GoesBackToTheBeginning) {
  const Story story = small();
  const std::string text = why(story, 10, 40, false, false);
  EXPECT_EQ(text,
            "    0.000000        6          client1 was told: add\n"
            "    0.000000        6  because client1 was reached by 200 from n1\n"
            "    0.000000        3  because n1.1/0 was reached by POST from client1\n"
            "    0.000000        1  because client1 asked: add\n"
            "(4 turns and steps between left out; --all shows them)\n");
}

TEST(Why, OfARealAnswerIsTheClientsRequest) {
  const Story& story = failing_run();
  std::uint64_t explained = 0, answers = 0;
  for (std::uint64_t number = 1; number <= story.size(); ++number) {
    if (story.moment(number).what != What::answer) continue;
    ++answers;
    const auto chain = causes_of(story, number);
    explained += std::ranges::any_of(chain, [&](std::uint64_t link) {
      return story.moment(link).what == What::invoke || story.moment(link).what == What::retry;
    });
  }
  EXPECT_GT(answers, 0U);
  EXPECT_EQ(explained, answers);
}

TEST(Spans, FindsWhatLasts) {
  const Spans spans = spans_of(small());
  ASSERT_EQ(spans.lives.size(), 1U);
  EXPECT_EQ(spans.lives[0].to, 70U);
  ASSERT_EQ(spans.faults.size(), 1U);
  EXPECT_EQ(spans.faults[0].to, 80U);  // cut by the end of the run
  ASSERT_EQ(spans.operations.size(), 1U);
  EXPECT_EQ(spans.operations[0].outcome, Outcome::answered);
  ASSERT_EQ(spans.messages.size(), 2U);
  EXPECT_EQ(spans.messages[1].to_host, 2U);
}

// Between `begin` and `end`, not included.
std::string between(const std::string& text, std::string_view begin, std::string_view end) {
  const std::size_t from = text.find(begin) + begin.size();
  return text.substr(from, text.find(end, from) - from);
}

TEST(Page, HoldsTheWholeStoryAndNeedsNothingElse) {
  const Story& story = failing_run();
  const std::string page = page_of(story);
  const std::string data =
      between(page, R"(<script type="application/json" id="data">)", "</script>");
  const auto json = nlohmann::json::parse(data, nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  EXPECT_EQ(json["about"]["seed"], story.about.seed);
  EXPECT_EQ(json["about"]["check"], "acked-is-durable");
  EXPECT_EQ(json["m"]["at"].size(), json["m"]["words"].size());
  EXPECT_GE(json["verdict"].get<std::int64_t>(), 0);
  EXPECT_GT(json["ops"].size(), 0U);
  EXPECT_GT(json["lives"].size(), 1U);
  for (const char* reach : {"src=", "href=\"http", "@import", "url(", "{{"}) {
    EXPECT_EQ(page.substr(0, page.find("id=\"data\"")).find(reach), std::string::npos) << reach;
  }
}

TEST(Page, ATextCannotEndItsScript) {
  Story story = small();
  story.about.detail = "</script><script>alert(1)</script>";
  const std::string page = page_of(story);
  EXPECT_EQ(page.find("<script>alert"), std::string::npos);
}

TEST(Perfetto, IsJsonWithASliceForEachOperation) {
  const auto json = nlohmann::json::parse(perfetto_of(small()), nullptr, false);
  ASSERT_FALSE(json.is_discarded());
  std::size_t operations = 0;
  for (const auto& each : json["traceEvents"]) {
    operations += each["ph"] == "X" && each["name"] == "add";
  }
  EXPECT_EQ(operations, 1U);
}

TEST(Divergence, IsInTheFirstBlockThatDiffers) {
  const std::string one(16, '1'), two(16, '2'), three(16, '3');
  EXPECT_EQ(cli::first_different_block(one + two, one + two), std::nullopt);
  EXPECT_EQ(cli::first_different_block(one + two, one + three), 1U);
  EXPECT_EQ(cli::first_different_block(one, one + three), 1U);
  EXPECT_EQ(cli::first_different_block("", ""), std::nullopt);
}

TEST(Divergence, IsToldWithBothSidesCauses) {
  const Story plain = small();
  EXPECT_EQ(cli::first_difference(plain, small()), 0U);
  EXPECT_EQ(cli::tell_difference(plain, small()), "");
  Story other;
  other.hosts = plain.hosts;
  for (std::uint64_t number = 1; number <= plain.size(); ++number) {
    Moment moment = plain.moment(number);
    moment.name = other.text(plain.text(moment.name));
    if (number == 8) moment.name = other.text("503");
    other.add(moment);
  }
  EXPECT_EQ(cli::first_difference(plain, other), 8U);
  const std::string told = cli::tell_difference(plain, other);
  EXPECT_NE(told.find("they part in event 5"), std::string::npos) << told;
  EXPECT_NE(told.find("n1.1/0 sent 200 to client1"), std::string::npos) << told;
  EXPECT_NE(told.find("n1.1/0 sent 503 to client1"), std::string::npos) << told;
  EXPECT_NE(told.find("because n1.1/0 was reached by POST"), std::string::npos) << told;
}

TEST(Divergence, ARunStopsAtTheFoldItWasAskedTo) {
  const Scenario* scenario = find_scenario("journal");
  const Verdict whole = scenario->run({.seed = 3});
  const Verdict part = scenario->run({.seed = 3, .folds_max = 2 * Digest::block});
  ASSERT_EQ(part.digest_blocks.size(), 2U);
  ASSERT_GT(whole.digest_blocks.size(), 2U);
  EXPECT_TRUE(std::ranges::equal(part.digest_blocks, std::span(whole.digest_blocks).subspan(0, 2)));
}

}  // namespace
}  // namespace perdure::sim::trace
