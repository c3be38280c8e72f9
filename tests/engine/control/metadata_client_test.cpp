#include "engine/control/metadata_client.h"

#include <gtest/gtest.h>

#include <map>

#include "host/manual_loop.h"

namespace perdure::control {
namespace {

// Members of which each answers as it was told to; and who was asked, in order.
class Pretence final : public Members {
 public:
  using Answer = std::function<Result<std::string>(std::string_view question)>;

  void send(NodeId, std::string) override {}
  Result<std::string> ask(NodeId to, std::string_view question, Instant) override {
    asked.push_back(to.raw());
    const auto found = answers.find(to);
    if (found == answers.end()) return fail(Code::not_found, "no such node");
    return found->second(question);
  }

  std::map<NodeId, Answer> answers;
  std::vector<std::uint64_t> asked;
};

Pretence::Answer says(Code code, std::string detail) {
  return [code, detail](std::string_view) -> Result<std::string> { return fail(code, detail); };
}
Pretence::Answer names(std::optional<NodeId> leader) {
  return [leader](std::string_view) -> Result<std::string> { return not_the_leader(leader); };
}
Pretence::Answer has(std::uint64_t version, std::string value) {
  return [version, value](std::string_view) -> Result<std::string> {
    return answer_of({.version = version, .value = value});
  };
}

struct Client {
  Client() {
    members.answers[NodeId(1)] = names(NodeId(3));
    members.answers[NodeId(2)] = names(std::nullopt);
    members.answers[NodeId(3)] = has(7, "x");
  }
  Result<Versioned> get(Duration patience = std::chrono::seconds(10)) {
    Result<Versioned> found = fail(Code::cancelled, "never ended");
    EXPECT_TRUE(loop.run([&] { found = client.get("key", loop.in(patience)); }));
    return found;
  }

  host::ManualLoop loop;
  Pretence members;
  std::vector<NodeId> candidates = {NodeId(1), NodeId(2), NodeId(3)};
  MetadataClient client{loop.fibers, members, [this] { return candidates; }};
};

using Asked = std::vector<std::uint64_t>;

TEST(metadata_client, goes_to_the_leader_that_is_named_and_stays_with_it) {
  Client c;
  const auto found = c.get();
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (Versioned{.version = 7, .value = "x"}));
  ASSERT_TRUE(c.get());
  EXPECT_EQ(c.members.asked, (Asked{1, 3, 3}));
}

TEST(metadata_client, asks_the_next_when_one_is_silent_or_knows_nobody) {
  Client c;
  c.members.answers[NodeId(1)] = says(Code::timed_out, "no answer");
  ASSERT_TRUE(c.get());
  EXPECT_EQ(c.members.asked, (Asked{1, 2, 3}));
}

TEST(metadata_client, forgets_a_leader_that_leads_no_more) {
  Client c;
  ASSERT_TRUE(c.get());
  c.members.answers[NodeId(3)] = names(NodeId(2));
  c.members.answers[NodeId(2)] = has(8, "y");
  const auto found = c.get();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->version, 8u);
  EXPECT_EQ(c.members.asked, (Asked{1, 3, 3, 2}));
}

TEST(metadata_client, an_answer_that_no_retry_helps_comes_back_at_once) {
  Client c;
  c.members.answers[NodeId(3)] = says(Code::conflict, "'key' is at version 9");
  const auto found = c.get();
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::conflict);
}

TEST(metadata_client, gives_up_at_the_deadline) {
  Client c;
  c.members.answers[NodeId(3)] = names(std::nullopt);
  c.members.answers[NodeId(1)] = names(std::nullopt);
  const auto found = c.get(std::chrono::seconds(1));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Code::timed_out);
  EXPECT_GT(c.members.asked.size(), 10u);
  EXPECT_LT(c.members.asked.size(), 100u);
}

TEST(metadata_client, two_that_name_each_other_are_not_asked_in_a_loop) {
  Client c;
  c.members.answers[NodeId(1)] = names(NodeId(2));
  c.members.answers[NodeId(2)] = names(NodeId(1));
  const auto found = c.get(std::chrono::seconds(1));
  ASSERT_FALSE(found);
  EXPECT_LT(c.members.asked.size(), 200u);
}

TEST(metadata_words, a_leader_is_named_and_read_again) {
  EXPECT_EQ(leader_named_in(not_the_leader(NodeId(12)).error()), NodeId(12));
  EXPECT_EQ(leader_named_in(not_the_leader(std::nullopt).error()), std::nullopt);
  EXPECT_EQ(leader_named_in({Code::retry_elsewhere, "the leader is n12x"}), std::nullopt);
  EXPECT_EQ(leader_named_in({Code::conflict, "the leader is n12"}), std::nullopt);
}

}  // namespace
}  // namespace perdure::control
