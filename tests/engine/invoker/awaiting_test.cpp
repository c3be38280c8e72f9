// Futures of any depth: what is kept of them, and where it ends.
#include "engine/invoker/awaiting.h"

#include "engine/wire/command.h"

#include <gtest/gtest.h>

namespace perdure::invoker {
namespace {

using wire::detail::put_tag;
using wire::detail::put_varint;
using wire::detail::WireType;

std::string nested_in(std::string inner, std::uint32_t field_number) {
  std::string out;
  put_tag(out, field_number, WireType::bytes);
  put_varint(out, inner.size());
  return out + inner;
}

// A suspension on completion 7, `depth` futures deep, each beside completion 1.
std::string suspension(int depth) {
  std::string future = wire::encode(wire::Future{.completions = {7}});
  for (int i = 1; i < depth; ++i) {
    const std::string own = wire::encode(
        wire::Future{.completions = {1}, .combinator = wire::Combinator::all_completed});
    future = own + nested_in(future, 4);
  }
  return nested_in(future, 4);
}

TEST(Awaiting, ShallowTreesAreKept) {
  const auto future = read_awaiting(suspension(future_depth_kept), 7);
  ASSERT_TRUE(future);
  EXPECT_EQ(future->combinator, wire::Combinator::all_completed);
  EXPECT_EQ(future->nested.size(), 1U);
}

TEST(Awaiting, DeeperOnesBecomeAnyOfTheirLeaves) {
  for (const int depth : {future_depth_kept + 1, 100, future_depth_max}) {
    const auto future = read_awaiting(suspension(depth), 7);
    ASSERT_TRUE(future) << depth;
    EXPECT_EQ(future->combinator, wire::Combinator::first_completed);
    EXPECT_TRUE(future->nested.empty());
    EXPECT_EQ(future->completions.size(), static_cast<std::size_t>(depth));
    EXPECT_EQ(future->completions.back(), 7U);
  }
}

TEST(Awaiting, BeyondTheLimitTheInvocationPauses) {
  const auto future = read_awaiting(suspension(future_depth_max + 1), 7);
  ASSERT_FALSE(future);
  EXPECT_EQ(future.error().restate_code, "RT0025");
  EXPECT_EQ(future.error().behavior, wire::ErrorBehavior::pause);
}

TEST(Awaiting, WhatIsKeptSurvivesTheLog) {
  auto future = read_awaiting(suspension(future_depth_kept), 7);
  wire::Record record;
  record.commands.push_back({.body = wire::Suspend{.id = {}, .awaiting = std::move(*future)}});
  EXPECT_TRUE(wire::decode<wire::Record>(wire::encode(record)));
}

TEST(Awaiting, RubbishIsAViolation) {
  for (const char* bytes : {"\x22\x05", "\x22\x02\x0a\x7f", "\xff"}) {
    const auto future = read_awaiting(bytes, 7);
    ASSERT_FALSE(future);
    EXPECT_EQ(future.error().restate_code, "RT0012");
  }
}

}  // namespace
}  // namespace perdure::invoker
